"""LeakGAN: the discriminator leaks its features to a Manager that sets goals for the writer.

$ python recipes/leakgan.py                                 bundled cat captions, minutes on a laptop
$ python recipes/leakgan.py --text my.txt --out runs/mine   your own text, a line each
$ python recipes/leakgan.py --reward constant               the control: no reward
$ python recipes/leakgan.py --pretrained runs/leakgan       start from the generator of an earlier run
$ python recipes/leakgan.py paper --oracle oracle.pkl       the authors' settings on an oracle (hours)
$ python recipes/leakgan.py smoke                           seconds, to see that everything works
$ python recipes/leakgan.py --resume runs/leakgan           go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass, replace
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, TextData, load_corpus
from seqgan_kit.evaluation.pretrained import start_from, start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import CAPTIONS, CAPTIONS_CNN, SMOKE
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.rewarded import leakgan
from seqgan_kit.methods.rewarded.leakgan import LeakGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.discriminators.textcnn import TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.hierarchical.leak_generator import (
    LeakConfig,
    build_leak_generator,
)
from seqgan_kit.text_recipe import close_text_run, corpus_discriminator, text_hooks


@dataclass(frozen=True)
class Config:
    """LeakGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[LeakGANMethod, flat] = LeakGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: LeakConfig = LeakConfig()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=LeakGANMethod(
            rollouts=2,
            discriminator_weight=1.0,
            negatives_temperature=1.0,
            baseline="batch",
            blocks=15,
        ),
        training=replace(CAPTIONS, discriminator_moves=16, discriminator_learning_rate=1e-3),
        generator=LeakConfig(embedding=64, hidden=64, trunk=CAPTIONS_CNN.textcnn),
    ),
    "paper": Config(
        training=FineTuning(
            mle_epochs=80,
            mle_learning_rate=1.5e-3,
            generator_learning_rate=1.5e-3,
            discriminator_learning_rate=5e-5,
            rounds=800,
            score_l2=0.0,
        ),
        generator=LeakConfig(trunk=TextCNNConfig(dropout=0.0)),
    ),
    "smoke": Config(
        method=LeakGANMethod(rollouts=1, blocks=2),
        training=replace(SMOKE, teacher_forcing_moves=1),
        generator=LeakConfig(
            16, 16, 4, trunk=TextCNNConfig(embedding=16, filters=((2, 8), (3, 8)))
        ),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("leakgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed, cfg.method.rollouts)
        ids = corpus.tokenizer
        generator = build_leak_generator(
            cfg.generator, ids.vocabulary_size, corpus.length, bos=ids.bos, eos=ids.eos, pad=ids.pad
        )
        start_from(training.pretrained, generator, ids, run.say)
        judge = DiscriminatorChoice(textcnn=cfg.generator.trunk)
        discriminator = corpus_discriminator(judge, corpus)

        scorer = TextScorer(corpus, world, cfg.scores)
        game = leakgan.build(generator, discriminator, cfg.method, training)
        phases = leakgan.phases(cfg.method, training)
        trainer = Trainer(run, game, phases, feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "LeakGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)

"""RankGAN: a discriminator that ranks sentences by their likeness to real ones.

$ python recipes/rankgan.py                                 bundled cat captions, minutes on a laptop
$ python recipes/rankgan.py --text my.txt --out runs/mine   your own text, a line each
$ python recipes/rankgan.py --reward constant               the control: no ranker
$ python recipes/rankgan.py --pretrained runs/mle           start from a trained generator
$ python recipes/rankgan.py paper --text my.txt             SeqGAN's networks and schedule (hours; a GPU)
$ python recipes/rankgan.py smoke                           seconds, to see that everything works
$ python recipes/rankgan.py --resume runs/rankgan           go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass, replace
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, TextData, load_corpus
from seqgan_kit.evaluation.pretrained import start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import (
    CAPTIONS,
    CAPTIONS_CNN,
    CAPTIONS_LSTM,
    SMOKE,
    SMOKE_CNN,
)
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.rewarded import rankgan
from seqgan_kit.methods.rewarded.rankgan import RankGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """RankGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[RankGANMethod, flat] = RankGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning(score_l2=0.0)
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=RankGANMethod(rollouts=4, baseline="batch"),
        training=replace(CAPTIONS, discriminator_learning_rate=1e-3),
        generator=CAPTIONS_LSTM,
        discriminator=CAPTIONS_CNN,
    ),
    "paper": Config(),
    "smoke": Config(
        method=RankGANMethod(rollouts=2, references=4),
        training=replace(SMOKE, batch_size=16, score_l2=0.0),
        discriminator=SMOKE_CNN,
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("rankgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle, cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed, cfg.method.rollouts)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        words, pad = corpus.vocabulary, corpus.tokenizer.pad
        length = corpus.given + corpus.length
        discriminator = build_discriminator(cfg.discriminator, words, length, pad=pad)

        scorer = TextScorer(corpus, world, cfg.scores)
        game = rankgan.build(generator, discriminator, cfg.method, training)
        phases = rankgan.phases(cfg.method, training, corpus.given)
        trainer = Trainer(run, game, phases, feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "RankGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)

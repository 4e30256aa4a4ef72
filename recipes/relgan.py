"""RelGAN: relational memory, relaxed tokens, a discriminator with several embeddings per sentence.

$ python recipes/relgan.py                                 bundled cat captions, minutes on a laptop
$ python recipes/relgan.py --text my.txt --tokenizer char  your own text, a line each
$ python recipes/relgan.py oracle                          the LSTM world of the SeqGAN paper
$ python recipes/relgan.py paper --text my.txt             the settings of the authors' COCO run (hours)
$ python recipes/relgan.py smoke                           seconds, to see that everything works
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass, replace
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import PinnedDiscriminator
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, TextData, load_corpus
from seqgan_kit.evaluation.pretrained import start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import CAPTIONS, ORACLE, SMALL_RELGAN_CNN, SMOKE
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods import relgan
from seqgan_kit.methods.relgan import RelGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig
from seqgan_kit.text_recipe import (
    close_text_run,
    corpus_discriminator,
    starting_generator,
    text_hooks,
)


@dataclass(frozen=True)
class Config:
    """RelGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[RelGANMethod, flat] = RelGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        training=replace(CAPTIONS, negatives=0),
        generator=GeneratorChoice("relational", relational=RelationalConfig(head_size=64)),
        discriminator=SMALL_RELGAN_CNN,
    ),
    "oracle": Config(
        oracle=OracleData("seed:88"),
        method=RelGANMethod(beta_max=10.0),
        training=replace(ORACLE, pretrain_pools=40, discriminator_learning_rate=1e-4),
        discriminator=SMALL_RELGAN_CNN,
    ),
    "paper": Config(
        method=RelGANMethod(annealing_rounds=5000),
        training=FineTuning(
            mle_epochs=150,
            negatives=0,
            pretrain_pools=0,
            discriminator_moves=5,
            rounds=2000,
            pools=1,
            generator_learning_rate=1e-4,
            discriminator_learning_rate=1e-4,
            discriminator_clip_norm=5.0,
            score_l2=0.0,
            evaluate_every_rounds=50,
        ),
        generator=GeneratorChoice("relational"),
        discriminator=DiscriminatorChoice("relgan_cnn"),
    ),
    "smoke": Config(
        training=replace(SMOKE, negatives=0),
        generator=GeneratorChoice("relational", relational=RelationalConfig(head_size=8)),
        discriminator=DiscriminatorChoice(
            "relgan_cnn", relgan_cnn=RelGANCNNConfig(4, filters=((2, 8), (3, 8)))
        ),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("relgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = corpus_discriminator(cfg.discriminator, corpus)
        game = relgan.build(generator, discriminator, cfg.method, training)

        scorer = TextScorer(corpus, world, cfg.scores)
        hooks = text_hooks(scorer, PinnedDiscriminator())
        phases = relgan.phases(cfg.method, training)
        trainer = Trainer(run, game, phases, feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "RelGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)

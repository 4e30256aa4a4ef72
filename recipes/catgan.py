"""CatGAN: RelGAN with classes, whose generator evolves: the fittest of several updates replaces it.

$ python recipes/catgan.py                                bundled captions of one, two or three cats
$ python recipes/catgan.py --text my.csv --column text --label-column sentiment --out runs/mine
$ python recipes/catgan.py --mutations ragan --temperature-step 0    one child: no evolution
$ python recipes/catgan.py --temperature-policies all     children choose how the temperature falls
$ python recipes/catgan.py paper --text my.csv --column text --label-column sentiment    (hours; a GPU)
$ python recipes/catgan.py smoke                          seconds, to see that everything works
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
from seqgan_kit.evaluation.text_presets import CAPTIONS, SMALL_RELGAN_CNN, SMOKE
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods import catgan
from seqgan_kit.methods.catgan import CatGANMethod
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
    """CatGAN on text with classes."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[CatGANMethod, flat] = CatGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice("relational")
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice("relgan_cnn")
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


CATS = TextData(text="catworld:faces", column="caption")
NUMBER = PairData(label_column="cats")

PRESETS = {
    "default": Config(
        data=CATS,
        pairs=NUMBER,
        method=CatGANMethod(fitness_samples=128),
        training=replace(
            CAPTIONS,
            batch_size=64,
            negatives=0,
            pretrain_pools=15,
            discriminator_moves=3,
            rounds=60,
            generator_moves=1,
            teacher_forcing_moves=0,
            generator_learning_rate=1e-4,
            discriminator_learning_rate=1e-3,
        ),
        generator=GeneratorChoice("relational", relational=RelationalConfig(head_size=64)),
        discriminator=SMALL_RELGAN_CNN,
    ),
    "paper": Config(
        method=CatGANMethod(diversity_weight=2e-6),
        training=FineTuning(
            mle_epochs=150,
            negatives=0,
            pretrain_pools=0,
            discriminator_moves=3,
            rounds=2000,
            pools=1,
            generator_learning_rate=1e-4,
            discriminator_learning_rate=1e-4,
            discriminator_clip_norm=5.0,
            score_l2=0.0,
            evaluate_every_rounds=50,
        ),
        generator=GeneratorChoice("relational", relational=RelationalConfig(head_size=512)),
    ),
    "smoke": Config(
        data=CATS,
        pairs=NUMBER,
        method=CatGANMethod(fitness_samples=16),
        training=replace(SMOKE, negatives=0),
        generator=GeneratorChoice("relational", relational=RelationalConfig(head_size=8)),
        discriminator=DiscriminatorChoice(
            "relgan_cnn", relgan_cnn=RelGANCNNConfig(4, filters=((2, 8), (3, 8)))
        ),
        scores=TextScoreSettings(score_samples=100, evaluation_samples=20),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("catgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = corpus_discriminator(cfg.discriminator, corpus)
        game = catgan.build(generator, discriminator, cfg.method, training)

        scorer = TextScorer(corpus, world, cfg.scores)
        phases = catgan.phases(cfg.method, training)
        trainer = Trainer(run, game, phases, feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "CatGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)

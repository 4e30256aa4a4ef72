"""Stacked-MNIST: mode collapse on 1,000 modes, three digits in three colour channels; DCGAN, PacDCGAN, R3GAN.

$ python recipes/stacked_mnist.py --images mnist.parquet    DCGAN on any labelled digits, minutes on a CPU
$ python recipes/stacked_mnist.py --images mnist.parquet --packing 2     PacDCGAN2
$ python recipes/stacked_mnist.py paper --images mnist.parquet --packing 2   PacGAN's data and epochs
$ python recipes/stacked_mnist.py r3gan --images mnist.parquet   R3GAN; its ablation: --r3gan.no-r2 and so on
$ python recipes/stacked_mnist.py                           bundled cat faces, stacked by coat
$ python recipes/stacked_mnist.py smoke                     seconds, to see that everything works
$ python recipes/stacked_mnist.py --resume runs/stacked_mnist            go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScoreSettings
from image_gans.evaluation.stacked_scores import StackedScorer, StackSettings, triples_of
from image_gans.methods import dcgan
from image_gans.methods.dcgan import DCGANMethod
from image_gans.methods.modern import r3gan
from image_gans.methods.modern.r3gan import R3GANMethod
from image_gans.metrics.stacked import stacked_corpus
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Rules:
    """The method, and R3GAN's settings."""

    rules: Literal["dcgan", "r3gan"] = "dcgan"
    """Losses and schedules: those of DCGAN, or those of R3GAN (--r3gan.*)."""
    r3gan: R3GANMethod = R3GANMethod(gamma=1.0, final_gamma=0.1)


@dataclass(frozen=True)
class Config:
    """DCGAN or R3GAN on stacked images."""

    data: Annotated[ImageData, flat] = ImageData(channels=1)
    stacks: Annotated[StackSettings, flat] = StackSettings()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    rules: Annotated[Rules, flat] = Rules()
    method: Annotated[DCGANMethod, flat] = DCGANMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = ImageTraining()
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=16),
        training=ImageTraining(batch_size=64, epochs=10, sample_every_rounds=1000),
    ),
    "r3gan": Config(
        data=ImageData(channels=1, size=16),
        networks=NetworkChoice("modern", width=16, latent=64, growth=4),
        rules=Rules("r3gan"),
        training=replace(
            r3gan.PAPER,
            generator_learning_rate=1e-3,
            discriminator_learning_rate=1e-3,
            batch_size=64,
            average_decay=0.995,
            epochs=5,
            sample_every_rounds=500,
        ),
    ),
    "paper": Config(
        stacks=StackSettings(stacked=128_000),
        networks=NetworkChoice(width=64),
        training=ImageTraining(
            batch_size=64, epochs=50, sample_every_rounds=1000, evaluate_every_rounds=1000
        ),
    ),
    "smoke": Config(
        data=ImageData(channels=1, size=16),
        stacks=StackSettings(
            stacked=64, mode_samples=100, mode_evaluation_samples=50, recogniser_steps=10
        ),
        networks=NetworkChoice(width=4),
        training=ImageTraining(batch_size=16, epochs=2, evaluate_every_rounds=5),
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Single images and their recogniser, stacks of them, networks, game, training, modes."""
    with open_run("stacked_mnist", cfg) as run:
        singles = load_images(cfg.data)
        run.say("\n".join(singles.account.lines()))
        triples = triples_of(singles, cfg.stacks)
        run.say(triples.line())
        rng = torch.Generator().manual_seed(run.settings.seed)
        corpus = stacked_corpus(singles, cfg.stacks.stacked, rng)
        data = replace(cfg.data, channels=3)
        players = build_networks(cfg.networks, data, packing=cfg.techniques.packing)
        if modern := cfg.rules.rules == "r3gan":
            game = r3gan.build(*players, cfg.rules.r3gan, cfg.techniques)
            phases = r3gan.phases(cfg.training, cfg.rules.r3gan, cfg.techniques)
        else:
            game = dcgan.build(*players, cfg.method, cfg.techniques)
            phases = dcgan.phases(cfg.training, cfg.techniques)

        scorer = StackedScorer(corpus, cfg.scores, triples=triples, stacks=cfg.stacks)
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        hooks, following = image_hooks(scorer), averages(cfg.training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(
            run, scorer, trained, "R3GAN" if modern else "DCGAN", "--images mnist.parquet"
        )


if __name__ == "__main__":
    launch(main, PRESETS)

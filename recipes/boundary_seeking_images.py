"""Boundary-seeking GAN on black-and-white images: sampled pixels, weighted by the discriminator.

$ python recipes/boundary_seeking_images.py                 bundled cat faces, minutes on a laptop
$ python recipes/boundary_seeking_images.py --images mnist.parquet     your own images
$ python recipes/boundary_seeking_images.py paper --images mnist.parquet   the paper's rates and M (hours)
$ python recipes/boundary_seeking_images.py smoke           seconds, to see that everything works
$ python recipes/boundary_seeking_images.py --resume runs/boundary_seeking_images   go on where it stopped
$ torchrun --nproc_per_node 2 recipes/boundary_seeking_images.py       several processes
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScorer, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.methods import boundary_seeking_images
from image_gans.methods.boundary_seeking_images import PAPER, BoundarySeekingImagesMethod
from image_gans.networks.bernoulli import (
    BernoulliConfig,
    BernoulliGenerator,
    bernoulli_discriminator,
)
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.binary import binarised
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """Boundary-seeking GAN on black-and-white images."""

    data: Annotated[ImageData, flat] = ImageData(channels=1)
    threshold: int = 128
    """Threshold (1 to 255): a pixel at least this bright is white."""
    method: Annotated[BoundarySeekingImagesMethod, flat] = BoundarySeekingImagesMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = PAPER
    width: int = 64
    """Channels of the layer next to the image; they double towards 4x4."""
    latent: int = 64
    """Dimensions of the latent vector."""
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=BoundarySeekingImagesMethod(judged_samples=1),
        training=replace(
            PAPER,
            batch_size=32,
            generator_learning_rate=1e-3,
            discriminator_learning_rate=2e-4,
            epochs=20,
            most_work=3.0,
            sample_every_rounds=200,
        ),
        width=32,
    ),
    "paper": Config(training=replace(PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000)),
    "smoke": Config(
        data=ImageData(channels=1, size=16),
        method=BoundarySeekingImagesMethod(samples=4),
        training=replace(PAPER, batch_size=16, epochs=0.05, evaluate_every_rounds=5),
        width=4,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("boundary_seeking_images", cfg) as run:
        shape = BernoulliConfig(cfg.data.size, cfg.latent, cfg.width)
        corpus = binarised(load_images(cfg.data), cfg.threshold)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = BernoulliGenerator(shape), bernoulli_discriminator(shape)
        game = boundary_seeking_images.build(*players, cfg.method, cfg.techniques)
        phases = boundary_seeking_images.phases(training, cfg.techniques)

        scorer = ImageScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "BGAN")


if __name__ == "__main__":
    launch(main, PRESETS)

"""LAPGAN: a pyramid of GANs, each of which adds the details of its size to a smaller image.

$ python recipes/lapgan.py                                   bundled cat faces, 8 to 32 pixels, on a laptop
$ python recipes/lapgan.py --images DIR --size 64            your own folder of images, at 64 pixels
$ python recipes/lapgan.py --pyramid.coarsest 16 --network dcgan         a DCGAN at the coarsest level
$ python recipes/lapgan.py paper --images DIR                the paper's widths for CIFAR-10 (use a GPU)
$ python recipes/lapgan.py smoke                             seconds, to see that everything works
$ python recipes/lapgan.py --resume runs/lapgan              go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScorer, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import FACES, SMOKE
from image_gans.methods.pyramid import lapgan
from image_gans.methods.pyramid.lapgan import LAPGANMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.pyramids.pyramid_generator import PyramidShape
from image_gans.networks.pyramids.pyramid_players import LevelJudgeShape, build_pyramid
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """LAPGAN on images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice("mlp")
    pyramid: PyramidShape = PyramidShape()
    judge: LevelJudgeShape = LevelJudgeShape()
    method: Annotated[LAPGANMethod, flat] = LAPGANMethod()
    training: Annotated[ImageTraining, flat] = ImageTraining()
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice("mlp", width=32, generator_norm="batch"),
        pyramid=PyramidShape(width=24, kernel=5),
        judge=LevelJudgeShape(width=16, halvings=2, dropout=0.0, norm="spectral"),
        training=replace(FACES, generator_learning_rate=1e-3, discriminator_learning_rate=4e-4),
    ),
    # Widths, kernels, dropout and batch size for CIFAR-10; the update rule is this project's.
    "paper": Config(
        networks=NetworkChoice("mlp", width=100, dropout=0.5),
        training=ImageTraining(epochs=200, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        networks=NetworkChoice("mlp", width=2, latent=4),
        pyramid=PyramidShape(width=2, kernel=3),
        judge=LevelJudgeShape(width=2, dropout=0.0),
        training=SMOKE,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("lapgan", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_pyramid(cfg.networks, cfg.data, cfg.pyramid, cfg.judge)
        game = lapgan.build(*players, cfg.method)
        phases = lapgan.phases(training)

        scorer = ImageScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "LAPGAN")


if __name__ == "__main__":
    launch(main, PRESETS)

"""Localized GAN: a generator of the images around a given image, with orthonormal directions.

$ python recipes/localized_gan.py                            bundled cat faces, minutes on a laptop
$ python recipes/localized_gan.py --orthonormality-weight 0  the ablation: directions may collapse
$ python recipes/localized_gan.py --locality penalty         G(x, 0) is a reconstruction, as in the paper
$ python recipes/localized_gan.py --images DIR --out runs/mine           your own folder of images
$ python recipes/localized_gan.py paper --images DIR         the authors' settings at 64 pixels (a GPU)
$ python recipes/localized_gan.py smoke                      seconds, to see that everything works
$ python recipes/localized_gan.py --resume runs/localized_gan            go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScoreSettings
from image_gans.evaluation.local.tangent_scores import TangentScorer, TangentSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import SMOKE
from image_gans.methods.local import localized_gan
from image_gans.methods.local.localized_gan import LocalizedMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.local.local_generator import LocalShape, build_local_players
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """Localized GAN on images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice(latent=32)
    local: Annotated[LocalShape, flat] = LocalShape()
    method: Annotated[LocalizedMethod, flat] = LocalizedMethod()
    training: Annotated[ImageTraining, flat] = ImageTraining(1e-3, 5e-5, batch_size=64)
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    tangents: Annotated[TangentSettings, flat] = TangentSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(
            width=16, latent=16, generator_norm="none", discriminator_norm="spectral"
        ),
        local=LocalShape("exact", deviation=1.0),
        method=LocalizedMethod(orthonormality_weight=0.5, squared_length=9.0, directions=4),
        training=ImageTraining(
            1e-3, 2e-4, batch_size=32, epochs=24, most_work=3.0, sample_every_rounds=500
        ),
    ),
    "paper": Config(
        data=ImageData(size=64),
        training=ImageTraining(
            1e-3, 5e-5, batch_size=64, sample_every_rounds=1000, evaluate_every_rounds=1000
        ),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice(width=2, latent=3),
        local=LocalShape(anchors=20),
        method=LocalizedMethod(directions=2),
        training=SMOKE,
        scores=SMOKE_SCORES,
        tangents=TangentSettings(tangent_images=4),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("localized_gan", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_local_players(cfg.networks, cfg.data, cfg.local, corpus.train)
        game = localized_gan.build(*players, cfg.method)
        phases = localized_gan.phases(training)

        scorer = TangentScorer(corpus, cfg.scores, tangents=cfg.tangents)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "Localized GAN")


if __name__ == "__main__":
    launch(main, PRESETS)

"""BEGAN: an auto-encoding discriminator, kept in balance with the generator.

$ python recipes/began.py                         bundled cat faces, minutes on a laptop
$ python recipes/began.py paper --images DIR      the paper's settings (days; use a GPU)
$ python recipes/began.py smoke                   seconds, to see that everything works
$ python recipes/began.py --resume runs/began     go on where a run stopped
$ torchrun --nproc_per_node 2 recipes/began.py    several processes
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScorer, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import SMOKE
from image_gans.methods import began
from image_gans.methods.began import BEGANMethod
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """BEGAN on images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice("autoencoder", latent=64)
    method: Annotated[BEGANMethod, flat] = BEGANMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = began.PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice("autoencoder", width=16, latent=64),
        method=BEGANMethod(gamma=0.7, balance_rate=0.02),
        training=replace(
            began.PAPER,
            generator_learning_rate=1e-3,
            discriminator_learning_rate=1e-3,
            average_decay=0.995,
            epochs=20,
            most_work=3.0,
            sample_every_rounds=500,
        ),
    ),
    "paper": Config(
        data=ImageData(size=64),
        networks=NetworkChoice("autoencoder", width=128, latent=64),
        training=replace(began.PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice("autoencoder", width=4, latent=16),
        training=SMOKE,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("began", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_networks(cfg.networks, cfg.data, packing=cfg.techniques.packing)
        game = began.build(*players, cfg.method, cfg.techniques)
        phases = began.phases(training, cfg.techniques)

        scorer = ImageScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "BEGAN")


if __name__ == "__main__":
    launch(main, PRESETS)

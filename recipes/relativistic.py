"""Relativistic GANs: the discriminator compares real and generated images.

$ python recipes/relativistic.py                              bundled cat faces, minutes on a laptop
$ python recipes/relativistic.py --inner hinge                RaHingeGAN (also least_squares: RaLSGAN)
$ python recipes/relativistic.py --r1-weight 10 --discriminator-norm layer     with R1
$ python recipes/relativistic.py paper --images DIR           the paper's rates, not its networks (a GPU)
$ python recipes/relativistic.py smoke                        seconds, to see that everything works
$ python recipes/relativistic.py --resume runs/relativistic   go on where a run stopped
$ torchrun --nproc_per_node 2 recipes/relativistic.py         several processes
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScorer, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import FACES, SMOKE
from image_gans.methods import relativistic
from image_gans.methods.relativistic import RelativisticMethod
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
    """Relativistic GANs on images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    method: Annotated[RelativisticMethod, flat] = RelativisticMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = relativistic.PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=32),
        training=replace(FACES, epochs=24),
    ),
    "paper": Config(
        data=ImageData(size=32),
        networks=NetworkChoice(discriminator_norm="spectral"),
        training=replace(relativistic.PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice(width=4),
        training=SMOKE,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("relativistic", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_networks(cfg.networks, cfg.data, packing=cfg.techniques.packing)
        game = relativistic.build(*players, cfg.method, cfg.techniques)
        phases = relativistic.phases(training, cfg.techniques)

        scorer = ImageScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "Relativistic GAN")


if __name__ == "__main__":
    launch(main, PRESETS)

"""R3GAN: relativistic pairs with both gradient penalties.

$ python recipes/r3gan.py                              bundled cat faces on DCGAN's networks, in minutes
$ python recipes/r3gan.py modern                       the same on residual networks without normalisation
$ python recipes/r3gan.py --objective gan              the ablation: a plain GAN (also --no-r1, --no-r2)
$ python recipes/r3gan.py --augmentation scheduled     D sees augmented images, more and more of them
$ python recipes/r3gan.py cifar --images DIR           the paper's settings for CIFAR-10 (days; use a GPU)
$ python recipes/r3gan.py smoke                        seconds, to see that everything works
$ python recipes/r3gan.py --resume runs/r3gan          go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScorer, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import SMOKE
from image_gans.methods.modern import r3gan
from image_gans.methods.modern.r3gan import R3GANMethod
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
    """R3GAN on images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice(
        "modern", width=768, latent=64, growth=1, blocks=2
    )
    method: Annotated[R3GANMethod, flat] = R3GANMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = r3gan.PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


FACES = replace(
    r3gan.PAPER,
    generator_learning_rate=1e-3,
    discriminator_learning_rate=1e-3,
    batch_size=32,
    average_decay=0.995,
    epochs=20,
    most_work=3.0,
    sample_every_rounds=500,
)

PRESETS = {
    "default": Config(
        networks=NetworkChoice("dcgan", width=32, latent=64, discriminator_norm="none"),
        method=R3GANMethod(gamma=1.0, final_gamma=0.1),
        training=FACES,
    ),
    # A small version of the paper's networks. They learn slowly: no faces yet after these rounds.
    "modern": Config(
        networks=NetworkChoice("modern", width=16, latent=64, growth=4),
        method=R3GANMethod(gamma=1.0, final_gamma=0.1),
        training=FACES,
    ),
    "cifar": Config(
        techniques=Techniques(augmentation="scheduled"),
        training=replace(r3gan.PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice("modern", width=4, latent=8),
        training=replace(SMOKE, betas=(0.0, 0.9)),
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("r3gan", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_networks(cfg.networks, cfg.data, packing=cfg.techniques.packing)
        game = r3gan.build(*players, cfg.method, cfg.techniques)
        phases = r3gan.phases(training, cfg.method, cfg.techniques)

        scorer = ImageScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "R3GAN")


if __name__ == "__main__":
    launch(main, PRESETS)

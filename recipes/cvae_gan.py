"""CVAE-GAN: class-conditional images with an encoder; faces keep their code under other classes.

$ python recipes/cvae_gan.py                                bundled cat faces, minutes on a laptop
$ python recipes/cvae_gan.py --condition coat eyes          conditioned on these labels alone
$ seqgan-kit sample runs/cvae_gan --condition coat=ginger
$ python recipes/cvae_gan.py --images DIR --out runs/mine   your own images, one sub-folder per class
$ python recipes/cvae_gan.py paper --images DIR             the paper's rates, not its networks (hours; a GPU)
$ python recipes/cvae_gan.py smoke                          seconds, to see that everything works
$ python recipes/cvae_gan.py --resume runs/cvae_gan         go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.conditions import conditioned
from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScoreSettings
from image_gans.evaluation.translation.swap_scores import AugmentationSettings, SwapScorer
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import cvae_gan
from image_gans.methods.translation.cvae_gan import CVAEGANMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import ConditionSettings
from image_gans.networks.translators.labelled_choice import build_encoded_networks
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import close_image_run, image_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """CVAE-GAN on labelled images."""

    data: Annotated[ImageData, flat] = ImageData()
    conditions: Annotated[ConditionSettings, flat] = ConditionSettings()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    method: Annotated[CVAEGANMethod, flat] = CVAEGANMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    augmentation: Annotated[AugmentationSettings, flat] = AugmentationSettings()
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=24, latent=64, discriminator_norm="layer"),
        method=CVAEGANMethod(
            divergence_weight=0.5,
            discriminator_mean_weight=1.0,
            classifier_mean_weight=1.0,
            classifier_width=16,
            generator=Steps(5e-4),
            discriminator=Steps(2e-4),
            classifier=Steps(1e-3),
        ),
        training=PlayerTraining(batch_size=32, epochs=12, most_work=3.0, sample_every_rounds=500),
    ),
    "paper": Config(
        networks=NetworkChoice(latent=256),
        training=PlayerTraining(batch_size=64, epochs=200, sample_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice(width=4, latent=8),
        method=CVAEGANMethod(classifier_width=4),
        training=PlayerTraining(batch_size=16, epochs=0.05, evaluate_every_rounds=5),
        augmentation=AugmentationSettings(few_labels=0),
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("cvae_gan", cfg) as run:
        corpus = load_images(cfg.data)
        labelled = conditioned(corpus, cfg.conditions.condition)
        run.say("\n".join([*corpus.account.lines(), labelled.line()]))
        feed = labelled.corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        networks = build_encoded_networks(cfg.networks, cfg.data, labelled, cfg.conditions)
        game = cvae_gan.build(*networks, cfg.method)
        phases = cvae_gan.phases(cfg.method, training)

        scorer = SwapScorer(
            corpus, cfg.scores, augmentation=cfg.augmentation, conditions=labelled.conditions
        )
        trained = Trainer(run, game, phases, feed, image_hooks(scorer)).fit()
        close_image_run(run, scorer, trained, "CVAE-GAN")


if __name__ == "__main__":
    launch(main, PRESETS)

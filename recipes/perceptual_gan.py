"""Perceptual GAN: far cats are named by features made like those of near cats.

$ python recipes/perceptual_gan.py                           eyes and expressions of far cats, in minutes
$ python recipes/perceptual_gan.py --pairs damage:low2       cats less far
$ python recipes/perceptual_gan.py --pairs catworld:near     cats drawn small, and the same cats drawn large
$ python recipes/perceptual_gan.py --labels coat accessory   other labels
$ python recipes/perceptual_gan.py paper                     the paper's D, images of 64 pixels (a GPU)
$ python recipes/perceptual_gan.py smoke                     seconds, to see that everything works
$ python recipes/perceptual_gan.py --resume runs/perceptual_gan      go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.recognition.far_scores import FarScorer, FarScoreSettings
from image_gans.far_near import FarLabels, far_near
from image_gans.image_fitting import fit_to_images
from image_gans.methods.recognition import perceptual_gan
from image_gans.methods.recognition.perceptual_gan import PerceptualGANMethod
from image_gans.metrics.trained_recogniser import RecognitionTraining
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import close_recognition_run, near_recogniser, recognition_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import load_image_pairs


@dataclass(frozen=True)
class Config:
    """Perceptual GAN on far and near images with labels."""

    data: Annotated[ImagePairData, flat] = ImagePairData("damage:low4")
    named: Annotated[FarLabels, flat] = FarLabels()
    near: RecognitionTraining = RecognitionTraining()
    method: Annotated[PerceptualGANMethod, flat] = PerceptualGANMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining(batch_size=64)
    scores: Annotated[FarScoreSettings, flat] = FarScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        near=RecognitionTraining(width=12),
        method=PerceptualGANMethod(
            blocks=2, hidden=256, last_hidden=64, generator=Steps(1e-3), discriminator=Steps(2e-4)
        ),
        training=PlayerTraining(batch_size=32, epochs=4, most_work=3.0),
    ),
    "paper": Config(
        data=ImagePairData("damage:low4", size=64),
        training=PlayerTraining(batch_size=64, epochs=50),
    ),
    "smoke": Config(
        data=ImagePairData("catworld:near", size=16, world_pairs=48),
        near=RecognitionTraining(width=2, steps=4, batch_size=8),
        method=PerceptualGANMethod(blocks=1, hidden=8, last_hidden=4),
        training=PlayerTraining(batch_size=16, epochs=1.0, evaluate_every_rounds=3),
        scores=FarScoreSettings(score_images=8, evaluation_images=4),
    ),
}


def main(cfg: Config) -> None:
    """Images, a classifier of near ones, game, phases, training and scores."""
    with open_run("perceptual_gan", cfg) as run:
        pairs = load_image_pairs(cfg.data)
        told = far_near(pairs, cfg.named, cfg.data.reduction)
        run.say("\n".join([*pairs.lines, told.line()]))
        feed = told.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        recogniser = near_recogniser(run, told, cfg.near)
        game = perceptual_gan.build(recogniser, told.reduction, cfg.method)
        phases = perceptual_gan.phases(cfg.method, training)

        scorer = FarScorer(told, recogniser, game.config, cfg.scores)
        trained = Trainer(run, game, phases, feed, recognition_hooks(scorer)).fit()
        close_recognition_run(run, scorer, trained, "perceptual GAN")


if __name__ == "__main__":
    launch(main, PRESETS)

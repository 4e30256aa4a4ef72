"""SRGAN: super-resolution; a discriminator of single images beside a distance over features.

$ python recipes/srgan.py                                    cat faces from 8 to 32 pixels, on a laptop
$ python recipes/srgan.py --pairs damage:low2 --factor 2     half the resolution
$ python recipes/srgan.py --targets DIR --out runs/mine      your own folder of images
$ python recipes/srgan.py paper --targets DIR --perceptual vgg:FILE      the paper's settings (a GPU)
$ python recipes/srgan.py smoke                              seconds, to see that everything works
$ python recipes/srgan.py --resume runs/srgan                go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScorer, PairScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import srgan
from image_gans.methods.translation.srgan import SRGANMethod
from image_gans.metrics.perception.perceptual_choice import PerceptualChoice
from image_gans.networks.translators.high_resolution_discriminator import (
    HighResolutionConfig,
    high_resolution_discriminator,
)
from image_gans.networks.translators.translator_choice import TranslatorChoice, build_translator
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import close_translation_run, perception_of, translation_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.corruptions import interpolated
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import load_image_pairs


@dataclass(frozen=True)
class Config:
    """SRGAN on images and their low-resolution copies."""

    data: Annotated[ImagePairData, flat] = ImagePairData("damage:low4")
    translator: Annotated[TranslatorChoice, flat] = TranslatorChoice("upscaler", blocks=16)
    judge: HighResolutionConfig = HighResolutionConfig()
    method: Annotated[SRGANMethod, flat] = SRGANMethod()
    perception: Annotated[PerceptualChoice, flat] = PerceptualChoice()
    training: Annotated[PlayerTraining, flat] = PlayerTraining(betas=(0.9, 0.999), batch_size=16)
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        translator=TranslatorChoice("upscaler", width=32, blocks=3),
        judge=HighResolutionConfig(width=16, hidden=256),
        method=SRGANMethod(
            perceptual_weight=0.1, generator=Steps(1e-3), discriminator=Steps(5e-4)
        ),
        training=PlayerTraining(
            betas=(0.9, 0.999), batch_size=16, epochs=6, most_work=3.0, sample_every_rounds=500
        ),
    ),
    "paper": Config(
        data=ImagePairData("damage:low4", size=96),
        method=SRGANMethod(squared_weight=0.0, pretraining_share=0.83),
        perception=PerceptualChoice(perceptual_stage=5),
        training=PlayerTraining(
            betas=(0.9, 0.999), batch_size=16, epochs=400, sample_every_rounds=5000,
            evaluate_every_rounds=5000,
        ),
    ),
    "smoke": Config(
        data=ImagePairData("damage:low4", size=16),
        translator=TranslatorChoice("upscaler", width=4, blocks=1),
        judge=HighResolutionConfig(width=2, hidden=8),
        perception=PerceptualChoice("random"),
        training=PlayerTraining(batch_size=16, epochs=0.06, evaluate_every_rounds=3),
        scores=PairScoreSettings(score_pairs=8, evaluation_pairs=4, features="none"),
    ),
}  # fmt: skip


def main(cfg: Config) -> None:
    """Pairs, networks, game, phases, training, figures and scores."""
    with open_run("srgan", cfg) as run:
        pairs = load_image_pairs(cfg.data)
        run.say("\n".join(pairs.lines))
        feed = pairs.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        size, channels = cfg.data.size, cfg.data.channels
        generator = build_translator(cfg.translator, size, channels, cfg.data.reduction)
        judge = high_resolution_discriminator(cfg.judge, size, channels)
        perception = perception_of(run, pairs, cfg.perception)
        game = srgan.build(generator, judge, cfg.method, perception)
        phases = srgan.phases(cfg.method, training)

        scorer = PairScorer(
            pairs, cfg.scores, baselines={"squared error alone": {"generator": "baseline"}},
            plain={"bicubic": partial(interpolated, factor=cfg.translator.factor)},
        )  # fmt: skip
        trained = Trainer(run, game, phases, feed, translation_hooks(scorer)).fit()
        close_translation_run(run, scorer, trained, "srgan", "--targets DIR")


if __name__ == "__main__":
    launch(main, PRESETS)

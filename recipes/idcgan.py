"""ID-CGAN: rain removal; a discriminator of several scales beside distances over pixels and features.

$ python recipes/idcgan.py                                   rain over cat faces, minutes on a laptop
$ python recipes/idcgan.py --targets DIR --out runs/mine     rain over your own folder of images
$ python recipes/idcgan.py --pairs damage:noise              another corruption
$ python recipes/idcgan.py paper --pairs DIR --perceptual vgg:FILE      the paper's settings (a GPU)
$ python recipes/idcgan.py smoke                             seconds, to see that everything works
$ python recipes/idcgan.py --resume runs/idcgan              go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScorer, PairScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import idcgan
from image_gans.methods.translation.idcgan import IDCGANMethod
from image_gans.metrics.perception.perceptual_choice import PerceptualChoice
from image_gans.networks.translators.patch_discriminator import PatchConfig, patch_discriminator
from image_gans.networks.translators.translator_choice import TranslatorChoice, build_translator
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import close_translation_run, perception_of, translation_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import load_image_pairs


@dataclass(frozen=True)
class Config:
    """ID-CGAN on images and their rainy copies."""

    data: Annotated[ImagePairData, flat] = ImagePairData("damage:rain")
    translator: Annotated[TranslatorChoice, flat] = TranslatorChoice(dropout=0.0)
    patches: PatchConfig = PatchConfig(scales=3)
    method: Annotated[IDCGANMethod, flat] = IDCGANMethod()
    perception: Annotated[PerceptualChoice, flat] = PerceptualChoice()
    training: Annotated[PlayerTraining, flat] = PlayerTraining(batch_size=7)
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        translator=TranslatorChoice(width=24, dropout=0.0),
        patches=PatchConfig(width=24, halvings=1, scales=2),
        method=IDCGANMethod(perceptual_weight=15.0, generator=Steps(1e-3)),
        training=PlayerTraining(batch_size=16, epochs=5, most_work=3.0, sample_every_rounds=500),
    ),
    "paper": Config(
        data=ImagePairData("damage:rain", size=256),
        perception=PerceptualChoice(perceptual_stage=2),
        training=PlayerTraining(batch_size=7, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImagePairData("damage:rain", size=16),
        translator=TranslatorChoice(width=4, dropout=0.0),
        patches=PatchConfig(width=4, halvings=1, scales=2),
        perception=PerceptualChoice("random"),
        training=PlayerTraining(batch_size=16, epochs=0.04, evaluate_every_rounds=3),
        scores=PairScoreSettings(score_pairs=8, evaluation_pairs=4, features="none"),
    ),
}


def main(cfg: Config) -> None:
    """Pairs, networks, game, phases, training, figures and scores."""
    with open_run("idcgan", cfg) as run:
        pairs = load_image_pairs(cfg.data)
        run.say("\n".join(pairs.lines))
        feed = pairs.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        generator = build_translator(cfg.translator, cfg.data.size, cfg.data.channels)
        discriminator = patch_discriminator(cfg.patches, 2 * cfg.data.channels)
        perception = perception_of(run, pairs, cfg.perception)
        game = idcgan.build(generator, discriminator, cfg.method, perception)
        phases = idcgan.phases(cfg.method, training)

        scorer = PairScorer(
            pairs, cfg.scores, baselines={"distances alone": {"generator": "baseline"}}
        )
        trained = Trainer(run, game, phases, feed, translation_hooks(scorer)).fit()
        close_translation_run(run, scorer, trained, "idcgan")


if __name__ == "__main__":
    launch(main, PRESETS)

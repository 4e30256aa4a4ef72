"""pix2pix: paired image translation; a patch discriminator beside a pixel distance.

$ python recipes/pix2pix.py                                  part maps to cats, minutes on a laptop
$ python recipes/pix2pix.py --pairs DIR --out runs/mine      your own pairs, side by side in one image
$ python recipes/pix2pix.py --pairs SOURCES --targets TARGETS      two folders, matched by file name
$ python recipes/pix2pix.py --pairs catworld:glasses         another view of the cat world
$ python recipes/pix2pix.py --pairs damage:grey --targets DIR      colour for grey images
$ python recipes/pix2pix.py paper --pairs DIR                the paper's settings at 256 pixels (a GPU)
$ python recipes/pix2pix.py smoke                            seconds, to see that everything works
$ python recipes/pix2pix.py --resume runs/pix2pix            go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScorer, PairScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import pix2pix
from image_gans.methods.translation.pix2pix import Pix2PixMethod
from image_gans.networks.translators.patch_discriminator import PatchConfig, patch_discriminator
from image_gans.networks.translators.translator_choice import TranslatorChoice, build_translator
from image_gans.player_schedule import PlayerAverages, PlayerTraining, Steps
from image_gans.recipe import close_translation_run, translation_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import load_image_pairs


@dataclass(frozen=True)
class Config:
    """pix2pix on pairs of images."""

    data: Annotated[ImagePairData, flat] = ImagePairData()
    translator: Annotated[TranslatorChoice, flat] = TranslatorChoice()
    patches: PatchConfig = PatchConfig()
    method: Annotated[Pix2PixMethod, flat] = Pix2PixMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    averages: Annotated[PlayerAverages, flat] = PlayerAverages()
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        translator=TranslatorChoice(width=32),
        patches=PatchConfig(width=32, halvings=1),
        method=Pix2PixMethod(generator=Steps(5e-4), discriminator=Steps(2e-4)),
        training=PlayerTraining(batch_size=16, epochs=6, most_work=3.0, sample_every_rounds=500),
    ),
    "paper": Config(
        data=ImagePairData(size=256),
        training=PlayerTraining(sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImagePairData(size=16, world_pairs=48),
        translator=TranslatorChoice(width=4),
        patches=PatchConfig(width=4, halvings=1),
        training=PlayerTraining(batch_size=8, epochs=1.0, evaluate_every_rounds=3),
        scores=PairScoreSettings(score_pairs=8, evaluation_pairs=4, features="none"),
    ),
}


def main(cfg: Config) -> None:
    """Pairs, networks, game, phases, training, figures and scores."""
    with open_run("pix2pix", cfg) as run:
        pairs = load_image_pairs(cfg.data)
        run.say("\n".join(pairs.lines))
        feed = pairs.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        generator = build_translator(cfg.translator, cfg.data.size, cfg.data.channels)
        discriminator = patch_discriminator(cfg.patches, 2 * cfg.data.channels)
        game = pix2pix.build(generator, discriminator, cfg.method)
        phases = pix2pix.phases(cfg.method, training)

        baseline = {f"{cfg.method.distance} alone": {"generator": "baseline"}}
        scorer = PairScorer(pairs, cfg.scores, baselines=baseline)
        hooks, following = translation_hooks(scorer), cfg.averages.of("generator", "baseline")
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_translation_run(run, scorer, trained, "pix2pix")


if __name__ == "__main__":
    launch(main, PRESETS)

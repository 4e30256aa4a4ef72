"""CycleGAN: unpaired image translation; two translators, there and back, and two discriminators.

$ python recipes/cyclegan.py                                 any cat to a ginger one, minutes on a laptop
$ python recipes/cyclegan.py --pairs SOURCES --targets TARGETS     your two folders, without pairs
$ python recipes/cyclegan.py --pairs catworld:kitten         another view of the cat world
$ python recipes/cyclegan.py --identity-weight 5             with the identity loss
$ python recipes/cyclegan.py paper --pairs DIR               the paper's settings at 256 pixels (a GPU)
$ python recipes/cyclegan.py smoke                           seconds, to see that everything works
$ python recipes/cyclegan.py --resume runs/cyclegan          go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.unpaired_scores import UnpairedScorer
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import cyclegan
from image_gans.methods.translation.cyclegan import TRANSLATORS, CycleGANMethod
from image_gans.networks.translators.patch_discriminator import PatchConfig, patch_discriminator
from image_gans.networks.translators.translator_choice import TranslatorChoice, build_translator
from image_gans.player_schedule import PlayerAverages, PlayerTraining, Steps
from image_gans.recipe import close_translation_run, translation_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_sets import load_image_sets


@dataclass(frozen=True)
class Config:
    """CycleGAN on two sets of images."""

    data: Annotated[ImagePairData, flat] = ImagePairData("catworld:coat=ginger")
    translator: Annotated[TranslatorChoice, flat] = TranslatorChoice("residual")
    patches: PatchConfig = PatchConfig()
    method: Annotated[CycleGANMethod, flat] = CycleGANMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    averages: Annotated[PlayerAverages, flat] = PlayerAverages()
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        translator=TranslatorChoice("unet", width=16, dropout=0.0, blend=True),
        patches=PatchConfig(width=32, halvings=1),
        # A blending translator starts at the identity. With the paper's weights it stays there.
        method=CycleGANMethod(
            cycle_weight=3.0,
            identity_weight=0.0,
            generator=Steps(5e-4),
            discriminator=Steps(2e-4),
        ),
        training=PlayerTraining(batch_size=8, epochs=8, most_work=3.0, sample_every_rounds=500),
        averages=PlayerAverages(0.99),
    ),
    "paper": Config(
        data=ImagePairData("catworld:coat=ginger", size=256),
        translator=TranslatorChoice("residual", blocks=9),
        training=PlayerTraining(
            learning_rate_schedule="linear", sample_every_rounds=1000, evaluate_every_rounds=1000
        ),
    ),
    "smoke": Config(
        data=ImagePairData("catworld:coat=ginger", size=16, world_pairs=48),
        translator=TranslatorChoice("residual", width=4, blocks=1),
        patches=PatchConfig(width=4, halvings=1),
        training=PlayerTraining(batch_size=8, epochs=2.0, evaluate_every_rounds=3),
        scores=PairScoreSettings(score_pairs=8, evaluation_pairs=4, features="none"),
    ),
}


def main(cfg: Config) -> None:
    """Images, networks, game, phases, training, figures and scores."""
    with open_run("cyclegan", cfg) as run:
        pairs = load_image_sets(cfg.data)
        run.say("\n".join(pairs.lines))
        feed = pairs.unpaired_feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        size, channels = cfg.data.size, cfg.data.channels
        there = build_translator(cfg.translator, size, channels)
        back = build_translator(cfg.translator, size, channels)
        of_targets = patch_discriminator(cfg.patches, channels)
        of_sources = patch_discriminator(cfg.patches, channels)
        shape = (channels, size, size)
        game = cyclegan.build((there, back), (of_targets, of_sources), cfg.method, shape)
        phases = cyclegan.phases(cfg.method, training)

        scorer = UnpairedScorer(pairs, cfg.scores)
        hooks, following = translation_hooks(scorer), cfg.averages.of(*TRANSLATORS)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_translation_run(run, scorer, trained, "CycleGAN")


if __name__ == "__main__":
    launch(main, PRESETS)

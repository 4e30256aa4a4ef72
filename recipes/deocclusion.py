"""De-occlusion: a hand before a face is painted over, and the face keeps its identity.

$ python recipes/deocclusion.py                              hands before cat faces, minutes on a laptop
$ python recipes/deocclusion.py --pairs catworld:glasses --reverse      glasses off
$ python recipes/deocclusion.py --local-weight 0             without the local discriminator's verdict
$ python recipes/deocclusion.py paper                        faces of 128 pixels (a GPU)
$ python recipes/deocclusion.py smoke                        seconds, to see that everything works
$ python recipes/deocclusion.py --resume runs/deocclusion    go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScorer, PairScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import deocclusion
from image_gans.methods.translation.deocclusion import DeocclusionMethod
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
    """De-occlusion of faces."""

    data: Annotated[ImagePairData, flat] = ImagePairData("catworld:hand")
    translator: Annotated[TranslatorChoice, flat] = TranslatorChoice(dropout=0.0, blend=True)
    patches: PatchConfig = PatchConfig()
    method: Annotated[DeocclusionMethod, flat] = DeocclusionMethod()
    perception: Annotated[PerceptualChoice, flat] = PerceptualChoice()
    training: Annotated[PlayerTraining, flat] = PlayerTraining(batch_size=16)
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        translator=TranslatorChoice(width=32, dropout=0.0, blend=True),
        patches=PatchConfig(width=24, halvings=1),
        method=DeocclusionMethod(generator=Steps(5e-4)),
        training=PlayerTraining(batch_size=16, epochs=3, most_work=3.0, sample_every_rounds=500),
    ),
    "paper": Config(
        data=ImagePairData("catworld:hand", size=128),
        training=PlayerTraining(
            batch_size=16, sample_every_rounds=1000, evaluate_every_rounds=1000
        ),
    ),
    "smoke": Config(
        data=ImagePairData("catworld:hand", size=16, world_pairs=48),
        translator=TranslatorChoice(width=4, dropout=0.0, blend=True),
        patches=PatchConfig(width=4, halvings=1),
        perception=PerceptualChoice("random"),
        training=PlayerTraining(batch_size=8, epochs=1.0, evaluate_every_rounds=3),
        scores=PairScoreSettings(score_pairs=8, evaluation_pairs=4, features="none"),
    ),
}


def main(cfg: Config) -> None:
    """Pairs, networks, game, phases, training, figures and scores."""
    with open_run("deocclusion", cfg) as run:
        pairs = load_image_pairs(cfg.data)
        run.say("\n".join(pairs.lines))
        feed = pairs.feed(cfg.training.batch_size, masks=True, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        generator = build_translator(cfg.translator, cfg.data.size, cfg.data.channels)
        discriminator = patch_discriminator(cfg.patches, 2 * cfg.data.channels)
        local = patch_discriminator(cfg.patches, cfg.data.channels)
        perception = perception_of(run, pairs, cfg.perception)
        game = deocclusion.build(generator, discriminator, local, cfg.method, perception)
        phases = deocclusion.phases(cfg.method, training)

        scorer = PairScorer(
            pairs, cfg.scores, baselines={"distances alone": {"generator": "baseline"}}
        )
        trained = Trainer(run, game, phases, feed, translation_hooks(scorer)).fit()
        close_translation_run(run, scorer, trained, "deocclusion", "--pairs catworld:VIEW")


if __name__ == "__main__":
    launch(main, PRESETS)

"""SimGAN: simulated images refined to look real, to train classifiers by; without pairs or real labels.

$ python recipes/simgan.py                                   flat drawings to noisy photographs of cats
$ python recipes/simgan.py --camera jpeg                     another camera
$ python recipes/simgan.py --pairs SIMULATED --targets REAL --camera none      two folders of your own
$ python recipes/simgan.py paper                             the paper's schedule (hours on a CPU)
$ python recipes/simgan.py smoke                             seconds, to see that everything works
$ python recipes/simgan.py --resume runs/simgan              go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.refining_scores import ClassifierSettings, RefiningScorer
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import simgan
from image_gans.methods.translation.simgan import SimGANMethod
from image_gans.networks.translators.refiner import LocalConfig, local_discriminator
from image_gans.networks.translators.translator_choice import TranslatorChoice, build_translator
from image_gans.player_schedule import PlayerTraining
from image_gans.recipe import close_translation_run, translation_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import load_image_pairs


@dataclass(frozen=True)
class Config:
    """SimGAN on simulated and real images."""

    data: Annotated[ImagePairData, flat] = ImagePairData("catworld:unlit")
    camera: str = "noise"
    """Corruption of the real images, drawn once: none, noise, salt, low2, grey, rain or jpeg."""
    translator: Annotated[TranslatorChoice, flat] = TranslatorChoice("refiner", blocks=4)
    judge: LocalConfig = LocalConfig()
    method: Annotated[SimGANMethod, flat] = SimGANMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining(batch_size=512)
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    classifier: Annotated[ClassifierSettings, flat] = ClassifierSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        translator=TranslatorChoice("refiner", width=16, blocks=4),
        judge=LocalConfig(width=48),
        method=SimGANMethod(2.0, "averages", refiner_warm_up=200, discriminator_warm_up=100),
        training=PlayerTraining(batch_size=16, epochs=6, most_work=3.0, sample_every_rounds=200),
        classifier=ClassifierSettings(300),
    ),
    "paper": Config(
        training=PlayerTraining(batch_size=512, epochs=600, evaluate_every_rounds=100),
    ),
    "smoke": Config(
        data=ImagePairData("catworld:unlit", size=16, world_pairs=48),
        translator=TranslatorChoice("refiner", width=4, blocks=1),
        judge=LocalConfig(width=6),
        method=SimGANMethod(history_batches=2, refiner_warm_up=4, discriminator_warm_up=2),
        training=PlayerTraining(batch_size=8, epochs=2.0, evaluate_every_rounds=3),
        scores=PairScoreSettings(score_pairs=8, evaluation_pairs=4, features="none"),
        classifier=ClassifierSettings(0),
    ),
}


def main(cfg: Config) -> None:
    """Images, networks, game, phases, training, figures and scores."""
    with open_run("simgan", cfg) as run:
        pairs = load_image_pairs(cfg.data).with_worse_targets(cfg.camera)
        run.say("\n".join(pairs.lines))
        feed = pairs.unpaired_feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        refiner = build_translator(cfg.translator, cfg.data.size, cfg.data.channels)
        discriminator = local_discriminator(cfg.judge, cfg.data.channels)
        shape = (cfg.data.channels, cfg.data.size, cfg.data.size)
        game = simgan.build(refiner, discriminator, cfg.method, cfg.training.batch_size, shape)
        phases = simgan.phases(cfg.method, training)

        scorer = RefiningScorer(pairs, cfg.scores, classifier=cfg.classifier)
        trained = Trainer(run, game, phases, feed, translation_hooks(scorer)).fit()
        close_translation_run(run, scorer, trained, "simgan", "--pairs DIR --targets DIR")


if __name__ == "__main__":
    launch(main, PRESETS)

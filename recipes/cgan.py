"""Conditional GAN: class-conditional images; generator and discriminator get the labels.

$ python recipes/cgan.py                                    bundled cat faces, minutes on a laptop
$ python recipes/cgan.py --condition coat eyes              conditioned on these labels alone
$ seqgan-kit sample runs/cgan --condition coat=ginger,eyes=odd
$ python recipes/cgan.py --images DIR --out runs/mine       your own images, one sub-folder per class
$ python recipes/cgan.py paper --images DIR                 the paper's batch alone (hours; a GPU)
$ python recipes/cgan.py smoke                              seconds, to see that everything works
$ python recipes/cgan.py --resume runs/cgan                 go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.conditions import conditioned
from image_gans.evaluation.condition_scores import ConditionScorer
from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import FACES, SMOKE
from image_gans.methods import cgan
from image_gans.methods.cgan import PAPER, CGANMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import ConditionSettings, build_conditional_networks
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """A conditional GAN on labelled images."""

    data: Annotated[ImageData, flat] = ImageData()
    conditions: Annotated[ConditionSettings, flat] = ConditionSettings()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    method: Annotated[CGANMethod, flat] = CGANMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=32),
        method=CGANMethod(label_smoothing=0.1),
        training=FACES,
    ),
    "paper": Config(training=replace(PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000)),
    "smoke": Config(
        data=ImageData(size=16),
        conditions=ConditionSettings(embedding=2),
        networks=NetworkChoice(width=4),
        training=SMOKE,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("cgan", cfg) as run:
        corpus = load_images(cfg.data)
        labelled = conditioned(corpus, cfg.conditions.condition)
        run.say("\n".join([*corpus.account.lines(), labelled.line()]))
        feed = labelled.corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        networks = build_conditional_networks(cfg.networks, cfg.data, labelled, cfg.conditions)
        game = cgan.build(*networks, cfg.method, cfg.techniques)
        phases = cgan.phases(training, cfg.techniques)

        scorer = ConditionScorer(corpus, cfg.scores, conditions=labelled.conditions)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "CGAN")


if __name__ == "__main__":
    launch(main, PRESETS)

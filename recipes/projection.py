"""Projection discriminator: class-conditional images; labels enter D's score by an inner product.

$ python recipes/projection.py                              bundled cat faces, minutes on a laptop
$ python recipes/projection.py --condition coat eyes        conditioned on these labels alone
$ seqgan-kit sample runs/projection --condition coat=ginger,eyes=odd
$ python recipes/projection.py --images DIR --out runs/mine your own images, one sub-folder per class
$ python recipes/projection.py paper --images DIR           the paper's networks at 128 pixels (weeks; a GPU)
$ python recipes/projection.py smoke                        seconds, to see that everything works
$ python recipes/projection.py --resume runs/projection     go on where a run stopped
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
from image_gans.methods import projection
from image_gans.methods.projection import PAPER
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
    """A GAN with projection discriminator on labelled images."""

    data: Annotated[ImageData, flat] = ImageData()
    conditions: Annotated[ConditionSettings, flat] = ConditionSettings(conditional_norm=True)
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=32, discriminator_norm="spectral"),
        training=FACES,
    ),
    "paper": Config(
        data=ImageData(size=128),
        conditions=ConditionSettings(embedding=0, conditional_norm=True, labels_in_input=False),
        networks=NetworkChoice(
            "resnet", width=64, latent=128, growth=16, discriminator_norm="spectral"
        ),
        techniques=Techniques(generator_batch=2),
        training=replace(PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        conditions=ConditionSettings(embedding=2, conditional_norm=True),
        networks=NetworkChoice(width=4, discriminator_norm="spectral"),
        training=SMOKE,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("projection", cfg) as run:
        corpus = load_images(cfg.data)
        labelled = conditioned(corpus, cfg.conditions.condition)
        run.say("\n".join([*corpus.account.lines(), labelled.line()]))
        feed = labelled.corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        networks = build_conditional_networks(cfg.networks, cfg.data, labelled, cfg.conditions)
        game = projection.build(*networks, cfg.techniques)
        phases = projection.phases(training, cfg.techniques)

        scorer = ConditionScorer(corpus, cfg.scores, conditions=labelled.conditions)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "projection")


if __name__ == "__main__":
    launch(main, PRESETS)

"""BigGAN: class-conditional images by a large residual generator, with truncation.

$ python recipes/biggan.py                              bundled cat faces, minutes on a laptop
$ python recipes/biggan.py --condition coat eyes        conditioned on these labels alone
$ seqgan-kit sample runs/biggan --condition coat=ginger,eyes=odd
$ python recipes/biggan.py --images DIR --out runs/mine your own images, one sub-folder per class
$ seqgan-kit sample runs/biggan --truncation 0.5          less variety, more typical images
$ python recipes/biggan.py paper --images DIR           the paper's networks at 128 pixels (weeks; GPUs)
$ python recipes/biggan.py smoke                        seconds, to see that everything works
$ python recipes/biggan.py --resume runs/biggan     go on where a run stopped
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
from image_gans.methods.modern import biggan
from image_gans.methods.modern.biggan import PAPER, BigGANMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import ConditionSettings, build_conditional_networks
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images

CONDITIONS = ConditionSettings(
    embedding=128, conditional_norm=True, labels_in_input=False, skip_noise=True
)


@dataclass(frozen=True)
class Config:
    """BigGAN on labelled images."""

    data: Annotated[ImageData, flat] = ImageData()
    conditions: Annotated[ConditionSettings, flat] = CONDITIONS
    networks: Annotated[NetworkChoice, flat] = NetworkChoice(
        "resnet", width=96, latent=120, growth=16, discriminator_norm="spectral"
    )
    method: Annotated[BigGANMethod, flat] = BigGANMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        conditions=replace(CONDITIONS, embedding=16),
        networks=NetworkChoice(
            "resnet", width=16, latent=64, growth=4, discriminator_norm="spectral"
        ),
        training=replace(
            FACES,
            betas=(0.0, 0.999),
            generator_learning_rate=5e-4,
            discriminator_learning_rate=1e-3,
        ),
    ),
    "paper": Config(
        data=ImageData(size=128),
        networks=NetworkChoice(
            "resnet", width=96, latent=120, growth=16, attention=64, discriminator_norm="spectral"
        ),
        training=replace(PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        conditions=replace(CONDITIONS, embedding=2),
        networks=NetworkChoice("resnet", width=4, latent=6, discriminator_norm="spectral"),
        training=SMOKE,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("biggan", cfg) as run:
        corpus = load_images(cfg.data)
        labelled = conditioned(corpus, cfg.conditions.condition)
        run.say("\n".join([*corpus.account.lines(), labelled.line()]))
        feed = labelled.corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        networks = build_conditional_networks(cfg.networks, cfg.data, labelled, cfg.conditions)
        game = biggan.build(*networks, cfg.method, cfg.techniques)
        phases = biggan.phases(training, cfg.techniques)

        scorer = ConditionScorer(corpus, cfg.scores, conditions=labelled.conditions)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "BigGAN")


if __name__ == "__main__":
    launch(main, PRESETS)

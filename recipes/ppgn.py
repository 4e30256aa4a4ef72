"""PPGN: images of any condition that a recogniser names, by steps in a space of features.

$ python recipes/ppgn.py                             bundled cat faces, minutes on a laptop
$ seqgan-kit sample runs/ppgn -n 32 --condition coat=ginger,expression=happy
$ python recipes/ppgn.py --prior joint --steered-label expression    another prior, other conditions
$ python recipes/ppgn.py --captions                  sentences as conditions, too
$ seqgan-kit paint runs/ppgn "a black cat is sleeping on the sofa ."
$ python recipes/ppgn.py --images DIR --out runs/mine  your own images, one sub-folder per class
$ python recipes/ppgn.py paper                       the paper's chain and wide networks at 64 pixels (a GPU)
$ python recipes/ppgn.py smoke                       seconds, to see that everything works
$ python recipes/ppgn.py --resume runs/ppgn          go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.latent.caption_steering import steering_scorer
from image_gans.evaluation.latent.conditional_law import with_seen_labels
from image_gans.evaluation.latent.steering_scores import SteeringSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import SMOKE
from image_gans.latent.langevin import Steering
from image_gans.methods.latent import ppgn
from image_gans.methods.latent.ppgn import PAPER, PPGNMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.recipe import close_image_run, latent_hooks
from image_gans.schedule import ImageTraining
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.captioned import captioned
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """A plug and play generative network of labelled images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    method: Annotated[PPGNMethod, flat] = PPGNMethod()
    steering: Annotated[Steering, flat] = Steering()
    training: Annotated[ImageTraining, flat] = PAPER
    scores: Annotated[SteeringSettings, flat] = SteeringSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=32),
        steering=Steering(moves=100),
        training=replace(
            PAPER,
            generator_learning_rate=4e-4,
            betas=(0.5, 0.999),
            learning_rate_schedule="linear",
            batch_size=32,
            epochs=24,
            most_work=3.0,
            sample_every_rounds=500,
        ),
    ),
    "paper": Config(
        data=ImageData(size=64),
        networks=NetworkChoice(width=128),
        method=PPGNMethod(recogniser_width=64, denoiser_width=1024),
        steering=Steering("joint", epsilon1=1e-5, epsilon2=1.0, epsilon3=1e-17, moves=200),
        training=replace(PAPER, sample_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice(width=4),
        method=PPGNMethod(recogniser_width=2, denoiser_width=8),
        steering=Steering(moves=3),
        training=SMOKE,
        scores=SteeringSettings("coat", 4, 24, 8, 10),
    ),
}


def main(cfg: Config) -> None:
    """Labelled images, game, phases, training and images of each condition."""
    with open_run("ppgn", cfg) as run:
        corpus = with_seen_labels(load_images(cfg.data))
        run.say("\n".join(corpus.account.lines()))
        told = captioned(corpus) if cfg.method.captions else None
        scorer = steering_scorer(corpus, told, cfg.steering, cfg.scores)
        feed = (told or corpus).feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        game = ppgn.build(cfg.networks, cfg.data, corpus.label_names, cfg.method, told)
        phases = ppgn.phases(cfg.method, training)

        trained = Trainer(run, game, phases, feed, latent_hooks(scorer)).fit()
        close_image_run(run, scorer, trained, "PPGN")


if __name__ == "__main__":
    launch(main, PRESETS)

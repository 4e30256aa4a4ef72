"""DCGAN: generator and discriminator of strided convolutions.

$ python recipes/dcgan.py                                   bundled cat faces, minutes on a laptop
$ python recipes/dcgan.py --images DIR --out runs/mine      your own folder of images
$ python recipes/dcgan.py --objective boundary_seeking       or another objective for both players
$ python recipes/dcgan.py --r1-weight 10 --discriminator-norm layer      a penalty on D's gradient (R1)
$ python recipes/dcgan.py paper --images DIR --size 64      the paper's widths and rates (hours; use a GPU)
$ python recipes/dcgan.py px64 --images DIR                 64 pixels, with a slower D
$ python recipes/dcgan.py selu128 --images DIR              128 pixels, self-normalising networks
$ python recipes/dcgan.py smoke                             seconds, to see that everything works
$ python recipes/dcgan.py --resume runs/dcgan               go on where a run stopped
$ torchrun --nproc_per_node 2 recipes/dcgan.py              several processes
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.image_scores import ImageScorer, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import FACES, SMOKE
from image_gans.methods import dcgan
from image_gans.methods.dcgan import DCGANMethod
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """DCGAN on images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    method: Annotated[DCGANMethod, flat] = DCGANMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = ImageTraining()
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=32),
        method=DCGANMethod(label_smoothing=0.1),
        training=FACES,
    ),
    "paper": Config(
        data=ImageData(size=64),
        networks=NetworkChoice(width=128),
        training=ImageTraining(sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "px64": Config(
        data=ImageData(size=64),
        training=ImageTraining(
            batch_size=64,
            discriminator_learning_rate=5e-5,
            epochs=100,
            sample_every_rounds=1000,
            evaluate_every_rounds=1000,
        ),
    ),
    "selu128": Config(
        data=ImageData(size=128),
        networks=NetworkChoice(variant="selu"),
        training=ImageTraining(
            batch_size=64,
            discriminator_learning_rate=5e-5,
            epochs=200,
            sample_every_rounds=1000,
            evaluate_every_rounds=1000,
        ),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice(width=4),
        training=SMOKE,
        scores=ImageScoreSettings(score_samples=64, evaluation_samples=32),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("dcgan", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_networks(cfg.networks, cfg.data, packing=cfg.techniques.packing)
        game = dcgan.build(*players, cfg.method, cfg.techniques)
        phases = dcgan.phases(training, cfg.techniques)

        scorer = ImageScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "DCGAN")


if __name__ == "__main__":
    launch(main, PRESETS)

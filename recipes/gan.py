"""The original GAN: fully connected networks, three generator losses.

$ python recipes/gan.py                                  bundled cat faces, minutes on a laptop
$ python recipes/gan.py --network dcgan --width 32       convolutions in place of fully connected layers
$ python recipes/gan.py --objective minimax              G's loss of the paper's equation 1
$ python recipes/gan.py paper --images MNIST --size 28   the paper's networks (digits as parquet)
$ python recipes/gan.py smoke                            seconds, to see that everything works
$ python recipes/gan.py --resume runs/gan                go on where a run stopped
$ torchrun --nproc_per_node 2 recipes/gan.py             several processes
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScorer, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import FACES, SMOKE
from image_gans.methods import gan
from image_gans.methods.gan import GANMethod
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
    """The original GAN on images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice("mlp")
    method: Annotated[GANMethod, flat] = GANMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = gan.PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice("mlp", width=32),
        method=GANMethod(label_smoothing=0.1),
        training=replace(FACES, generator_learning_rate=2e-4),
    ),
    "paper": Config(
        data=ImageData(size=28, channels=1),
        networks=NetworkChoice("mlp", width=75, pieces=5, dropout=0.5),
        training=replace(gan.PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice("mlp", width=4),
        training=SMOKE,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("gan", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_networks(cfg.networks, cfg.data, packing=cfg.techniques.packing)
        game = gan.build(*players, cfg.method, cfg.techniques)
        phases = gan.phases(training, cfg.techniques)

        scorer = ImageScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "GAN")


if __name__ == "__main__":
    launch(main, PRESETS)

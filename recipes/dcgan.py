"""DCGAN: pictures from a generator and a discriminator of strided convolutions.

$ python recipes/dcgan.py                                   bundled cat faces, minutes on a laptop
$ python recipes/dcgan.py --images DIR --out runs/mine      your own folder of pictures
$ python recipes/dcgan.py paper --images DIR --size 64      the paper's settings (hours; use a GPU)
$ python recipes/dcgan.py smoke                             seconds, to see that everything works
$ python recipes/dcgan.py --resume runs/dcgan               go on where a run stopped
$ torchrun --nproc_per_node 2 recipes/dcgan.py              several processes
"""

from dataclasses import dataclass
from typing import Annotated

from image_gans.export import save_image_model
from image_gans.methods import dcgan
from image_gans.methods.dcgan import DCGANMethod
from image_gans.methods.image_scores import ImageScorer, ScoreSettings
from image_gans.networks.dcgan import DCGANConfig, DCGANGenerator, Variant, dcgan_discriminator
from seqgan_kit.core.alarms import LostDiversity, PinnedDiscriminator
from seqgan_kit.core.config import flat, launch
from seqgan_kit.core.run import RunSettings, open_run
from seqgan_kit.core.trainer import Hooks, Trainer
from seqgan_kit.data.images import ImageData, load_images
from seqgan_kit.report.closing import close_run
from seqgan_kit.report.html import write_report


@dataclass(frozen=True)
class Config:
    """DCGAN on pictures."""

    data: Annotated[ImageData, flat] = ImageData()
    method: Annotated[DCGANMethod, flat] = DCGANMethod()
    width: int = 64
    """Channels of the layer next to the picture (128 in the paper); they double towards 4x4."""
    latent: int = 100
    """Dimensions of the latent vector."""
    variant: Variant = "batchnorm"
    """batchnorm: as in the paper. selu: self-normalising, without normalisation layers."""
    scores: Annotated[ScoreSettings, flat] = ScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=DCGANMethod(
            batch_size=32,
            generator_learning_rate=4e-4,
            discriminator_learning_rate=2e-4,
            label_smoothing=0.1,
            average_decay=0.995,
            epochs=32,
            sample_every_rounds=500,
            evaluate_every_rounds=500,
        ),
        width=32,
    ),
    "paper": Config(
        data=ImageData(size=64),
        method=DCGANMethod(
            discriminator_learning_rate=2e-4,
            sample_every_rounds=1000,
            evaluate_every_rounds=1000,
        ),
        width=128,
    ),
    "smoke": Config(
        data=ImageData(size=16),
        method=DCGANMethod(batch_size=16, epochs=0.05, evaluate_every_rounds=5),
        width=4,
        scores=ScoreSettings(score_samples=64, evaluation_samples=32),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, pictures and scores."""
    with open_run("dcgan", cfg) as run:
        data = cfg.data
        shape = DCGANConfig(data.size, data.channels, cfg.latent, cfg.width, cfg.variant)
        corpus = load_images(data)
        run.say("\n".join(corpus.account.lines()))
        game = dcgan.build(DCGANGenerator(shape), dcgan_discriminator(shape), cfg.method)

        scorer = ImageScorer(corpus, cfg.scores)
        alarms = (PinnedDiscriminator(rounds=200), LostDiversity(scorer.real_diversity()))
        hooks = Hooks(scorer, scorer.draw_grid, write_report, alarms)
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        phases, averages = dcgan.phases(cfg.method), dcgan.averages(cfg.method)
        trained = Trainer(run, game, phases, feed, hooks, averages).fit()

        if run.runtime.leads:
            save_image_model(run.log.model_folder, trained.players["generator"])
            scorer.draw_figures(run, trained)
            scores = scorer.record("DCGAN and real data", {"DCGAN": trained}, cfg.run.seed)
            close_run(run, scores, own_data="--images DIR")


if __name__ == "__main__":
    launch(main, PRESETS)

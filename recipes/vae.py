"""VAE: a variational autoencoder; an encoder with a posterior of codes, a decoder to sample from.

$ python recipes/vae.py                                      bundled cat faces, minutes on a laptop
$ python recipes/vae.py --images DIGITS --channels 1 --size 28 --network mlp --likelihood bernoulli
$ python recipes/vae.py --beta 4                             codes closer to their prior (beta-VAE)
$ python recipes/vae.py --images DIR --out runs/mine         your own folder of images
$ python recipes/vae.py paper                                a code of 20 dimensions and small batches
$ python recipes/vae.py smoke                                seconds, to see that everything works
$ python recipes/vae.py --resume runs/vae                    go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.rebuilding_scores import VariationalScorer, damaged_pairs
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import vae
from image_gans.methods.translation.vae import VAEMethod
from image_gans.networks.translators.code_networks import (
    CodeNetworks,
    build_variational_autoencoder,
)
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import close_translation_run, translation_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import CollapsedPosterior
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """A variational autoencoder of images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[CodeNetworks, flat] = CodeNetworks()
    method: Annotated[VAEMethod, flat] = VAEMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=CodeNetworks(latent=64, width=32),
        training=PlayerTraining(
            betas=(0.9, 0.999), batch_size=32, epochs=12, most_work=3.0, sample_every_rounds=500
        ),
    ),
    "paper": Config(
        networks=CodeNetworks(latent=20),
        method=VAEMethod(steps=Steps(1e-3)),
        training=PlayerTraining(betas=(0.9, 0.999), batch_size=100, epochs=500),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=CodeNetworks(latent=8, width=4),
        training=PlayerTraining(batch_size=16, epochs=0.05, evaluate_every_rounds=5),
        scores=PairScoreSettings(score_pairs=32, evaluation_pairs=16, features="none"),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, figures and scores."""
    with open_run("vae", cfg) as run:
        corpus = vae.observed(load_images(cfg.data), cfg.method)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        encoder, generator = build_variational_autoencoder(cfg.networks, cfg.data)
        game = vae.build(encoder, generator, cfg.method)
        phases = vae.phases(cfg.method, training)

        scorer = VariationalScorer(
            damaged_pairs(corpus, "none"), cfg.scores, "rebuild",
            ("encoder", "generator"), verbs=("rebuild", "sample"), dimensions=cfg.networks.latent,
        )  # fmt: skip
        trained = Trainer(
            run, game, phases, feed, translation_hooks(scorer, CollapsedPosterior())
        ).fit()
        close_translation_run(run, scorer, trained, "VAE", "--images DIR")


if __name__ == "__main__":
    launch(main, PRESETS)

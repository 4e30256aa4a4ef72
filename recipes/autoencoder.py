"""Autoencoder: image reconstruction through a narrow code, plain or denoising.

$ python recipes/autoencoder.py                              denoised cat faces, minutes on a laptop
$ python recipes/autoencoder.py --corruption none            a plain autoencoder
$ python recipes/autoencoder.py --corruption strokes         another corruption
$ python recipes/autoencoder.py --latent 2 --corruption none      a map of the codes, coloured by label
$ python recipes/autoencoder.py --images DIR --out runs/mine      your own folder of images
$ python recipes/autoencoder.py paper                        a code of 30 dimensions, as in the paper
$ python recipes/autoencoder.py smoke                        seconds, to see that everything works
$ python recipes/autoencoder.py --resume runs/autoencoder    go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.rebuilding_scores import RebuildingScorer, damaged_pairs
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import autoencoder
from image_gans.methods.translation.autoencoder import AutoencoderMethod
from image_gans.networks.translators.code_networks import CodeNetworks, build_autoencoder
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import close_translation_run, translation_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """An autoencoder of images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[CodeNetworks, flat] = CodeNetworks()
    method: Annotated[AutoencoderMethod, flat] = AutoencoderMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=CodeNetworks(latent=64, width=32),
        method=AutoencoderMethod(corruption="noise"),
        training=PlayerTraining(
            betas=(0.9, 0.999), batch_size=32, epochs=12, most_work=3.0, sample_every_rounds=500
        ),
    ),
    "paper": Config(
        networks=CodeNetworks(latent=30),
        method=AutoencoderMethod(steps=Steps(1e-3)),
        training=PlayerTraining(betas=(0.9, 0.999), batch_size=100, epochs=200),
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
    with open_run("autoencoder", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        encoder, generator = build_autoencoder(cfg.networks, cfg.data)
        game = autoencoder.build(encoder, generator, cfg.method)
        phases = autoencoder.phases(cfg.method, training)

        scorer = RebuildingScorer(
            damaged_pairs(corpus, cfg.method.corruption), cfg.scores, "rebuild",
            ("encoder", "generator"), verbs=("rebuild",), dimensions=cfg.networks.latent,
        )  # fmt: skip
        trained = Trainer(run, game, phases, feed, translation_hooks(scorer)).fit()
        close_translation_run(run, scorer, trained, "autoencoder", "--images DIR")


if __name__ == "__main__":
    launch(main, PRESETS)

"""VQ-VAE: an autoencoder whose codes are rows of tokens; text recipes learn to write them.

$ python recipes/vqvae.py                                    bundled cat faces, minutes on a laptop
$ python recipes/mle.py --text runs/vqvae/codes --out runs/prior     a prior of the codes: any text recipe
$ seqgan-kit sample runs/vqvae --prior runs/prior -n 64      images of codes that the prior draws
$ python recipes/vqvae.py --images DIR --out runs/mine       your own folder of images
$ python recipes/vqvae.py paper                              the paper's networks and codebook (a GPU)
$ python recipes/vqvae.py smoke                              seconds, to see that everything works
$ python recipes/vqvae.py --resume runs/vqvae                go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.quantised_scores import QuantisedScorer
from image_gans.evaluation.translation.rebuilding_scores import damaged_pairs
from image_gans.image_fitting import fit_to_images
from image_gans.methods.translation import vqvae
from image_gans.methods.translation.vqvae import VQVAEMethod
from image_gans.networks.translators.quantised_networks import (
    CodeMapNetworks,
    build_quantised_autoencoder,
)
from image_gans.networks.translators.vector_quantiser import QuantiserConfig
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import close_translation_run, translation_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import DeadCodes
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """A VQ-VAE of images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[CodeMapNetworks, flat] = CodeMapNetworks()
    quantiser: Annotated[QuantiserConfig, flat] = QuantiserConfig()
    method: Annotated[VQVAEMethod, flat] = VQVAEMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    scores: Annotated[PairScoreSettings, flat] = PairScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=CodeMapNetworks(width=48),
        quantiser=QuantiserConfig(codes=128, dimensions=32, decay=0.95),
        method=VQVAEMethod(steps=Steps(1e-3)),
        training=PlayerTraining(
            betas=(0.9, 0.999), batch_size=32, epochs=12, most_work=3.0, sample_every_rounds=500
        ),
    ),
    "paper": Config(training=PlayerTraining(betas=(0.9, 0.999), batch_size=128, epochs=640)),
    "smoke": Config(
        data=ImageData(size=16),
        networks=CodeMapNetworks(width=4, blocks=1),
        quantiser=QuantiserConfig(codes=8, dimensions=4, decay=0.5),
        training=PlayerTraining(batch_size=16, epochs=0.05, evaluate_every_rounds=5),
        scores=PairScoreSettings(score_pairs=32, evaluation_pairs=16, features="none"),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, figures, scores and code rows."""
    with open_run("vqvae", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        networks = build_quantised_autoencoder(cfg.networks, cfg.quantiser, cfg.data)
        game = vqvae.build(*networks, cfg.method)
        phases = vqvae.phases(cfg.method, training)

        codes_of_an_image = networks[0].config.side ** 2
        scorer = QuantisedScorer(
            damaged_pairs(corpus, "none"), cfg.scores, dimensions=codes_of_an_image
        )
        trained = Trainer(run, game, phases, feed, translation_hooks(scorer, DeadCodes())).fit()
        close_translation_run(run, scorer, trained, "VQ-VAE", "--images DIR")


if __name__ == "__main__":
    launch(main, PRESETS)

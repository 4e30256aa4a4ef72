"""StackGAN: images from captions; a discriminator that also rejects true images with wrong captions.

$ python recipes/stackgan.py                                 bundled cat faces and captions, on a laptop
$ seqgan-kit paint runs/stackgan "a black cat sits on the sofa ."        images of your own sentence
$ seqgan-kit dream runs/seqgan runs/stackgan                 images of captions that a text GAN writes
$ python recipes/stackgan.py --images FILE.parquet --out runs/mine       your own images with captions
$ python recipes/stackgan.py paper --images FILE.parquet     the paper's rates and sizes (a GPU)
$ python recipes/stackgan.py smoke                           seconds, to see that everything works
$ python recipes/stackgan.py --resume runs/stackgan          go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.evaluation.captions.caption_scores import CaptionScorer
from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.methods.captions import stackgan
from image_gans.methods.captions.stackgan import StackGANMethod
from image_gans.networks.captions.caption_discriminator import CaptionJudgeShape
from image_gans.networks.captions.caption_encoder import CaptionEncoderShape
from image_gans.networks.captions.caption_players import build_caption_players
from image_gans.networks.captions.caption_refiner import RefinementShape
from image_gans.networks.choice import NetworkChoice
from image_gans.player_schedule import PlayerAverages, PlayerTraining, Steps
from image_gans.recipe import close_image_run, image_hooks
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.captioned import captioned
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """StackGAN on images with captions."""

    data: Annotated[ImageData, flat] = ImageData()
    captions: CaptionEncoderShape = CaptionEncoderShape()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    judge: CaptionJudgeShape = CaptionJudgeShape()
    refinement: RefinementShape = RefinementShape()
    method: Annotated[StackGANMethod, flat] = StackGANMethod()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    averages: Annotated[PlayerAverages, flat] = PlayerAverages()
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=32, latent=32, discriminator_norm="spectral"),
        method=StackGANMethod(
            divergence_weight=0.2, generator=Steps(4e-4), discriminator=Steps(4e-4)
        ),
        training=PlayerTraining(batch_size=32, epochs=40, most_work=3.0, sample_every_rounds=500),
        averages=PlayerAverages(0.995),
    ),
    "paper": Config(
        data=ImageData(size=256),
        captions=CaptionEncoderShape(1024, 512, 512, condition=128),
        networks=NetworkChoice(width=128),
        judge=CaptionJudgeShape(128, 512),
        refinement=RefinementShape(4, width=128, blocks=4, halvings=2),
        training=PlayerTraining(batch_size=64, epochs=1200, sample_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=32),
        captions=CaptionEncoderShape(8, 4, 4, condition=3),
        networks=NetworkChoice(width=4, latent=4),
        judge=CaptionJudgeShape(4, 8),
        refinement=RefinementShape(2, width=4, blocks=1),
        training=PlayerTraining(batch_size=16, epochs=0.1, evaluate_every_rounds=5),
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Captioned images, networks, game, phases, training, images and scores."""
    with open_run("stackgan", cfg) as run:
        corpus = load_images(cfg.data)
        told = captioned(corpus)
        run.say("\n".join([*corpus.account.lines(), told.line()]))
        feed = told.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        shapes = cfg.captions, cfg.judge, cfg.refinement
        players = build_caption_players(cfg.networks, cfg.data, told, *shapes)
        game = stackgan.build(told, players, cfg.method)
        phases = stackgan.phases(cfg.method, training, game.two_stages)

        scorer = CaptionScorer(corpus, cfg.scores, captioned=told)
        hooks, following = image_hooks(scorer), cfg.averages.of("generator")
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        use = f"paint {run.folder} CAPTION --out DIR"
        close_image_run(run, scorer, trained, "StackGAN", "--images FILE.parquet", use)


if __name__ == "__main__":
    launch(main, PRESETS)

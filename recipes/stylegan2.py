"""StyleGAN2: styles modulate the generator's convolutions, with lazy penalties and truncation.

$ python recipes/stylegan2.py                              bundled cat faces, minutes on a laptop
$ python recipes/stylegan2.py --augmentation ada --ada-images 6000     when there are few images
$ python recipes/stylegan2.py --images DIR --size 64 --out runs/mine   your own images
$ seqgan-kit sample runs/stylegan2 --truncation 0.7        less variety, more typical images
$ python recipes/stylegan2.py paper --images DIR           the paper's networks at 256 pixels (weeks; GPUs)
$ python recipes/stylegan2.py smoke                        seconds, to see that everything works
$ python recipes/stylegan2.py --resume runs/stylegan2      go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScorer, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import SMOKE
from image_gans.methods.modern import stylegan2
from image_gans.methods.modern.stylegan2 import StyleGAN2Method
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
    """StyleGAN2 on images."""

    data: Annotated[ImageData, flat] = ImageData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice(
        "style", width=128, latent=512, growth=4
    )
    method: Annotated[StyleGAN2Method, flat] = StyleGAN2Method()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = stylegan2.PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice("style", width=16, latent=64, growth=4, mapping=4, noise=False),
        method=StyleGAN2Method(r1_gamma=1.0, path_length_decay=0.1, style_mixing=0.5),
        training=replace(
            stylegan2.PAPER,
            generator_learning_rate=8e-3,
            discriminator_learning_rate=8e-3,
            average_decay=0.99,
            epochs=20,
            most_work=3.0,
            sample_every_rounds=500,
        ),
    ),
    # Configuration F at 256 pixels, with R1's default weight.
    "paper": Config(
        data=ImageData(size=256),
        training=replace(stylegan2.PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice("style", width=4, latent=8, mapping=2),
        training=replace(SMOKE, betas=(0.0, 0.99)),
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("stylegan2", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_networks(cfg.networks, cfg.data, packing=cfg.techniques.packing)
        game = stylegan2.build(*players, cfg.method, cfg.techniques)
        phases = stylegan2.phases(training, cfg.method, cfg.techniques)

        scorer = ImageScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "StyleGAN2")


if __name__ == "__main__":
    launch(main, PRESETS)

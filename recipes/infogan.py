"""InfoGAN: interpretable latent codes, learnt without labels.

$ python recipes/infogan.py                                 bundled cat faces, minutes on a laptop
$ seqgan-kit sample runs/infogan --condition code=3
$ python recipes/infogan.py --images DIR --out runs/mine    your own images
$ python recipes/infogan.py paper --images DIR              the paper's rates, not its networks (hours; a GPU)
$ python recipes/infogan.py smoke                           seconds, to see that everything works
$ python recipes/infogan.py --resume runs/infogan           go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.code_scores import CodeScorer
from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScoreSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import FACES, SMOKE
from image_gans.methods import infogan
from image_gans.methods.infogan import PAPER, InfoGANMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.coded import CodeSettings, build_coded_networks
from image_gans.recipe import close_image_run, image_hooks
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """InfoGAN on images."""

    data: Annotated[ImageData, flat] = ImageData()
    codes: Annotated[CodeSettings, flat] = CodeSettings()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    method: Annotated[InfoGANMethod, flat] = InfoGANMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=32),
        method=InfoGANMethod(continuous_weight=0.1, label_smoothing=0.1),
        training=FACES,
    ),
    "paper": Config(
        data=ImageData(channels=1),
        networks=NetworkChoice(latent=62),
        training=replace(PAPER, sample_every_rounds=1000, evaluate_every_rounds=1000),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        networks=NetworkChoice(width=4),
        training=SMOKE,
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("infogan", cfg) as run:
        corpus = load_images(cfg.data)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        networks = build_coded_networks(cfg.networks, cfg.data, cfg.codes)
        game = infogan.build(*networks, cfg.method, cfg.techniques)
        phases = infogan.phases(training, cfg.techniques)

        scorer = CodeScorer(corpus, cfg.scores)
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "InfoGAN")


if __name__ == "__main__":
    launch(main, PRESETS)

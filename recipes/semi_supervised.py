"""Semi-supervised GAN: a classifier trained on few labels and many unlabelled images.

$ python recipes/semi_supervised.py                         bundled cats, 100 labelled, minutes on a laptop
$ python recipes/semi_supervised.py --images mnist --channels 1 --epochs 2     digits: a parquet folder
$ python recipes/semi_supervised.py --images DIR --labelled 50 --out runs/mine     your own images
$ python recipes/semi_supervised.py paper --images DIR      the paper's rates, not its networks (hours; a GPU)
$ python recipes/semi_supervised.py smoke                   seconds, to see that everything works
$ python recipes/semi_supervised.py --resume runs/semi_supervised    go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.image_scores import SMOKE_SCORES, ImageScoreSettings
from image_gans.evaluation.label_scores import LabelScorer
from image_gans.few_labels import LabelSettings, few_labels, few_labels_feed
from image_gans.image_fitting import fit_to_images
from image_gans.methods import semi_supervised
from image_gans.methods.semi_supervised import PAPER, SemiSupervisedMethod
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
    """A semi-supervised GAN on images, few of them labelled."""

    data: Annotated[ImageData, flat] = ImageData()
    labels: Annotated[LabelSettings, flat] = LabelSettings()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    method: Annotated[SemiSupervisedMethod, flat] = SemiSupervisedMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = PAPER
    scores: Annotated[ImageScoreSettings, flat] = ImageScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=16, discriminator_norm="layer"),
        training=replace(
            PAPER,
            generator_learning_rate=1e-3,
            discriminator_learning_rate=1e-3,
            learning_rate_schedule="linear",
            epochs=40,
            most_work=3.0,
            sample_every_rounds=200,
        ),
    ),
    "paper": Config(
        networks=NetworkChoice("mlp", generator_norm="batch", dropout=0.5),
        training=replace(PAPER, sample_every_rounds=3000, evaluate_every_rounds=600),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        labels=LabelSettings(labelled=12, labelled_batch_size=6),
        networks=NetworkChoice(width=4, discriminator_norm="layer"),
        training=replace(PAPER, batch_size=16, epochs=0.05, evaluate_every_rounds=5),
        scores=SMOKE_SCORES,
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, images and scores."""
    with open_run("semi_supervised", cfg) as run:
        corpus = load_images(cfg.data)
        told = few_labels(corpus, cfg.labels, cfg.run.seed)
        run.say("\n".join([*corpus.account.lines(), told.line()]))
        pictures = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), pictures)
        networks = build_networks(cfg.networks, cfg.data)
        game = semi_supervised.build(*networks, len(told.names), cfg.method, cfg.techniques)
        phases = semi_supervised.phases(training, cfg.techniques)

        scorer = LabelScorer(corpus, cfg.scores, told=told)
        feed = few_labels_feed(pictures, told, cfg.labels.labelled_batch_size, **run.share())
        hooks, following = image_hooks(scorer), averages(training)
        trained = Trainer(run, game, phases, feed, hooks, following).fit()
        close_image_run(run, scorer, trained, "semi-supervised GAN")


if __name__ == "__main__":
    launch(main, PRESETS)

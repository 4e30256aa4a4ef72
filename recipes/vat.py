"""Virtual adversarial training: a classifier from few labels and many unlabelled images.

$ python recipes/vat.py                                      coats of small cats from 60 labels, a minute
$ python recipes/vat.py --virtual-epsilon 128                longer perturbations
$ python recipes/vat.py --label expression --labelled 100    another label of the bundled cats
$ python recipes/vat.py --images DIR --labelled 50 --out runs/mine      your own images, in a folder per class
$ python recipes/vat.py paper --images DIR                   the paper's schedule (hours; a GPU)
$ python recipes/vat.py smoke                                seconds, to see that everything works
$ python recipes/vat.py --resume runs/vat                    go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass
from typing import Annotated

from image_gans.attacks.attack_settings import GradientAttack, VirtualAttack
from image_gans.evaluation.robustness.robust_scores import RobustnessScorer
from image_gans.evaluation.robustness.robust_table import SMOKE_ROBUSTNESS, RobustnessSettings
from image_gans.few_labels import LabelSettings, few_labels, few_labels_feed
from image_gans.image_fitting import fit_to_images
from image_gans.methods.robust import vat
from image_gans.methods.robust.vat import VATMethod
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import classifier_hooks, close_classifier_run
from image_gans.robust_game import RobustClassifierSettings
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """A classifier of one label, from few labelled and many unlabelled images."""

    data: Annotated[ImageData, flat] = ImageData()
    labels: Annotated[LabelSettings, flat] = LabelSettings()
    classifier: Annotated[RobustClassifierSettings, flat] = RobustClassifierSettings()
    method: Annotated[VATMethod, flat] = VATMethod()
    virtual: Annotated[VirtualAttack, flat] = VirtualAttack()
    attack: Annotated[GradientAttack, flat] = GradientAttack()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    scores: Annotated[RobustnessSettings, flat] = RobustnessSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        data=ImageData(size=16),
        labels=LabelSettings(labelled=60, labelled_batch_size=60),
        classifier=RobustClassifierSettings(8),
        method=VATMethod(steps=Steps(2e-3)),
        virtual=VirtualAttack(virtual_epsilon=16.0),
        training=PlayerTraining(
            betas=(0.9, 0.999),
            learning_rate_schedule="linear",
            batch_size=64,
            epochs=5,
            most_work=3.0,
        ),
    ),
    "paper": Config(
        labels=LabelSettings(labelled=1000, labelled_batch_size=32),
        classifier=RobustClassifierSettings(64),
        training=PlayerTraining(betas=(0.9, 0.999), batch_size=128, epochs=120),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        labels=LabelSettings(labelled=12, labelled_batch_size=6),
        classifier=RobustClassifierSettings(4),
        attack=GradientAttack(steps=1),
        training=PlayerTraining(batch_size=16, epochs=0.05, evaluate_every_rounds=5),
        scores=SMOKE_ROBUSTNESS,
    ),
}


def main(cfg: Config) -> None:
    """Images, classifiers, game, phases, training, attacks and scores."""
    with open_run("vat", cfg) as run:
        corpus = load_images(cfg.data)
        told = few_labels(corpus, cfg.labels, cfg.run.seed)
        run.say("\n".join([*corpus.account.lines(), told.line()]))
        pictures = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), pictures)
        classifier = cfg.classifier.build(corpus.train.shape[1:], told.label, told.names)
        game = vat.build(classifier, cfg.attack, cfg.virtual)
        phases = vat.phases(game, cfg.method, training)

        scorer = RobustnessScorer(told, cfg.attack, cfg.scores)
        feed = few_labels_feed(pictures, told, cfg.labels.labelled_batch_size, **run.share())
        trained = Trainer(run, game, phases, feed, classifier_hooks(scorer)).fit()
        close_classifier_run(run, scorer, trained, "virtual adversarial training")


if __name__ == "__main__":
    launch(main, PRESETS)

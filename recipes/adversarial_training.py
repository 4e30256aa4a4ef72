"""Adversarial training: a classifier that withstands attacks, beside a plain one and VAT.

$ python recipes/adversarial_training.py                     coats of the bundled cats, minutes on a laptop
$ python recipes/adversarial_training.py --norm l2 --epsilon 128        against perturbations in L2
$ python recipes/adversarial_training.py --steps 1 --step-share 1 --clean-share 0.5      Goodfellow et al.'s
$ python recipes/adversarial_training.py --images DIR --out runs/mine   your own images, in a folder per class
$ python recipes/adversarial_training.py paper               Madry et al.'s attack and length (hours; a GPU)
$ python recipes/adversarial_training.py smoke               seconds, to see that everything works
$ python recipes/adversarial_training.py --resume runs/adversarial_training      go on where a run stopped
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
from image_gans.methods.robust import adversarial_training
from image_gans.methods.robust.adversarial_training import AdversarialTrainingMethod
from image_gans.player_schedule import PlayerTraining, Steps
from image_gans.recipe import classifier_hooks, close_classifier_run
from image_gans.robust_game import RobustClassifierSettings
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.load_images import ImageData, load_images


@dataclass(frozen=True)
class Config:
    """Classifiers of one label, trained with and without attacks."""

    data: Annotated[ImageData, flat] = ImageData()
    labels: Annotated[LabelSettings, flat] = LabelSettings(labelled=0)
    classifier: Annotated[RobustClassifierSettings, flat] = RobustClassifierSettings()
    method: Annotated[AdversarialTrainingMethod, flat] = AdversarialTrainingMethod()
    attack: Annotated[GradientAttack, flat] = GradientAttack()
    virtual: Annotated[VirtualAttack, flat] = VirtualAttack()
    training: Annotated[PlayerTraining, flat] = PlayerTraining()
    scores: Annotated[RobustnessSettings, flat] = RobustnessSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        labels=LabelSettings(labelled=0, labelled_batch_size=64),
        method=AdversarialTrainingMethod(steps=Steps(2e-3)),
        attack=GradientAttack(steps=4, step_share=0.5),
        training=PlayerTraining(
            betas=(0.9, 0.999),
            learning_rate_schedule="linear",
            batch_size=64,
            epochs=8,
            most_work=3.0,
        ),
    ),
    "paper": Config(
        labels=LabelSettings(labelled=0, labelled_batch_size=128),
        classifier=RobustClassifierSettings(64),
        training=PlayerTraining(betas=(0.9, 0.999), batch_size=128, epochs=200),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        labels=LabelSettings(labelled=0, labelled_batch_size=16),
        classifier=RobustClassifierSettings(4),
        attack=GradientAttack(steps=1),
        training=PlayerTraining(batch_size=16, epochs=0.05, evaluate_every_rounds=5),
        scores=SMOKE_ROBUSTNESS,
    ),
}


def main(cfg: Config) -> None:
    """Images, classifiers, game, phases, training, attacks and scores."""
    with open_run("adversarial_training", cfg) as run:
        corpus = load_images(cfg.data)
        told = few_labels(corpus, cfg.labels, cfg.run.seed)
        run.say("\n".join([*corpus.account.lines(), told.line()]))
        pictures = corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), pictures)
        classifier = cfg.classifier.build(corpus.train.shape[1:], told.label, told.names)
        game = adversarial_training.build(classifier, cfg.attack, cfg.virtual, cfg.method)
        phases = adversarial_training.phases(game, cfg.method, training)

        scorer = RobustnessScorer(told, cfg.attack, cfg.scores)
        feed = few_labels_feed(pictures, told, cfg.labels.labelled_batch_size, **run.share())
        trained = Trainer(run, game, phases, feed, classifier_hooks(scorer)).fit()
        close_classifier_run(run, scorer, trained, "adversarial training")


if __name__ == "__main__":
    launch(main, PRESETS)

"""Age-cGAN: the same face at another age, by a conditional GAN and a search in its latent space.

$ python recipes/age_cgan.py                         portraits of cats: kittens, adults and old cats
$ seqgan-kit edit runs/age_cgan --images DIR --out DIR --condition age=old
$ python recipes/age_cgan.py --images DIR --condition age --out runs/mine      your own labelled images
$ python recipes/age_cgan.py paper                   the paper's networks and schedule at 64 pixels (a GPU)
$ python recipes/age_cgan.py smoke                   seconds, to see that everything works
$ python recipes/age_cgan.py --resume runs/age_cgan  go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.latent.edit_scores import EditScorer, EditSettings
from image_gans.evaluation.latent.edit_tasks import (
    labelled_for_edits,
    single,
    with_recognisable_labels,
)
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import SMOKE
from image_gans.methods.latent import age_cgan
from image_gans.methods.latent.age_cgan import PAPER, AgeCGANMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import ConditionSettings
from image_gans.networks.translators.labelled_choice import build_inverted_networks
from image_gans.recipe import close_image_run, latent_hooks
from image_gans.schedule import ImageTraining
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.age_sets import AgeData, load_age_sets
from seqgan_kit.data.images.load_images import ImageData


@dataclass(frozen=True)
class Config:
    """Age-cGAN on labelled images."""

    data: Annotated[ImageData, flat] = ImageData()
    ages: Annotated[AgeData, flat] = AgeData()
    conditions: Annotated[ConditionSettings, flat] = ConditionSettings(("age",), embedding=0)
    networks: Annotated[NetworkChoice, flat] = NetworkChoice()
    method: Annotated[AgeCGANMethod, flat] = AgeCGANMethod()
    training: Annotated[ImageTraining, flat] = PAPER
    scores: Annotated[EditSettings, flat] = EditSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        conditions=ConditionSettings(("age",), embedding=0, conditional_norm=True),
        networks=NetworkChoice(width=32, latent=64, discriminator_norm="spectral"),
        method=AgeCGANMethod(
            judge="projection",
            label_smoothing=0.1,
            mismatch_weight=1.0,
            encoding=0.5,
            encoder_learning_rate=1e-3,
        ),
        training=replace(
            PAPER,
            generator_learning_rate=4e-4,
            learning_rate_schedule="linear",
            batch_size=32,
            epochs=32,
            most_work=3.0,
            sample_every_rounds=500,
        ),
    ),
    "paper": Config(
        data=ImageData(size=64),
        ages=AgeData(world_portraits=20_000, test_portraits=1000),
        training=replace(PAPER, sample_every_rounds=1000),
        scores=EditSettings(edited_images=500, search_moves=200),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        ages=AgeData(world_portraits=64, test_portraits=6),
        networks=NetworkChoice(width=4, latent=4),
        method=AgeCGANMethod(recogniser_width=4),
        training=replace(SMOKE, epochs=1),
        scores=EditSettings(4, search_moves=2, evaluation_images=4, recogniser_steps=10),
    ),
}


def main(cfg: Config) -> None:
    """Images of known ages, networks, game, phases, training and edits of test images."""
    with open_run("age_cgan", cfg) as run:
        (label,) = single(cfg.conditions.condition)
        sets = with_recognisable_labels(load_age_sets(cfg.data, cfg.ages), label)
        labelled = labelled_for_edits(sets, label)
        run.say("\n".join([*sets.lines(), labelled.line()]))
        feed = sets.corpus.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        networks = build_inverted_networks(cfg.networks, cfg.data, labelled, cfg.conditions)
        game = age_cgan.build(*networks, sets.corpus.label_names, cfg.method)
        phases = age_cgan.phases(cfg.method, training)

        scorer = EditScorer(sets, labelled.conditions, cfg.scores)
        trained = Trainer(run, game, phases, feed, latent_hooks(scorer)).fit()
        use = f"edit {run.folder} --images DIR --out DIR"
        close_image_run(run, scorer, trained, "Age-cGAN", "--images DIR --condition LABEL", use)


if __name__ == "__main__":
    launch(main, PRESETS)

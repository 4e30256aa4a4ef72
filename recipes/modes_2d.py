"""Modes in the plane: mode collapse on a ring of 8 or a grid of 25 modes. GAN, unrolled GAN, WGAN-GP, PacGAN.

$ python recipes/modes_2d.py                                a plain GAN on the ring, minutes
$ python recipes/modes_2d.py unrolled --world grid          G sees five steps of D ahead
$ python recipes/modes_2d.py wgan_gp --world grid           a critic with a gradient penalty
$ python recipes/modes_2d.py gan_gp --world grid            a GAN with a penalty and no batch norm: best here
$ python recipes/modes_2d.py rpgan --world grid             relativistic pairs, R1 and R2, as R3GAN
$ python recipes/modes_2d.py packing --packing 3 --batch-size 300     D judges three points at once
$ python recipes/modes_2d.py paper --world grid             PacGAN's networks and 400,000 steps (hours)
$ python recipes/modes_2d.py smoke                          seconds, to see that everything works
$ python recipes/modes_2d.py --resume runs/modes_2d         go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.point_scores import PointScorer, PointScores
from image_gans.methods import modes_2d
from image_gans.methods.modes_2d import PAPER, Modes2DMethod
from image_gans.metrics.worlds import PointData, load_points
from image_gans.networks.mlp import JudgeConfig, MLPConfig, MLPGenerator, mlp_discriminator
from image_gans.recipe import close_image_run
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Hooks, Trainer
from seqgan_kit.report.run_page import write_report


@dataclass(frozen=True)
class Config:
    """GANs on points in the plane."""

    data: Annotated[PointData, flat] = PointData()
    generator: Annotated[MLPConfig, flat] = MLPConfig()
    discriminator: Annotated[JudgeConfig, flat] = JudgeConfig()
    method: Annotated[Modes2DMethod, flat] = Modes2DMethod()
    techniques: Annotated[Techniques, flat] = Techniques()
    training: Annotated[ImageTraining, flat] = PAPER
    scores: Annotated[PointScores, flat] = PointScores()
    run: Annotated[RunSettings, flat] = RunSettings()


SMALL = Config(
    generator=MLPConfig(width=128, layers=3),
    discriminator=JudgeConfig(judge="relu", judge_width=128, judge_layers=3),
    training=replace(
        PAPER,
        generator_learning_rate=1e-3,
        discriminator_learning_rate=1e-3,
        betas=(0.5, 0.999),
        learning_rate_schedule="linear",
        epochs=12,
        sample_every_rounds=2000,
    ),
)
"""Smaller networks and higher learning rates, for runs of minutes: 12,000 rounds (the papers: 400,000)."""

PRESETS = {
    "default": SMALL,
    # The authors' players, rates and saddle objective; 5,850 of their 25,000 rounds (--epochs 128: all).
    "unrolled": replace(
        SMALL,
        generator=MLPConfig(
            latent=256,
            width=128,
            layers=2,
            activation="tanh",
            batch_norm=False,
            initialisation="orthogonal",
        ),
        discriminator=JudgeConfig(
            judge="tanh", judge_width=128, judge_layers=2, judge_initialisation="orthogonal"
        ),
        method=Modes2DMethod(objective="minimax"),
        techniques=Techniques(unrolled_steps=5),
        training=replace(
            SMALL.training,
            discriminator_learning_rate=1e-4,
            learning_rate_schedule="constant",
            batch_size=512,
            epochs=30,
        ),
    ),
    "wgan_gp": replace(SMALL, method=Modes2DMethod(objective="wasserstein", gradient_penalty=0.1)),
    # Batch norm shifts each point with the rest of its batch, by more than a mode's width.
    "gan_gp": replace(
        SMALL,
        generator=replace(SMALL.generator, batch_norm=False),
        method=Modes2DMethod(gradient_penalty=0.03),
        training=replace(
            SMALL.training,
            generator_learning_rate=2e-3,
            discriminator_learning_rate=2e-3,
            batch_size=512,
            epochs=100,
        ),
    ),
    # R3GAN's loss on the same players. --objective non_saturating or --r2-weight 0: its ablation.
    "rpgan": replace(
        SMALL,
        generator=replace(SMALL.generator, batch_norm=False),
        method=Modes2DMethod(objective="relativistic_pairs"),
        techniques=Techniques(r1_weight=0.1, r2_weight=0.1),
    ),
    # 100 packs a batch, as in the authors' code; as many rounds as the others.
    "packing": replace(
        SMALL,
        techniques=Techniques(packing=2),
        training=replace(SMALL.training, batch_size=200, epochs=24),
    ),
    "paper": Config(
        generator=MLPConfig(initialisation="normal"),
        discriminator=JudgeConfig(judge_initialisation="normal"),
        training=replace(PAPER, sample_every_rounds=10_000, evaluate_every_rounds=10_000),
    ),
    "smoke": replace(
        SMALL,
        data=PointData(points=1000),
        training=replace(SMALL.training, epochs=10, evaluate_every_rounds=50),
    ),
}


def main(cfg: Config) -> None:
    """Points, networks, game, phases, training, scatter and scores."""
    with open_run("modes_2d", cfg) as run:
        world, points = load_points(cfg.data, run.settings.seed)
        players = (
            MLPGenerator(cfg.generator),
            mlp_discriminator(cfg.discriminator, cfg.techniques.packing),
        )
        game = modes_2d.build(*players, cfg.method, cfg.techniques)
        phases = modes_2d.phases(cfg.training, cfg.techniques)

        scorer = PointScorer(world, cfg.scores)
        feed = run.feed({"real": points}, cfg.training.batch_size)
        hooks = Hooks(scorer, scorer.draw_points, write_report)
        trained = Trainer(run, game, phases, feed, hooks, averages(cfg.training)).fit()
        close_image_run(
            run, scorer, trained, f"{world.name}, {run.settings.preset}", "--world grid"
        )


if __name__ == "__main__":
    launch(main, PRESETS)

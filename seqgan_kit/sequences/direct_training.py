"""Phases of methods that train G on a loss of its own likelihoods: pretraining, then rounds of updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqgan_kit.core.bounds import Cap, Count, Every, Positive, Weight, bounded
from seqgan_kit.core.game import Phase, Turn, spread_evenly
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.fine_tuning import pretrain_generator


@dataclass(frozen=True)
@bounded
class DirectTraining:
    """Settings of pretraining and of the rounds after it; networks and lengths as in SeqGAN's pretraining."""

    batch_size: Positive = 64
    """Sequences per batch."""
    pretrained: str = ""
    """Run directory whose generator is used instead of pretraining one."""
    mle_epochs: Weight = 120.0
    """Epochs of maximum-likelihood pretraining; 0 and fractions are allowed."""
    mle_learning_rate: Weight = 1e-2
    """Adam's learning rate in pretraining."""
    mle_schedule: Schedule = "constant"
    """How the learning rate of pretraining falls over the epochs."""
    mle_patience_evaluations: Count = 0
    """Evaluations without an improvement of held-out likelihood after which pretraining ends and restores the
    best weights (0: train all epochs)."""
    rounds: Positive = 200
    """Rounds after pretraining."""
    generator_moves: Positive = 50
    """Updates of G per round."""
    generator_learning_rate: Weight = 1e-3
    """Adam's learning rate of G after pretraining."""
    clip_norm: Cap = 5.0
    """Largest gradient norm of G; larger gradients are scaled down to it."""
    most_work: Weight = 0.0
    """Most work that a part of the run may take on your text, as a multiple of its work on the bundled
    captions; preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""
    evaluate_every_epochs: Every = 10
    """Epochs of pretraining between evaluations."""
    evaluate_every_rounds: Every = 0
    """Rounds after pretraining between evaluations (0: about 20 evaluations, evenly spaced)."""


def direct_phases(
    training: DirectTraining, name: str, loss: str, before: Sequence[Turn] = ()
) -> tuple[Phase, ...]:
    """Return the phases: maximum likelihood, then rounds of updates of G on a loss.

    Args:
        training: lengths and learning rates.
        name: name of the second phase.
        loss: the game's loss of G.
        before: turns at the start of every round.
    """
    optimizer = Optimizer(training.generator_learning_rate, clip_norm=training.clip_norm)
    every = training.evaluate_every_rounds or spread_evenly(training.rounds)
    learn = Turn(("generator",), loss=loss, optimizer=optimizer, moves=training.generator_moves)
    return (
        pretrain_generator(training),
        Phase(
            name,
            (*before, learn),
            rounds=training.rounds,
            evaluate_every_rounds=every,
            sample_every_rounds=every,
        ),
    )

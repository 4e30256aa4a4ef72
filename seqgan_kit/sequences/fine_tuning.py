"""Phases of adversarial fine-tuning: pretrain G by likelihood, pretrain D, then train G and D in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seqgan_kit.core.bounds import Above0, Cap, Count, Every, Positive, Weight, bounded
from seqgan_kit.core.game import EarlyStop, Epochs, Phase, Turn, spread_evenly
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.maximum_likelihood import teach_epoch

PRETRAINED = "pretrain-generator"
"""Name of the phase after which the generator is the run's maximum-likelihood baseline."""
ADVERSARIAL = "adversarial"


@dataclass(frozen=True)
@bounded
class FineTuning:
    """Settings of pretraining and adversarial training; defaults are those of SeqGAN's paper and code."""

    batch_size: Positive = 64
    """Sequences per batch."""
    pretrained: str = ""
    """Run directory whose generator is used instead of pretraining one."""
    mle_epochs: Weight = 120.0
    """Epochs of maximum-likelihood pretraining; 0 and fractions are allowed."""
    mle_learning_rate: Weight = 1e-2
    """Adam's learning rate in pretraining."""
    mle_schedule: Schedule = "constant"
    """How the learning rate of pretraining falls over the epochs (the paper: constant)."""
    mle_patience_evaluations: Count = 0
    """Evaluations without an improvement of held-out likelihood after which pretraining ends and restores the
    best weights (0: train all epochs, as the paper does)."""
    negatives: Count = 10_000
    """Pool size: generated sequences that D trains on repeatedly; 0: draw new ones for every batch."""
    pretrain_pools: Count = 50
    """Number of pools in D's pretraining."""
    discriminator_epochs: Above0 = 3.0
    """k: epochs over the training text that D trains on one pool; fractions are allowed."""
    discriminator_moves: Count = 0
    """Moves (updates) of D per pool, in place of epochs; 0: use the epochs."""
    rounds: Count = 200
    """Adversarial rounds."""
    generator_moves: Count = 1
    """g: moves (updates) of G per round."""
    pools: Count = 5
    """d: pools that D trains on per round."""
    teacher_forcing_moves: Count = 0
    """Maximum-likelihood moves (updates) of G per round, at its adversarial learning rate (not in the
    paper)."""
    generator_learning_rate: Weight = 1e-2
    """Adam's learning rate of G in adversarial rounds."""
    discriminator_learning_rate: Weight = 1e-4
    """Adam's learning rate of D."""
    clip_norm: Cap = 5.0
    """Largest gradient norm of G; larger gradients are scaled down to it."""
    discriminator_clip_norm: Weight = 0.0
    """Largest gradient norm of D; 0: no limit (SeqGAN). RelGAN's code has 5."""
    score_l2: Weight = 0.2
    """Weight of the L2 penalty on D's output layer."""
    most_work: Weight = 0.0
    """Most work that a part of the run may take on your text, as a multiple of its work on the bundled
    captions; preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""
    evaluate_every_epochs: Every = 10
    """Epochs of pretraining between evaluations."""
    evaluate_every_rounds: Every = 0
    """Adversarial rounds between evaluations (0: about 20 evaluations, evenly spaced)."""


def fine_tuning_phases(
    training: FineTuning,
    learners: tuple[str, ...] = ("generator",),
    *,
    given: int = 0,
    after_pretraining: Sequence[Turn] = (),
    after_learning: Sequence[Turn] = (),
    teaching: str = "mle_loss",
) -> tuple[Phase, ...]:
    """Return the phases: pretrain G, pretrain D on pools, then rounds of g updates of G and d pools for D.

    Args:
        training: lengths and learning rates.
        learners: the generator, and players that its loss updates.
        given: S, the number of given tokens; if above 0, the pool is filled batch by batch, so that its rows
            have the conditions of real rows.
        after_pretraining: turns at the end of every epoch of pretraining.
        after_learning: turns after G's turn in every adversarial round.
        teaching: name of G's loss on real rows in adversarial rounds.
    """
    by_verdict = Optimizer(training.generator_learning_rate, clip_norm=training.clip_norm)
    learn = Turn(
        learners, loss="generator_loss", optimizer=by_verdict, moves=training.generator_moves
    )
    teach = Turn(
        ("generator",), loss=teaching, optimizer=by_verdict, moves=training.teacher_forcing_moves
    )
    every = training.evaluate_every_rounds or spread_evenly(training.rounds)
    return (
        pretrain_generator(training, after_pretraining),
        Phase(
            "pretrain-discriminator",
            _judge(training, given),
            rounds=training.pretrain_pools,
            evaluate_every_rounds=-1,
            sample_every_rounds=-1,
        ),
        Phase(
            ADVERSARIAL,
            (
                learn,
                *((teach,) if training.teacher_forcing_moves else ()),
                *after_learning,
                *(_judge(training, given) * training.pools),
            ),
            rounds=training.rounds,
            evaluate_every_rounds=every,
            sample_every_rounds=every,
        ),
    )


class Pretraining(Protocol):
    """Settings of maximum-likelihood pretraining, as FineTuning has them."""

    @property
    def pretrained(self) -> str: ...
    @property
    def mle_epochs(self) -> float: ...
    @property
    def mle_learning_rate(self) -> float: ...
    @property
    def mle_schedule(self) -> Schedule: ...
    @property
    def mle_patience_evaluations(self) -> int: ...
    @property
    def clip_norm(self) -> float: ...
    @property
    def evaluate_every_epochs(self) -> int: ...


def pretrain_generator(training: Pretraining, after: Sequence[Turn] = ()) -> Phase:
    """Return the phase of maximum likelihood; ``after`` are turns at the end of every epoch."""
    optimizer = Optimizer(
        training.mle_learning_rate, clip_norm=training.clip_norm, schedule=training.mle_schedule
    )
    patience = training.mle_patience_evaluations
    epochs = 0.0 if training.pretrained else training.mle_epochs
    return Phase(
        PRETRAINED,
        (teach_epoch(epochs, optimizer), *after),
        rounds=math.ceil(epochs),
        evaluate_every_rounds=training.evaluate_every_epochs,
        sample_every_rounds=training.evaluate_every_epochs,
        early_stop=EarlyStop("nll_valid", patience) if patience else None,
        keep=True,
    )


def _judge(training: FineTuning, given: int) -> tuple[Turn, ...]:
    """Return D's turns on one pool."""
    optimizer = Optimizer(
        training.discriminator_learning_rate, clip_norm=training.discriminator_clip_norm or None
    )
    moves = training.discriminator_moves or Epochs(training.discriminator_epochs)
    loss = "discriminator_loss"
    if not training.negatives:
        return (Turn(("discriminator",), loss=loss, optimizer=optimizer, moves=moves),)
    fills = (
        {"moves": math.ceil(training.negatives / training.batch_size)} if given else {"feed": None}
    )
    return (
        Turn(("negatives",), rule="draw_negatives", **fills),
        Turn(("discriminator", "negatives"), loss=loss, optimizer=optimizer, moves=moves),
    )

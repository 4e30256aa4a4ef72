"""Who moves when in adversarial fine-tuning: G by likelihood, D on G's samples, then both in turns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqgan_kit.core.bounds import Above0, Cap, Count, Every, Positive, Weight, bounded
from seqgan_kit.core.game import EarlyStop, Epochs, Phase, Turn, spread_evenly
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.maximum_likelihood import teach_epoch

PRETRAINED = "pretrain-generator"
"""The phase after which the generator is the maximum-likelihood baseline of its own run."""
ADVERSARIAL = "adversarial"


@dataclass(frozen=True)
@bounded
class FineTuning:
    """Pretraining and the alternation; the defaults are those of SeqGAN's paper and its code."""

    batch_size: Positive = 64
    """Sequences a batch."""
    pretrained: str = ""
    """Run directory whose generator is taken in place of pretraining one here."""
    mle_epochs: Weight = 120.0
    """Passes of maximum-likelihood pretraining (a share of one is allowed, and 0)."""
    mle_learning_rate: Weight = 1e-2
    """Adam's step size in pretraining."""
    mle_schedule: Schedule = "constant"
    """How it falls over the epochs (the paper: not at all)."""
    mle_patience_evaluations: Count = 0
    """End pretraining when held-out likelihood has not improved for so many evaluations, and go back to
    its best (0: train all epochs, as the paper does)."""
    negatives: Count = 10_000
    """Size of a pool of generated sequences that D trains on; 0 draws fresh ones for every batch."""
    pretrain_pools: Count = 50
    """Pools that D is pretrained on."""
    discriminator_epochs: Above0 = 3.0
    """k: how long D trains on a pool, in passes over the training text (a share of one is allowed)."""
    discriminator_moves: Count = 0
    """The same in moves, where an epoch is too long a unit; 0 goes by the epochs."""
    rounds: Count = 200
    """Adversarial rounds."""
    generator_moves: Count = 1
    """g: moves of G a round."""
    pools: Count = 5
    """d: pools that D trains on a round."""
    teacher_forcing_moves: Count = 0
    """Maximum-likelihood moves of G a round, at its adversarial step size (not in the paper)."""
    generator_learning_rate: Weight = 1e-2
    """Adam's step size of G in adversarial rounds."""
    discriminator_learning_rate: Weight = 1e-4
    """Adam's step size of D."""
    clip_norm: Cap = 5.0
    """Largest norm of G's gradient."""
    discriminator_clip_norm: Weight = 0.0
    """Largest norm of D's gradient; 0: any (SeqGAN). RelGAN's code has 5."""
    score_l2: Weight = 0.2
    """Weight of the L2 term on D's output layer."""
    most_work: Weight = 0.0
    """Shorten the preset's lengths on text larger than the bundled captions, so that each part of the run
    takes at most so many times its work there (0: never). Lengths given as flags are kept."""
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
) -> tuple[Phase, ...]:
    """Pretrain G, pretrain D on pools, then g moves of G for d pools of D.

    Args:
        training: how long and how fast.
        learners: who moves with the generator: itself, and players that its loss keeps up to date.
        given: tokens that the generator is given (S); the pool is then filled batch by batch, so that its
            rows have the conditions of real ones.
        after_pretraining: turns at the end of every epoch of pretraining.
        after_learning: turns after G's in every adversarial round.
    """
    by_verdict = Optimizer(training.generator_learning_rate, clip_norm=training.clip_norm)
    learn = Turn(
        learners, loss="generator_loss", optimizer=by_verdict, moves=training.generator_moves
    )
    teach = Turn(
        ("generator",), loss="mle_loss", optimizer=by_verdict, moves=training.teacher_forcing_moves
    )
    every = training.evaluate_every_rounds or spread_evenly(training.rounds)
    return (
        _pretrain_generator(training, after_pretraining),
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


def _pretrain_generator(training: FineTuning, after: Sequence[Turn]) -> Phase:
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
    """D's turns on one pool."""
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

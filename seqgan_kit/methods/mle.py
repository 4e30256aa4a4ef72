"""Maximum likelihood: the baseline that every adversarial text method starts from and must beat.

    loss = - mean over tokens of log G(y_t | y_1 .. y_t-1)

The preset ``paper`` is the pretraining of Yu et al. (2017), including the network; their data are 10,000 rows
of an oracle (``--oracle FILE``). Here a batch's loss is the mean over its tokens without padding.

Dropout (in the generator's settings) and early stopping on held-out likelihood make a strong baseline. It is
stronger than the fixed number of epochs that most papers compare with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seqgan_kit.core.bounds import Cap, Count, Every, Positive, Weight, bounded
from seqgan_kit.core.game import EarlyStop, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import LikelihoodGame, teach_epoch

EVALUATIONS = 10
"""Evaluations of a run whose length is given in moves."""


@dataclass(frozen=True)
@bounded
class MLEMethod:
    """Settings of maximum-likelihood training."""

    batch_size: Positive = 64
    """Sequences per batch."""
    pretrained: str = ""
    """Run directory whose generator is the starting point; training continues from its weights."""
    mle_epochs: Weight = 120.0
    """Epochs of training (Yu et al. 2017: 120); a fraction of an epoch is allowed."""
    mle_moves: Count = 0
    """Length of training in moves (updates) instead of epochs, with ten evaluations; 0: use the epochs."""
    mle_learning_rate: Weight = 1e-2
    """Adam's learning rate (Yu et al. 2017: 1e-2)."""
    mle_schedule: Schedule = "constant"
    """How the learning rate falls over the epochs (the paper: constant)."""
    mle_warmup_moves: Count = 0
    """Updates over which the learning rate rises from zero (0: none). Transformers need some."""
    clip_norm: Cap = 5.0
    """Largest gradient norm; larger gradients are scaled down to it (Yu et al. 2017: 5)."""
    patience_evaluations: Count = 0
    """Evaluations without an improvement of held-out likelihood after which training stops and restores the
    best weights (0: train all epochs)."""
    most_work: Weight = 0.0
    """Most work that a part of the run may take on your text, as a multiple of its work on the bundled
    captions; preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""
    evaluate_every_epochs: Every = 5
    """Epochs between evaluations."""


def build(generator: SequenceGenerator) -> LikelihoodGame:
    """Build the game; its only player is the generator."""
    return LikelihoodGame(generator)


def phases(method: MLEMethod) -> tuple[Phase, ...]:
    """Return one phase. A round is an epoch, or a tenth of the moves."""
    optimizer = Optimizer(
        method.mle_learning_rate,
        clip_norm=method.clip_norm,
        schedule=method.mle_schedule,
        warmup_moves=method.mle_warmup_moves,
    )
    if method.mle_moves:
        teach, rounds, every = *_teach_moves(method.mle_moves, optimizer), 1
    else:
        teach, rounds = teach_epoch(method.mle_epochs, optimizer), math.ceil(method.mle_epochs)
        every = method.evaluate_every_epochs
    patience = method.patience_evaluations
    return (
        Phase(
            "mle",
            (teach,),
            rounds=rounds,
            evaluate_every_rounds=every,
            sample_every_rounds=every,
            early_stop=EarlyStop("nll_valid", patience) if patience else None,
        ),
    )


def _teach_moves(moves: int, optimizer: Optimizer) -> tuple[Turn, int]:
    """Return a turn of a tenth of the moves, and its number of rounds; the last round takes the remainder."""
    each = math.ceil(moves / EVALUATIONS)
    teach = Turn(
        ("generator",),
        loss="mle_loss",
        optimizer=optimizer,
        moves=lambda done: min(each, moves - each * done),
    )
    return teach, math.ceil(moves / each)

"""Entailment by a reader with word-by-word attention (Rocktaeschel, Grefenstette, Hermann, Kocisky,
Blunsom 2016: "Reasoning about Entailment with Neural Attention").

    loss = - mean over pairs of log P(label | premise, hypothesis)

The classifier is a generator that writes one word, the label, after a source 'premise | hypothesis'
(``pair_reader``; equations in ``AttentiveReader``). So it is trained by maximum likelihood, and other
generators can be compared with it on the same pairs.

``--pair-reader.no-attention`` trains the paper's baseline, conditional encoding: the second LSTM starts from
the first one's cell, and nothing is attended to. On the paper's data (SNLI), word-by-word attention adds 2.6
points of accuracy to conditional encoding.

Differs from the paper: embeddings are learned from the pairs, starting as N(0, 1), instead of word2vec, which
the paper projects by a layer; biases of forget gates start at 1; the label is one of all words of the
vocabulary, and its end is also predicted; dropout is before the output as well; no gradient is clipped. The
paper gives grids of learning rate, dropout and L2, not the chosen values: ``paper`` takes values from the
grids. The default data are captions of the cat world, whose labels are computed from scenes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seqgan_kit.core.bounds import Count, Every, Positive, Weight, bounded
from seqgan_kit.core.game import EarlyStop, Phase
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import LikelihoodGame, teach_epoch


@dataclass(frozen=True)
@bounded
class EntailmentMethod:
    """Settings of a classifier of two texts."""

    batch_size: Positive = 32
    """Pairs per batch (the paper: 32)."""
    pretrained: str = ""
    """Run directory whose classifier is the starting point; training continues from its weights."""
    mle_epochs: Weight = 20.0
    """Epochs of training; a fraction of an epoch is allowed."""
    learning_rate: Weight = 1e-3
    """Adam's learning rate (the paper's grid: 1e-4, 3e-4, 1e-3)."""
    schedule: Schedule = "constant"
    """How the learning rate falls over the epochs (the paper: constant)."""
    weight_decay: Weight = 1e-4
    """Weight of the L2 term (the paper's grid: 0, 1e-4, 3e-4, 1e-3)."""
    patience_evaluations: Count = 3
    """Evaluations without an improvement of held-out accuracy after which training stops and restores the
    best weights (0: train all epochs)."""
    most_work: Weight = 0.0
    """Most work that training may take on your text, as a multiple of its work on the bundled captions; the
    preset's epochs are reduced to fit (0: never). Epochs given as a flag are kept."""
    evaluate_every_epochs: Every = 1
    """Epochs between evaluations."""


def build(generator: SequenceGenerator) -> LikelihoodGame:
    """Build the game; its only player is the classifier."""
    return LikelihoodGame(generator)


def phases(method: EntailmentMethod) -> tuple[Phase, ...]:
    """Return one phase, whose rounds are epochs."""
    optimizer = Optimizer(
        method.learning_rate, weight_decay=method.weight_decay, schedule=method.schedule
    )
    every, patience = method.evaluate_every_epochs, method.patience_evaluations
    stop = EarlyStop("accuracy", patience, better="higher") if patience else None
    return (
        Phase(
            "labels",
            (teach_epoch(method.mle_epochs, optimizer),),
            rounds=math.ceil(method.mle_epochs),
            evaluate_every_rounds=every,
            sample_every_rounds=every,
            early_stop=stop,
        ),
    )

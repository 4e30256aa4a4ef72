"""Entailment by a reader with word-by-word attention (Rocktaeschel, Grefenstette, Hermann, Kocisky,
Blunsom 2016: "Reasoning about Entailment with Neural Attention").

    loss = - mean over pairs of log P(label | premise, hypothesis)

The classifier is a generator that writes one word, the label, after a source 'premise | hypothesis'
(``pair_reader``; equations in ``AttentiveReader``). So it is trained by maximum likelihood, and other
generators can be compared with it on the same pairs.

With few labels (``--labelled``) and ``--virtual-weight w``, unlabelled pairs u teach too, by virtual
adversarial training (Miyato, Dai, Goodfellow 2017, "Adversarial training methods for semi-supervised text
classification"; equations in ``virtual_adversary``). For the vector r of length epsilon, added to all
embedded words of a pair, that changes the prediction most:

    loss = - mean log P(label | pair) + w mean KL(P(. | u) || P(. | u + r))

``--pair-reader.no-attention`` trains the paper's baseline, conditional encoding: the second LSTM starts from
the first one's cell, and nothing is attended to. On the paper's data (SNLI), word-by-word attention adds 2.6
points of accuracy to conditional encoding.

Differs from the paper: embeddings are learned from the pairs, starting as N(0, 1), instead of word2vec, which
the paper projects by a layer; biases of forget gates start at 1; the label is one of all words of the
vocabulary, and its end is also predicted; dropout is before the output as well; no gradient is clipped. The
paper gives grids of learning rate, dropout and L2, not the chosen values: ``paper`` takes values from the
grids. Virtual adversarial training has no pretrained language model, does not normalise embeddings, and is
taken without dropout. The default data are captions of the cat world, whose labels are computed from scenes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Count, Every, Positive, Weight, bounded
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.feeds import Feed, JoinedFeed, TensorFeed
from seqgan_kit.core.game import Batch, EarlyStop, Loss, Move, Phase, SplitLoss
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.core.techniques.embedded_inputs import of_embedded
from seqgan_kit.core.techniques.virtual_adversary import smoothness_loss, virtual_direction
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.errors import UsageError
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
    labelled: Count = 0
    """Pairs whose labels are used, drawn at random (0: all). An epoch stays a pass over all pairs."""
    virtual_weight: Weight = 0.0
    """w: weight of virtual adversarial training on all pairs (0: none; 1 in its paper)."""
    virtual_epsilon: Weight = 5.0
    """epsilon: length of the perturbation of a pair's embedded words (5 in its paper, for normalised
    embeddings)."""


class EntailmentGame(LikelihoodGame):
    """The classifier, and the divergence of its predictions of perturbed pairs ``unlabelled`` [B,S+T]."""

    def __init__(self, generator: SequenceGenerator, method: EntailmentMethod):
        super().__init__(generator)
        self.weight, self.epsilon = method.virtual_weight, method.virtual_epsilon

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the negative log-likelihood of labels, and the weighted divergence."""
        told = super().mle_loss(batch, move)
        if not self.weight:
            return told
        smooth = self.divergence(batch["unlabelled"], move.rng)
        total = told.total + self.weight * smooth
        return Loss(total, {**told.logs, "virtual_divergence": smooth}, items=told.items)

    def divergence(self, rows: Tensor, rng: torch.Generator) -> Tensor:
        """Return the mean divergence between predictions of rows [B,S+T] and of the same rows perturbed."""
        generator = self.generator
        given = rows[:, : generator.given]
        first = torch.full((len(rows),), generator.bos, device=rows.device)
        with evaluating(generator):
            embedding = word_embedding(generator)
            x, logits = of_embedded(
                embedding, lambda: generator.step(first, generator.start(given))[0]
            )
            direction = virtual_direction(logits, x, rng)
            return smoothness_loss(logits, x, self.epsilon * direction).mean()

    def split(self, loss: str) -> SplitLoss | str:
        """See the base class."""
        if self.weight and loss == "mle_loss":
            return "virtual adversarial training has pairs of its own beside the labelled ones"
        return super().split(loss)


def word_embedding(generator: SequenceGenerator) -> nn.Embedding:
    """Return the layer that embeds the two texts."""
    layer = getattr(getattr(generator, "reader", None), "embedding", None)
    if not isinstance(layer, nn.Embedding):
        raise UsageError(
            "virtual adversarial training perturbs the words that pair_reader reads: use --generator "
            "pair_reader, or --virtual-weight 0."
        )
    return layer


def build(generator: SequenceGenerator, method: EntailmentMethod) -> EntailmentGame:
    """Build the game; its only player is the classifier."""
    if method.virtual_weight:
        word_embedding(generator)
    return EntailmentGame(generator, method)


def label_feed(corpus: TextCorpus, method: EntailmentMethod, seed: int, **share: Any) -> Feed:
    """Return batches of labelled pairs ``real``, and of all pairs ``unlabelled`` if they are needed."""
    if not method.labelled and not method.virtual_weight:
        return corpus.feed(method.batch_size, seed=seed, **share)
    if corpus.stream is not None:
        raise UsageError(
            "--labelled and --virtual-weight need the text in memory: leave --streaming out."
        )
    count = method.labelled or len(corpus.train)
    if count > len(corpus.train):
        raise UsageError(
            f"labelled is {count:,}, but there are {len(corpus.train):,} training pairs: give at most as "
            "many, or 0 for all."
        )
    rows = torch.randperm(len(corpus.train), generator=torch.Generator().manual_seed(seed))[:count]
    size = min(method.batch_size, count // share.get("world_size", 1))
    every = TensorFeed({"unlabelled": corpus.train}, method.batch_size, seed=seed, **share)
    told = TensorFeed({"real": corpus.train[rows]}, size, seed=seed, **share)
    return JoinedFeed({"unlabelled": every, "labelled": told})


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

"""A classifier of (source, reply) pairs that is trained apart from any game: the evaluator of AdverSuc."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Above0, Positive, Share, Size, bounded


@dataclass(frozen=True)
@bounded
class EvaluatorSettings:
    """Size and training of the evaluator."""

    embedding: Size = 64
    """Width of the token embeddings."""
    hidden: Size = 48
    """Width of the GRU, in each direction."""
    dropout: Share = 0.2
    """Share of embeddings and features dropped in training."""
    epochs: Positive = 8
    """Most epochs over the pairs; the epoch that is best on held-out pairs is kept."""
    batch_size: Positive = 64
    """Pairs of each kind in a batch."""
    learning_rate: Above0 = 3e-3
    """Adam's learning rate."""
    held_out_share: Share = 0.1
    """Share of the training pairs that choose the epoch."""


class ReplyEvaluator(nn.Module):
    """A network that reads a source and a reply, aligns them, and scores the pair.

    One bidirectional GRU reads both sides. Every reply word gets a mean of source words weighted by
    softmax(r_t' W s_j), and so every source word one of reply words. Features are the maxima over words of
    relu(A [a; b; a * b; |a - b|]) for each word a and its mean b, without PAD.

    Args:
        settings: widths and dropout.
        vocabulary: V.
        given: S.
        pad: id of padding.
    """

    def __init__(self, settings: EvaluatorSettings, vocabulary: int, given: int, pad: int):
        super().__init__()
        self.given, self.pad = given, pad
        width = 2 * settings.hidden
        self.embedding = nn.Embedding(vocabulary, settings.embedding, padding_idx=pad)
        self.reader = nn.GRU(
            settings.embedding, settings.hidden, batch_first=True, bidirectional=True
        )
        self.align = nn.Linear(width, width, bias=False)
        self.compare = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(settings.dropout)
        self.score = nn.Sequential(
            nn.Linear(2 * width, width),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(width, 1),
        )

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows [B,S+T] to scores [B]; a positive one says human."""
        (source, no_source), (reply, no_reply) = (
            self._read(part) for part in (rows[:, : self.given], rows[:, self.given :])
        )
        energy = self.align(reply) @ source.transpose(1, 2)  # [B,T,S]
        of_source = energy.masked_fill(no_source[:, None], -1e4).softmax(2) @ source
        of_reply = energy.transpose(1, 2).masked_fill(no_reply[:, None], -1e4).softmax(2) @ reply
        features = [
            self._compare(reply, of_source, no_reply),
            self._compare(source, of_reply, no_source),
        ]
        score: Tensor = self.score(torch.cat(features, 1))
        return score.squeeze(1)

    def _read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        absent = tokens == self.pad
        states = self.reader(self.dropout(self.embedding(tokens)))[0]
        return states.masked_fill(absent[..., None], 0.0), absent

    def _compare(self, words: Tensor, others: Tensor, absent: Tensor) -> Tensor:
        pairs = torch.cat([words, others, words * others, (words - others).abs()], 2)
        compared = self.compare(self.dropout(pairs)).relu()
        return compared.masked_fill(absent[..., None], 0.0).amax(1)


def train_evaluator(
    positive: Tensor,
    negative: Tensor,
    settings: EvaluatorSettings,
    *,
    vocabulary: int,
    given: int,
    pad: int,
    seed: int,
) -> ReplyEvaluator:
    """Train an evaluator to tell positive rows from negative ones.

    The weights, the order and the dropout come from ``seed`` alone; torch's global generator is restored.

    Args:
        positive, negative: [N,S+T]; row n of both has the same source.
        settings: size and training.
        vocabulary, given, pad: V, S and the padding id.
        seed: random seed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        evaluator = ReplyEvaluator(settings, vocabulary, given, pad)
        order = torch.randperm(len(positive))
        held = order[: max(1, round(settings.held_out_share * len(order)))]
        kept = order[len(held) :] if len(order) > 1 else order
        optimizer = torch.optim.Adam(evaluator.parameters(), settings.learning_rate)
        best, weights = float("inf"), evaluator.state_dict()
        for _ in range(settings.epochs):
            evaluator.train()
            for some in kept[torch.randperm(len(kept))].split(settings.batch_size):
                optimizer.zero_grad()
                _loss(evaluator, positive[some], negative[some]).backward()
                optimizer.step()
            evaluator.eval()
            with torch.no_grad():
                loss = _loss(evaluator, positive[held], negative[held]).item()
            if loss < best:
                best = loss
                weights = {name: part.clone() for name, part in evaluator.state_dict().items()}
    evaluator.load_state_dict(weights)
    return evaluator.eval()


def _loss(evaluator: ReplyEvaluator, positive: Tensor, negative: Tensor) -> Tensor:
    above, below = evaluator(torch.cat([positive, negative])).chunk(2)
    return (F.softplus(-above) + F.softplus(below)).mean() / 2


@torch.no_grad()
def right_shares(evaluator: ReplyEvaluator, positive: Tensor, negative: Tensor) -> Tensor:
    """Return, for each pair of rows [N,S+T], the share [N] of the two that is classified correctly.

    A score of exactly 0 counts half.
    """
    scores = [
        torch.cat([evaluator(part) for part in rows.split(512)]) for rows in (positive, negative)
    ]
    above, below = (
        (1 + sign * part.sign()) / 2 for sign, part in zip((1, -1), scores, strict=True)
    )
    return (above + below).double() / 2

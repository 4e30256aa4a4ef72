"""What a model thinks of every token: its probability, the alternatives, and D's value of the prefix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.data.text.tokenizer import Tokenizer
from seqgan_kit.sequences.estimators.rewards import scored_completions
from seqgan_kit.sequences.estimators.trials import rollout_rewards
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.rollout import RowReward

SHOWN_ALTERNATIVES = 5


@dataclass(frozen=True)
class TokenReading:
    """A token of a line."""

    text: str
    """Text that the token adds to the line; empty at the end of the line."""
    log_prob: float
    """log G(y_t | y_<t), in nats."""
    rank: int
    """Number of likelier tokens."""
    alternatives: tuple[tuple[str, float], ...]
    """The likeliest tokens and their probabilities."""
    value: float | None = None
    """Q(y_<t, y_t) of D."""


@dataclass(frozen=True)
class LineReading:
    """A line that a model wrote."""

    tokens: tuple[TokenReading, ...]

    @property
    def log_prob(self) -> float:
        """Log-probability of the line, in nats."""
        return sum(token.log_prob for token in self.tokens)

    @property
    def value(self) -> float | None:
        """D's value of the whole line."""
        return self.tokens[-1].value if self.tokens else None


def action_values(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    rows: Tensor,
    rollouts: int,
    rng: torch.Generator,
) -> Tensor:
    """Estimate D's action value [B,T] of every token of rows [B,S+T] (Yu et al. 2017, eq. 4).

        Q(y_<t, y_t) = (1/N) sum_n sigmoid(D(Y_n)),   Y_n a completion of y_1:t by G

    and sigmoid(D(Y)) of the line itself at its last token. PAD has 0. The estimator of a run may
    have rewarded another increasing function of D's score.
    """
    with torch.no_grad(), evaluating(discriminator, generator):
        return rollout_rewards(generator, rows, _verdict(discriminator), rollouts, rng=rng)


def _verdict(discriminator: Discriminator) -> RowReward:
    """Return the function rows [M,S+T] -> sigmoid of D's score [M], the mean of several scores."""
    if getattr(discriminator.trunk, "scores_per_sample", 1) == 1:
        return scored_completions(discriminator, torch.sigmoid)
    return lambda rows: discriminator(rows).score.sigmoid().view(len(rows), -1).mean(1)


@torch.no_grad()
def read_rows(
    generator: SequenceGenerator,
    tokenizer: Tokenizer,
    rows: Tensor,
    values: Tensor | None = None,
) -> list[LineReading]:
    """Return what the model thinks of rows [B,S+T].

    Args:
        generator: the generator.
        tokenizer: the tokenizer of the written tokens.
        rows: whole rows.
        values: [B,T], action values.
    """
    with evaluating(generator):
        log_probs = generator.logits(rows).float().log_softmax(-1)
    written, mask = generator.written(rows), generator.token_mask(rows)
    best = log_probs.topk(min(SHOWN_ALTERNATIVES, log_probs.shape[-1]), dim=-1)
    chosen = log_probs.gather(2, written.unsqueeze(2))
    ranks = (log_probs > chosen).sum(2).tolist()
    chances, ids = best.values.exp().tolist(), best.indices.tolist()
    own = chosen.squeeze(2).tolist()
    judged = None if values is None else values.tolist()
    readings = []
    for row, (line, count) in enumerate(zip(written.tolist(), mask.sum(1).tolist(), strict=True)):
        texts = token_texts(tokenizer, line[:count], generator.eos)
        tokens = [
            TokenReading(
                text,
                own[row][place],
                ranks[row][place],
                tuple(
                    (shown_token(tokenizer, token, generator.eos), chance)
                    for token, chance in zip(ids[row][place], chances[row][place], strict=True)
                ),
                None if judged is None else judged[row][place],
            )
            for place, text in enumerate(texts)
        ]
        readings.append(LineReading(tuple(tokens)))
    return readings


def token_texts(tokenizer: Tokenizer, ids: Sequence[int], eos: int | None) -> list[str]:
    """Return the text that each token adds to the line, with its space; empty for the end.

    The texts join to the decoded line where decoding only appends; other tokens are decoded alone.
    """
    texts, line = [], ""
    for place, token in enumerate(ids):
        if token == eos:
            texts.append("")
            continue
        longer = tokenizer.decode(ids[: place + 1])
        appended = longer.startswith(line) and len(longer) > len(line)
        texts.append(longer[len(line) :] if appended else shown_token(tokenizer, token, eos))
        line = longer
    return texts


def shown_token(tokenizer: Tokenizer, token: int, eos: int | None) -> str:
    """Return a token alone, as a list of alternatives shows it."""
    if token == eos:
        return "(end)"
    return tokenizer.decode([token]) or f"(token {token})"

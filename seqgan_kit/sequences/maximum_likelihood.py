"""Maximum likelihood: the loss that pretrains text GANs, and the game with only this loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Batch, Epochs, Game, Loss, Move, SplitLoss, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import conditions_of


def negative_log_likelihood(generator: SequenceGenerator, tokens: Tensor) -> Tensor:
    """Return the mean negative log-probability per written token of rows [B,S+T], with EOS, without PAD."""
    mask = generator.token_mask(tokens)
    return -generator.weighted_log_prob(tokens, mask) / mask.sum()


def mle_loss(generator: SequenceGenerator, batch: Batch) -> Loss:
    """Compute the negative log-likelihood of the batch's real sequences (teacher forcing)."""
    loss = negative_log_likelihood(generator, batch["real"])
    return Loss(loss, {"nll_train": loss}, items=generator.token_mask(batch["real"]).sum())


def split_mle_loss(generator: SequenceGenerator) -> SplitLoss:
    """Return :func:`mle_loss` as a mean over tokens of any rows."""
    return SplitLoss(
        lambda batch, move: {"real": batch["real"]},
        lambda rows, move: mle_loss(generator, rows),
        lambda rows: generator.token_mask(rows["real"]).sum(),
    )


def unit_reward_loss(generator: SequenceGenerator, batch: Batch) -> Loss:
    """Compute the loss of REINFORCE on the batch's real rows, as if every token had the reward 1.

    The mean over rows of the negative log-likelihood of a row: teacher forcing at the scale of a policy
    gradient.
    """
    rows = batch["real"]
    mask = generator.token_mask(rows)
    total = -generator.weighted_log_prob(rows, mask)
    return Loss(total / len(rows), {"nll_train": total / mask.sum()})


def draw_written(game: Game, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
    """Draw ``n`` rows [n,S+T] of the generator, after the conditions of the batch's real rows [B,S+T]."""
    generator = game.generator
    if not getattr(generator, "given", 0):
        return game.sample(n, rng=rng)
    return generator.sample(n, rng=rng, given=conditions_of(batch["real"], n, generator.given))


def teach_epoch(epochs: float, optimizer: Optimizer) -> Turn:
    """Return the turn of one round of maximum likelihood: an epoch, or less to make all rounds equally
    long."""
    share = epochs / max(1, math.ceil(epochs))
    return Turn(("generator",), loss="mle_loss", optimizer=optimizer, moves=Epochs(share))


@torch.no_grad()
def sequence_log_probs(
    generator: SequenceGenerator, tokens: Tensor, chunk_rows: int = 1024
) -> Tensor:
    """Return the log-probability [N] of the written tokens of rows [N,S+T], in float64 on the CPU."""
    device = device_of(generator)
    chunks = tokens.split(chunk_rows)
    return torch.cat([generator.sequence_log_prob(c.to(device)).double().cpu() for c in chunks])


class LikelihoodGame(Game[SequenceGenerator]):
    """A game with one player, the generator, trained on real sequences."""

    def __init__(self, generator: SequenceGenerator):
        super().__init__({"generator": generator})

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """See :func:`mle_loss`."""
        return mle_loss(self.generator, batch)

    def split(self, loss: str) -> SplitLoss | str:
        """See the base class."""
        return split_mle_loss(self.generator) if loss == "mle_loss" else super().split(loss)

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """See :func:`draw_written`."""
        return draw_written(self, n, batch, rng)

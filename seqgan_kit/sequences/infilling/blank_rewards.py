"""Rewards of fills: log D of every blank, discounted (MaskGAN; Fedus et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.discounting import discounted_returns
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import null_rewards
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.infilling.filled_reader import blank_scores


@dataclass(frozen=True)
class EveryBlank(Reinforce):
    """REINFORCE with the discounted rewards of this blank and all later ones.

        r_t = log D(x_t | x_<=t, m)   at blanks, 0 elsewhere;   R_t = sum_{s >= t} gamma^(s-t) r_s

    No completions are drawn. With gamma = 1 the gradient is that of E sum_t r_t, without bias. A smaller
    gamma hides from a blank what it does to blanks that are further on.
    """

    takes_many_scores: ClassVar[bool] = True
    rollouts: int = 0
    """Always 0."""
    discount: float = 1.0
    """gamma."""

    def __post_init__(self) -> None:
        if self.rollouts:
            raise UsageError(
                f"rollouts is {self.rollouts}: a reward of every blank draws none; use 0."
            )
        super().__post_init__()

    def action_values(
        self, game: AdversarialGame[SequenceGenerator], tokens: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return R [B,T] of rows [B,2T]; 0 on PAD and on kept tokens."""
        mask = game.generator.token_mask(tokens)
        if self.reward == "verdict":
            with torch.no_grad(), evaluating(game.discriminator):
                chunks = tokens.split(self.chunk_rows)
                scores = torch.cat([blank_scores(game.discriminator, rows) for rows in chunks])
            rewards = F.logsigmoid(scores)
        else:
            rewards = null_rewards(self.reward, tuple(mask.shape), rng, mask.device)
        return discounted_returns(rewards * mask, self.discount) * mask

"""Rewards of every generation step, from a discriminator that reads prefixes (Li et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import completion_reward, null_rewards
from seqgan_kit.sequences.estimators.trials import mean_values
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.completions import repeated_prefixes
from seqgan_kit.sequences.sampling.rollout import score_completions


@dataclass(frozen=True)
class EveryStep(Reinforce):
    """REINFORCE with D's score of the prefix as the reward of its last token (REGS; Li et al. 2017).

    grad = E sum_t grad log G(y_t | y_<t) (D(y_1:t) - b_t): no completions are drawn. It needs a D that is
    trained on prefixes (:func:`random_prefixes`); D's optimum on a prefix is p / (p + g) of that prefix, and
    not the mean of D over its completions, so the estimate differs from that with rollouts. An objective is
    that of the whole row.
    """

    rollouts: int = 0
    """Always 0."""

    def __post_init__(self) -> None:
        if self.rollouts:
            raise UsageError(
                f"rollouts is {self.rollouts}: a reward of every step draws no completions; use 0."
            )
        super().__post_init__()

    def action_values(
        self, game: AdversarialGame[SequenceGenerator], tokens: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return the reward [B,T] of every prefix of rows [B,S+T] that ends in a token; 0 on PAD.

        D scores the prefix, and an objective the whole row.
        """
        mask, mix = game.generator.token_mask(tokens), self.mix
        values = torch.zeros(mask.shape, device=mask.device)
        if mix.weight:
            values = mix.weight * (self._verdicts(game, tokens, mask, rng) - mix.bias)
        if mix.reads_rows:
            values = values + (1 - mix.weight) * mix.values(tokens).unsqueeze(1)
        return values * mask

    def _verdicts(
        self,
        game: AdversarialGame[SequenceGenerator],
        tokens: Tensor,
        mask: Tensor,
        rng: torch.Generator,
    ) -> Tensor:
        """Return D's scores [B,T] of all prefixes that end in a token; D shares what it can between them."""
        if self.reward != "verdict":
            return null_rewards(self.reward, tuple(mask.shape), rng, mask.device)
        prefixes = repeated_prefixes(tokens, 1, pad_of(game.generator), game.generator.given)
        is_open = mask[:, 1:].t()
        scores = torch.zeros(prefixes.shape[:3], device=tokens.device)
        with torch.no_grad(), evaluating(game.discriminator):
            score = completion_reward(game)
            whole = torch.cat([score(rows).float() for rows in tokens.split(self.chunk_rows)])
            scores[is_open] = score_completions(score, tokens, prefixes, is_open, self.chunk_rows)
        return mean_values(scores.transpose(0, 1), whole, mask)


def random_prefixes(rows: Tensor, mask: Tensor, pad: int, rng: torch.Generator) -> Tensor:
    """Return rows [B,S+T], each cut to one prefix of its reply, with PAD after it.

    A reply of n tokens keeps 1 ... n of them, each with probability 1/n. Earlier tokens are shared by many
    prefixes, so D would overfit to them if it read all prefixes of a reply.

    Args:
        rows: [B,S+T].
        mask: [B,T], True on written tokens.
        pad: id that follows a prefix.
        rng: random generator.
    """
    counts = mask.sum(1, keepdim=True)
    draws = torch.rand((len(rows), 1), generator=rng, device=rng.device).to(rows.device)
    kept = (draws * counts).floor().long().clamp(max=counts - 1) + 1
    places = torch.arange(rows.shape[1], device=rows.device) - (rows.shape[1] - mask.shape[1])
    return torch.where(places < kept, rows, pad)


def pad_of(generator: SequenceGenerator) -> int:
    """Return PAD, or raise UsageError for a generator whose rows all have T tokens."""
    if generator.pad is None:
        raise UsageError(
            "rewards of every step mark the end of a prefix by PAD, and the generator has none: use "
            "rollouts, or a generator with pad."
        )
    return generator.pad

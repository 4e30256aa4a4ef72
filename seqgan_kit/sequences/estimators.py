"""REINFORCE for sequences: D's verdict reaches G as the reward of every token it chose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.autoregressive import SequenceGenerator
from seqgan_kit.sequences.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.rollout import Reward, rollout_rewards
from seqgan_kit.sequences.sampling import CHUNK_ROWS
from seqgan_kit.sequences.textcnn import TextCNN

Baseline = Literal["none", "batch"]


def policy_gradient_loss(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """-(1/B) sum_b sum_t log G(y_t | y_<t) * A[b,t]; its gradient is minus REINFORCE's estimate.

    Args:
        log_probs: [B,T], with gradient.
        advantages: [B,T], 0 where there is no token.
    """
    return -(log_probs * advantages.detach()).sum() / len(log_probs)


def mean_of_others(values: Tensor, mask: Tensor) -> Tensor:
    """Cell [b,t]: the mean of ``values`` [B,T] at t over the *other* sequences that have a token there.

    The others are drawn independently of sequence b, so taking this from its reward leaves the expected
    gradient as it is; a mean that included b's own reward would shrink it. 0 where there is no other.
    """
    present = mask.to(values.dtype)
    others = present.sum(0) - present
    return ((values * present).sum(0) - values * present) / others.clamp(min=1)


@contextmanager
def without_dropout(module: nn.Module) -> Iterator[None]:
    """Turns dropout off while gradients flow: the policy that is improved is the one that sampled.

    Not eval mode, in which cuDNN's recurrent layers refuse a backward pass.
    """
    drops = [m for m in module.modules() if isinstance(m, nn.Dropout) and m.training]
    recurrent = [(m, m.dropout) for m in module.modules() if isinstance(m, nn.RNNBase)]
    for drop in drops:
        drop.training = False
    for layer, _ in recurrent:
        layer.dropout = 0.0
    try:
        yield
    finally:
        for drop in drops:
            drop.training = True
        for layer, share in recurrent:
            layer.dropout = share


@dataclass(frozen=True)
class Reinforce:
    """grad J = E sum_t grad log G(y_t | y_<t) (Q(y_<t, y_t) - b_t)  (Yu et al. 2017, eq. 7).

    Q is the mean reward of ``rollouts`` completions by the rollout policy; the reward of a sequence is
    minus the objective's generator loss on D's score of it. Players that it uses if the game has them:
    ``rollout_policy`` (else the generator itself) and ``negatives`` (else fresh samples).
    """

    rollouts: int = 16
    """Completions of every prefix; 0 gives every token its whole sequence's reward."""
    baseline: Baseline = "none"
    """batch: the mean reward of the other sequences at the same position (keeps the gradient unbiased)."""
    chunk_rows: int = CHUNK_ROWS
    """Rows scored at once; bounds memory."""

    def __post_init__(self) -> None:
        if self.rollouts < 0:
            raise UsageError(f"rollouts is {self.rollouts}; use 0 (none) or more.")

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Sequences for D's turn: the next of the pool, or fresh ones."""
        if "negatives" in game.players:
            return cast(Pool, game.players["negatives"]).next(n)
        return game.draw(n, batch, move.rng)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """The policy-gradient loss on fresh samples, as many as the batch has reals."""
        generator = cast(SequenceGenerator, game.players["generator"])
        tokens = game.draw(len(batch["real"]), batch, move.rng)
        mask = generator.token_mask(tokens)
        values = self.action_values(game, tokens, move.rng)
        advantages = values - mean_of_others(values, mask) if self.baseline == "batch" else values
        with without_dropout(generator):
            log_probs = generator.log_probs(tokens)
        loss = policy_gradient_loss(log_probs, advantages * mask)
        return Loss(loss, {"reward": _mean(values, mask), "surprise": -_mean(log_probs, mask)})

    def action_values(self, game: AdversarialGame, tokens: Tensor, rng: torch.Generator) -> Tensor:
        """Q [B,T] of the tokens of sampled sequences [B,T]."""
        name = "rollout_policy" if "rollout_policy" in game.players else "generator"
        policy = cast(SequenceGenerator, game.players[name])
        discriminator = cast(Discriminator, game.players["discriminator"])
        with torch.no_grad(), evaluating(discriminator):
            if self.rollouts == 0:
                return _reward(game, discriminator)(tokens).unsqueeze(1).expand(tokens.shape)
            reward = _completion_reward(game, discriminator)
            return rollout_rewards(
                policy, tokens, reward, self.rollouts, rng=rng, chunk_rows=self.chunk_rows
            )


def _reward(game: AdversarialGame, discriminator: Discriminator) -> Reward:
    """Minus the generator's loss on D's score: tokens [M,T] -> rewards [M]."""

    def reward(rows: Tensor) -> Tensor:
        return -game.objective.generator(discriminator(rows).score, None)

    return reward


def _completion_reward(game: AdversarialGame, discriminator: Discriminator) -> Reward:
    """The same reward, from what completions share where the trunk allows it."""
    if not isinstance(discriminator.trunk, TextCNN):
        return _reward(game, discriminator)

    def verdict(features: Tensor) -> Tensor:
        return -game.objective.generator(discriminator.verdict(features), None)

    return PrefixScorer(discriminator.trunk, verdict)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values.detach() * mask).sum() / mask.sum()

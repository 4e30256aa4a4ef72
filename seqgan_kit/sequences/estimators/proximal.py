"""Policy updates on replies in groups: PPO's clipping, and a penalty for leaving a reference policy.

For N replies y with advantages A (``group_advantages.py``) and the policy G_old that wrote them,

    L = 1/N sum_y sum_t [ -min(w_t A, clip(w_t, 1 - c, 1 + c) A) + beta k(y_t) - eta H(G(. | x, y_<t)) ]
    w_t = G(y_t | x, y_<t) / G_old(y_t | x, y_<t)

k is an estimate of the divergence from the reference (``reference_policy.py``), H the entropy. In the first
update w = 1, so the gradient of the first term is REINFORCE's. With one ratio per reply, w is the product
over its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, Count, Positive, Weight, bounded
from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.core.game import Batch, Loss, Move, SplitLoss
from seqgan_kit.errors import unknown
from seqgan_kit.sequences.estimators.group_advantages import Comparison, check_comparison
from seqgan_kit.sequences.estimators.reference_policy import (
    DIVERGENCES,
    REFERENCES,
    Divergence,
    Reference,
    divergence_loss,
    k1,
)
from seqgan_kit.sequences.estimators.reply_buffer import Replies, ReplyBuffer
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS

Ratio = Literal["token", "reply"]
RATIOS: tuple[Ratio, ...] = ("token", "reply")


@dataclass(frozen=True)
@bounded
class PolicySettings:
    """Settings of policy updates on groups of replies; the defaults are GAD's."""

    replies: Positive = 8
    """M: replies that G writes to each condition of a batch."""
    advantage: Comparison = "group"
    """What a reward is compared with. group: the replies to the same condition, in standard deviations
    (GRPO). leave_one_out: the mean of the other replies to the condition (RLOO). batch: all replies of the
    batch, in standard deviations."""
    clip: Above0 = 0.2
    """c: a reply's probability is moved by at most this share by one batch of replies (PPO)."""
    ratio: Ratio = "token"
    """Which probabilities are clipped: those of each token, or of whole replies."""
    update_epochs: Positive = 1
    """Times that G learns from a batch of replies."""
    minibatches: Positive = 1
    """Parts of a batch of replies; each update of G or D reads one part."""
    kl_weight: Weight = 1e-3
    """beta: weight of the divergence from the reference policy; 0: no reference."""
    kl: Divergence = "k3_in_loss"
    """Estimate of the divergence. k1_in_reward: log G - log reference, subtracted from a reply's reward.
    k2_in_loss and k3_in_loss: terms of the loss (GRPO has k3)."""
    reference: Reference = "copy"
    """The reference policy. copy: G as it is after pretraining. base: a language model with its adapters
    off, the model before all training, which takes no memory."""
    entropy_weight: Weight = 0.0
    """eta: weight of the mean entropy of the next token; above 0, all logits of a batch are in memory."""
    chunk_rows: Count = CHUNK_ROWS
    """Replies scored in one chunk of rows; limits memory and does not change results."""

    def __post_init__(self) -> None:
        check_comparison(self.advantage, self.replies)
        for name, value, known in (
            ("ratio", self.ratio, RATIOS),
            ("kl", self.kl, DIVERGENCES),
            ("reference", self.reference, REFERENCES),
        ):
            if value not in known:
                raise unknown(name, value, known)

    @property
    def generator_moves(self) -> int:
        """Updates of G on one batch of replies."""
        return self.update_epochs * self.minibatches


def clipped_loss(
    log_probs: Tensor, old: Tensor, advantages: Tensor, clip: float
) -> tuple[Tensor, Tensor]:
    """Return -min(w A, clip(w) A) [...], w = exp(log_probs - old), and where clipping stops the gradient.

    Args:
        log_probs: [...], with gradient.
        old: [...] of the policy that wrote the replies.
        advantages: [...].
        clip: c.
    """
    ratio = (log_probs - old).exp()
    plain, clipped = ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages
    return -torch.minimum(plain, clipped), clipped < plain


def entropies(logits: Tensor) -> Tensor:
    """Return the entropy [...] of the next token for logits [...,V]."""
    log_probs = logits.log_softmax(-1)
    return -(log_probs.exp() * log_probs).sum(-1)


@dataclass(frozen=True)
class ProximalPolicy:
    """The estimator: G learns from the replies that the player ``experience`` holds."""

    takes_conditions: ClassVar[bool] = True
    settings: PolicySettings

    def fakes(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, n: int, move: Move
    ) -> Tensor:
        """Return ``n`` new replies."""
        return game.draw(n, batch, move.rng)

    def generator_loss(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, move: Move
    ) -> Loss:
        """Return L on the next part of the replies."""
        split = self.split(game)
        return split.mean(split.draw(batch, move), move)

    def split(self, game: AdversarialGame[SequenceGenerator]) -> SplitLoss:
        """Return L in two steps: the next part of the replies, and the mean over replies."""
        buffer = cast(ReplyBuffer, game.players["experience"])
        return SplitLoss(
            lambda batch, move: vars(buffer.next_replies()),
            lambda rows, move: self._loss(game.generator, Replies(**rows)),
        )

    def _loss(self, generator: SequenceGenerator, replies: Replies) -> Loss:
        """Return L on replies."""
        settings = self.settings
        mask = generator.token_mask(replies.rows)
        with without_dropout(generator):
            log_probs, entropy = _read(generator, replies.rows, settings.entropy_weight > 0)
        policy, stopped = self._policy_loss(log_probs, replies, mask)
        count = len(mask)
        total = policy
        logs: dict[str, Tensor | float] = {"policy_loss": policy, "clipped_share": stopped}
        if settings.kl_weight:
            distance = divergence_loss(log_probs, replies.reference, settings.kl) * mask
            total = total + settings.kl_weight * distance.sum() / count
            logs["reference_kl"] = (k1(log_probs, replies.reference) * mask).sum() / count
        if settings.entropy_weight:
            total = total - settings.entropy_weight * (entropy * mask).sum() / count
            logs["entropy"] = (entropy * mask).sum() / mask.sum()
        return Loss(total, logs, items=count)

    def _policy_loss(
        self, log_probs: Tensor, replies: Replies, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the first term of L, and the share of ratios whose gradient is stopped."""
        clip = self.settings.clip
        if self.settings.ratio == "reply":
            new, old = ((values * mask).sum(1) for values in (log_probs, replies.log_probs))
            losses, stopped = clipped_loss(new, old, replies.advantages, clip)
            return losses.mean(), stopped.float().mean()
        advantages = replies.advantages.unsqueeze(1)
        losses, stopped = clipped_loss(log_probs, replies.log_probs, advantages, clip)
        return (losses * mask).sum() / len(mask), (stopped & mask).sum() / mask.sum()


def _read(generator: SequenceGenerator, rows: Tensor, entropy: bool) -> tuple[Tensor, Tensor]:
    """Return log-probabilities [N,T] of rows [N,S+T], and entropies [N,T], zeros if not wanted."""
    if not entropy:
        log_probs = generator.log_probs(rows)
        return log_probs, torch.zeros_like(log_probs)
    logits = generator.logits(rows)
    written = generator.written(rows).unsqueeze(2)
    return logits.log_softmax(-1).gather(2, written).squeeze(2), entropies(logits)

"""A sequence game whose generator learns from groups of replies in clipped updates.

A round is: G writes replies to a batch of conditions; they are rewarded; G makes several updates on them; D
learns to prefer the real reply to each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.estimators import RewardKind, check_reward
from seqgan_kit.core.game import Batch, Move
from seqgan_kit.core.objectives import Objective
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.group_advantages import advantages_of
from seqgan_kit.sequences.estimators.proximal import PolicySettings, ProximalPolicy
from seqgan_kit.sequences.estimators.reference_policy import (
    check_reference,
    frozen_copy,
    k1,
    reference_log_probs,
)
from seqgan_kit.sequences.estimators.reply_buffer import Replies, ReplyBuffer
from seqgan_kit.sequences.estimators.rewards import D_ALONE, Reward, null_rewards
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
class ReplyRewards:
    """What replies are rewarded for, and real replies among them."""

    source: RewardKind = "verdict"
    """verdict: minus the objective's generator loss. constant and random ignore D; they are controls."""
    mix: Reward = D_ALONE
    """Objective and bias that are mixed with the reward."""
    real_share: float = 0.0
    """Share of the replies that G learns from that are real and have the reward 1; at most 0.5."""

    def __post_init__(self) -> None:
        check_reward(self.source)
        if not 0 <= self.real_share <= 0.5:
            raise UsageError(f"the share of real replies is {self.real_share}; use 0 to 0.5.")

    def real_replies(self, conditions: int, replies: int) -> int:
        """Return how many real replies join ``replies`` generated ones, at most one for each condition."""
        return min(conditions, round(self.real_share / (1 - self.real_share) * replies))


class ProximalGame(SequenceGame):
    """The sequence game with policy updates on groups of replies.

    Args:
        generator, discriminator, objective: as those of the sequence game; D's score is compared in pairs.
        settings: settings of G's updates.
        batch_size: conditions in a round.
        rewards: what replies are rewarded for.
    """

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        objective: Objective,
        settings: PolicySettings,
        batch_size: int,
        rewards: ReplyRewards,
    ):
        written, given = batch_size * settings.replies, getattr(generator, "given", 0)
        self_taught = rewards.real_replies(batch_size, written)
        if self_taught and settings.advantage != "batch":
            raise UsageError(
                "real replies have no group of replies to be compared with: use the advantage batch, or a "
                "share of real replies of 0."
            )
        others: dict[str, nn.Module] = {
            "experience": ReplyBuffer(
                written,
                written + self_taught,
                given + generator.length,
                generator.length,
                settings.minibatches,
            )
        }
        if settings.kl_weight:
            check_reference(generator, settings.reference)
            if settings.reference == "copy":
                others["reference"] = frozen_copy(generator)
        training = FineTuning(negatives=0, score_l2=0.0)
        estimator = ProximalPolicy(settings)
        super().__init__(generator, discriminator, objective, estimator, training, others=others)
        self.settings, self.rewards = settings, rewards

    @property
    def experience(self) -> ReplyBuffer:
        """The player ``experience``."""
        return cast(ReplyBuffer, self.players["experience"])

    def keep_reference(self, batch: Batch, move: Move) -> None:
        """Copy the generator, as it is now, into the reference policy."""
        self.players["reference"].load_state_dict(self.generator.state_dict())

    def draw_replies(self, batch: Batch, move: Move) -> None:
        """Write M replies to each condition of the batch, and store them beside its real reply."""
        real = batch["real"].repeat_interleave(self.settings.replies, 0)
        self.experience.note_pairs(real, self.draw(len(real), {"real": real}, move.rng))

    def reward_replies(self, batch: Batch, move: Move) -> dict[str, Tensor | float]:
        """Reward the stored replies and store what G's updates need."""
        settings, experience, generator = self.settings, self.experience, self.generator
        real, fake = experience.real, experience.fake
        joining = len(experience.rows) - len(fake)
        rows = torch.cat([fake, real[:: settings.replies][:joining]])
        with evaluating(generator):
            parts = rows.split(settings.chunk_rows)
            log_probs = torch.cat([generator.log_probs(part) for part in parts])
        rewards = self.reply_rewards(fake, real, move)
        logs: dict[str, Tensor | float] = {"reward": rewards.mean()}
        reference = torch.zeros_like(log_probs)
        rewards = torch.cat([rewards, rewards.new_ones(joining)])
        if settings.kl_weight:
            reference = reference_log_probs(self, rows, settings.chunk_rows)
            if settings.kl == "k1_in_reward":
                distance = k1(log_probs, reference) * generator.token_mask(rows)
                rewards = rewards - settings.kl_weight * distance.sum(1)
        groups = (1, -1) if joining else (-1, settings.replies)
        advantages = advantages_of(rewards.view(groups), settings.advantage).flatten()
        experience.note_replies(Replies(rows, advantages, log_probs, reference))
        length = generator.token_mask(fake).sum(1).float().mean()
        return {**logs, "reply_tokens": length}

    def reply_rewards(self, fake: Tensor, real: Tensor, move: Move) -> Tensor:
        """Return rewards [N] of replies [N,S+T] beside the real ones [N,S+T]."""
        source, mix = self.rewards.source, self.rewards.mix
        if not mix.weight:
            return mix.values(fake)
        if source != "verdict":
            return mix.mixed(null_rewards(source, (len(fake),), move.rng, fake.device), fake)
        chunk = self.settings.chunk_rows
        with evaluating(self.discriminator):
            scores = [self.discriminate(part).score for part in fake.split(chunk)]
            beside: list[Tensor | None] = [None] * len(scores)
            if self.objective.needs_real:
                beside = [self.discriminate(part).score for part in real.split(chunk)]
        verdicts = [-self.objective.generator(s, r) for s, r in zip(scores, beside, strict=True)]
        return mix.mixed(torch.cat(verdicts), fake)

    def drawn_pairs(self, batch: Batch, move: Move) -> dict[str, Tensor]:
        """Return the next part of the stored pairs."""
        real, fake = self.experience.next_pairs()
        return {"real": real, "fake": fake}

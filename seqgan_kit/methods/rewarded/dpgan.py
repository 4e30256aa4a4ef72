"""DPGAN (Xu, Ren, Lin, Sun 2018: "Diversity-Promoting GAN: A Cross-Entropy Based Generative Adversarial
Network for Diversified Text Generation").

D is a language model whose surprise is the reward: repetitive, typical text gets little of it.

    R(y_t | Y_1:t-1) = -log D(y_t | Y_1:t-1),   R(Y) = mean of R(y_t | Y_1:t-1) over t
    D maximises  E_data R(Y) - E_G R(Y)
    G ascends    E_G sum_t grad log G(y_t | Y_1:t-1) sum_{k >= t} gamma^(k-t) R(Y) R(y_k | Y_1:k-1)

D's objective has no bound, so a token's surprise counts up to a cap: the authors' code has 12 nats.

The four choices. Players: two LSTMs. Objective: difference of surprise. Estimator: REINFORCE with the
product of word and sentence reward. Schedule: MLE, then D alone, then D and G in turn with teacher forcing.

Differs from the paper: sentences from nothing, where the paper writes a review after a sentence; a text is
one sentence. The cap also limits D's loss, not G's reward alone. Teacher forcing is plain, not weighted by
rewards. The paper states no gamma. Networks and lengths are those of SeqGAN. An optional extra: a baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from seqgan_kit.core.bounds import Above0, Share, bounded
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.estimators import RewardKind, without_dropout
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.baselines import mean_of_others
from seqgan_kit.sequences.estimators.discounting import discounted_returns
from seqgan_kit.sequences.estimators.reinforce import policy_gradient_loss
from seqgan_kit.sequences.estimators.rewards import null_rewards
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import draw_written, mle_loss


@dataclass(frozen=True)
@bounded
class DPGANMethod:
    """Settings of the novelty reward."""

    cap: Above0 = 12.0
    """Largest surprise of a token, in nats (the authors' code: 12)."""
    discount: Share = 0.95
    """gamma: discount of later rewards."""
    level: Literal["both", "word", "sentence"] = "both"
    """Reward of a token. both: product of its own and the sentence's surprise (the paper); word, sentence:
    one of them (the paper's ablations)."""
    baseline: Literal["none", "batch"] = "none"
    """Baseline subtracted from a return: none (the paper), or batch (mean of the other sequences at the same
    position)."""
    reward: RewardKind = "verdict"
    """Source of a token's surprise. verdict: D. constant and random ignore D; they are controls."""


class DPGAN(Game[SequenceGenerator]):
    """A game of a generator and a language model that rewards surprise."""

    judges_rows = False  # D is a language model.

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: SequenceGenerator,
        method: DPGANMethod,
        training: FineTuning,
    ):
        if training.negatives:
            raise UsageError(
                f"negatives is {training.negatives}, but DPGAN draws new rows for every update of D: use 0."
            )
        super().__init__({"generator": generator, "discriminator": discriminator})
        self.method = method

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw rows of G, with the conditions of the batch's real rows."""
        return draw_written(self, n, batch, rng)

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the negative log-likelihood of the batch's real rows (teacher forcing)."""
        return mle_loss(self.generator, batch)

    def surprise(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return word rewards [B,T], 0 on PAD, and sentence rewards [B] of rows [B,S+T]."""
        model = cast(SequenceGenerator, self.players["discriminator"])
        mask = self.generator.token_mask(rows)
        words = (-model.log_probs(rows)).clamp(max=self.method.cap) * mask
        return words, words.sum(1) / mask.sum(1)

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the mean surprise of generated rows minus that of real ones."""
        real = batch["real"]
        _, of_real = self.surprise(real)
        _, of_fake = self.surprise(self.draw(len(real), batch, move.rng))
        loss = of_fake.mean() - of_real.mean()
        logs = {"real_surprise": of_real.mean(), "generated_surprise": of_fake.mean()}
        return Loss(loss, {"discriminator_loss": loss, **logs})

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the policy-gradient loss with discounted rewards of words and sentence."""
        generator = self.generator
        rows = self.draw(len(batch["real"]), batch, move.rng)
        mask = generator.token_mask(rows)
        rewards = self._rewards(rows, move)
        returns = discounted_returns(rewards * mask, self.method.discount)
        advantages = returns
        if self.method.baseline == "batch":
            advantages = returns - mean_of_others(returns, mask)
        with without_dropout(generator):
            log_probs = generator.log_probs(rows)
        loss = policy_gradient_loss(log_probs, advantages * mask)
        return Loss(loss, {"reward": (rewards * mask).sum() / mask.sum()})

    @torch.no_grad()
    def _rewards(self, rows: Tensor, move: Move) -> Tensor:
        """Return the reward [B,T] of every token."""
        if self.method.reward != "verdict":
            shape = (len(rows), self.generator.length)
            return null_rewards(self.method.reward, shape, move.rng, rows.device)
        with evaluating(self.players["discriminator"]):
            words, sentences = self.surprise(rows)
        whole = sentences.unsqueeze(1).expand_as(words)
        return {"both": words * whole, "word": words, "sentence": whole}[self.method.level]


def build(
    generator: SequenceGenerator,
    discriminator: SequenceGenerator,
    method: DPGANMethod,
    training: FineTuning,
) -> DPGAN:
    """Build the game from its players and settings."""
    return DPGAN(generator, discriminator, method, training)


def phases(method: DPGANMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training)

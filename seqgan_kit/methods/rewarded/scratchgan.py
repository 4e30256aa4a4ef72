"""ScratchGAN (de Masson d'Autume, Rosca, Rae, Mohamed 2019: "Training language GANs from Scratch").

D scores every prefix of a row, so every token has its own reward:

    D maximises  E_data sum_t log D(y_1:t) + E_G sum_t log (1 - D(y_1:t))
    r_t = 2 D(y_1:t) - 1,   R_t = sum_{s >= t} gamma^(s-t) r_s
    G ascends    E_G sum_t (R_t - b) grad log G(y_t | y_1:t-1)

b is a moving average of R. There is no pretraining: large batches, dense rewards and a regularised D replace
it.

The four choices. Players: an LSTM and an LSTM that scores prefixes. Objective: cross-entropy at every step.
Estimator: REINFORCE with discounted rewards. Schedule: one update of each in turn, from untrained networks.

Differs from the paper: G's input and output embeddings are not tied, and neither network has the paper's
pretrained GloVe embeddings. G's output layer reads its upper LSTM; in the authors' code it reads both, and
embeddings pass a linear layer first. The baseline is that of earlier updates, so that it does not depend on
the samples that it is subtracted from. Tokens after the end add nothing to losses and means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Count, Positive, Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.estimators import RewardKind, without_dropout
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn, spread_evenly
from seqgan_kit.core.judging import judged_scores
from seqgan_kit.core.objectives import minimax
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.discounting import discounted_returns
from seqgan_kit.sequences.estimators.reinforce import policy_gradient_loss
from seqgan_kit.sequences.estimators.rewards import null_rewards
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import draw_written


@dataclass(frozen=True)
@bounded
class ScratchGANMethod:
    """Settings of ScratchGAN; the defaults are the paper's."""

    batch_size: Positive = 512
    """Sequences per batch (the paper: 512)."""
    rounds: Positive = 200_000
    """Rounds of an update of D and one of G."""
    discriminator_moves: Positive = 1
    """Updates of D per round."""
    generator_learning_rate: Weight = 9.59e-5
    """Adam's learning rate of G."""
    discriminator_learning_rate: Weight = 9.38e-3
    """Adam's learning rate of D."""
    first_moment: Share = 0.5
    """Adam's decay of the first moment."""
    discount: Weight = 0.23
    """gamma: discount of later rewards (0.23 in the paper)."""
    baseline_decay: Share = 0.08
    """Share of the baseline kept after an update (0.08 in the paper)."""
    discriminator_l2: Weight = 1e-6
    """Weight of the L2 penalty on all of D's parameters."""
    reward: RewardKind = "verdict"
    """Source of a step's reward. verdict: D's output. constant and random ignore D; they are controls: a gain
    with them does not come from the discriminator."""
    most_work: Weight = 0.0
    """Most work that a part of the run may take on your text, as a multiple of its work on the bundled
    captions; preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""
    evaluate_every_rounds: Count = 0
    """Rounds between evaluations (0: about 20 evaluations, evenly spaced)."""


class MeanReturn(nn.Module):
    """A moving average of returns, 0 at first."""

    value: Tensor

    def __init__(self, decay: float):
        super().__init__()
        self.decay = decay
        self.register_buffer("value", torch.zeros(()))

    def use(self, mean: Tensor) -> Tensor:
        """Return the average of earlier updates, then add the ``mean`` of this one."""
        earlier = self.value.clone()
        self.value.mul_(self.decay).add_((1 - self.decay) * mean)
        return earlier


class ScratchGAN(AdversarialGame[SequenceGenerator]):
    """A game with a discriminator of prefixes."""

    def __init__(
        self, generator: SequenceGenerator, discriminator: Discriminator, method: ScratchGANMethod
    ):
        wanted = generator.given + generator.length
        if getattr(discriminator.trunk, "scores_per_sample", 1) != wanted:
            raise UsageError(
                f"ScratchGAN needs a score of each of the {wanted} tokens of a row, and the discriminator "
                f"{type(discriminator.trunk).__name__} has "
                f"{getattr(discriminator.trunk, 'scores_per_sample', 1)}: choose step_reader."
            )
        baseline = {"baseline": MeanReturn(method.baseline_decay)}
        super().__init__(generator, discriminator, minimax(), others=baseline)
        self.method = method

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw rows of G, with the conditions of the batch's real rows."""
        return draw_written(self, n, batch, rng)

    def step_scores(self, rows: Tensor) -> Tensor:
        """Return D's score [B,T] of the prefix that ends in each written token of rows [B,S+T]."""
        return self.discriminate(rows).score.view(rows.shape)[:, self.generator.given :]

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's cross-entropy, a mean over rows and T, on all prefixes of real and generated rows."""
        real = batch["real"]
        fake = self.draw(len(real), batch, move.rng)
        mask = self.generator.token_mask
        real_scores, fake_scores = self.step_scores(torch.cat([real, fake])).chunk(2)
        logs = judged_scores(self.objective, real_scores[mask(real)], fake_scores[mask(fake)]).logs
        of_real, of_fake = self.objective.discriminator(real_scores, fake_scores)
        total = 0.5 * ((of_real * mask(real)).mean() + (of_fake * mask(fake)).mean())
        return Loss(total, {**logs, "discriminator_loss": total})

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the policy-gradient loss with discounted rewards of every step."""
        generator = self.generator
        rows = self.draw(len(batch["real"]), batch, move.rng)
        mask = generator.token_mask(rows)
        returns = discounted_returns(self._rewards(rows, move) * mask, self.method.discount)
        mean = (returns * mask).sum() / mask.sum()
        baseline = cast(MeanReturn, self.players["baseline"]).use(mean)
        with without_dropout(generator):
            log_probs = generator.log_probs(rows)
        loss = policy_gradient_loss(log_probs, (returns - baseline) * mask)
        return Loss(loss, {"return": mean, "baseline_return": baseline})

    @torch.no_grad()
    def _rewards(self, rows: Tensor, move: Move) -> Tensor:
        """Return 2 D - 1 [B,T], in [-1,1]; 2 u - 1 of a null reward u."""
        shape = (len(rows), self.generator.length)
        if self.method.reward != "verdict":
            return 2 * null_rewards(self.method.reward, shape, move.rng, rows.device) - 1
        with evaluating(self.discriminator):
            return 2 * self.step_scores(rows).sigmoid() - 1


def build(
    generator: SequenceGenerator, discriminator: Discriminator, method: ScratchGANMethod
) -> ScratchGAN:
    """Build the game from its players and settings."""
    return ScratchGAN(generator, discriminator, method)


def phases(method: ScratchGANMethod) -> tuple[Phase, ...]:
    """Return one phase: updates of D and an update of G in turn."""
    betas = (method.first_moment, 0.999)
    judge = Optimizer(
        method.discriminator_learning_rate, betas=betas, weight_decay=method.discriminator_l2
    )
    learn = Optimizer(method.generator_learning_rate, betas=betas)
    every = method.evaluate_every_rounds or spread_evenly(method.rounds)
    turns = (
        Turn(
            ("discriminator",),
            loss="discriminator_loss",
            optimizer=judge,
            moves=method.discriminator_moves,
        ),
        Turn(("generator", "baseline"), loss="generator_loss", optimizer=learn),
    )
    return (
        Phase(
            "adversarial",
            turns,
            rounds=method.rounds,
            evaluate_every_rounds=every,
            sample_every_rounds=every,
        ),
    )

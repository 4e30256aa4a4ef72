"""SentiGAN (Wang and Wan 2018: "SentiGAN: Generating sentimental texts via mixture adversarial networks").

A generator for each of k classes, and one discriminator that tells the classes and generated text apart:

    D minimises    - sum_i E_data_i log D_i(Y) - sum_i E_G_i log D_k+1(Y)
    G_i minimises  E_G_i sum_t G_i(y_t | Y_1:t-1) V(Y_1:t)
    V(Y_1:t) = 1 - mean of D_i over N completions of Y_1:t by G_i;  1 - D_i(Y) at t=T

The penalty V weighs the probability of a token, not its logarithm as in SeqGAN. So the gradient of a token
has its probability as a further factor: likely tokens are punished most. It is not the gradient of an
expected penalty: with fixed V it vanishes at G proportional to 1 / V, so a penalty that is the same for all
tokens flattens the distribution.

The four choices. Players: k LSTMs and a TextCNN with k+1 outputs. Objective: the penalty. Estimator: rollouts
by G itself. Schedule: SeqGAN's, with maximum likelihood between rounds.

Differs from the paper: an LSTM starts from a zero state in place of noise, and sampling is the only source of
variety. One optimizer serves all generators. The authors' code also lowers the probability of real rows by
their penalty, trains one generator against a D of two classes, and uses RMSprop with a rate of 0.01 for the
penalty; here it is Adam, and likelihood updates between rounds have the same rate. ``TextCNN`` lists the
other differences.

The preset ``paper`` has the networks and the schedule of the authors' code, where an epoch of pretraining is
200 updates on any text and here a pass over it; D's filters follow the length of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Count, Positive, bounded
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.estimators import RewardKind, check_reward
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.objectives import minimax
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import Reward
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.hierarchical.class_generators import ClassGenerators
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class SentiGANMethod:
    """Settings of SentiGAN."""

    rollouts: Count = 16
    """N: completions per prefix (the authors' code: 16); 0: every token gets the penalty of its whole
    sequence."""
    reward: RewardKind = "verdict"
    """Source of penalties. verdict: 1 - D_i. constant (1 for all) and random (uniform numbers) ignore D; they
    are controls: what they change does not come from D."""
    chunk_rows: Positive = CHUNK_ROWS
    """Completions sampled and scored in one chunk of rows; limits memory and does not change results."""

    def __post_init__(self) -> None:
        check_reward(self.reward)


class ClassVerdict(nn.Module):
    """The score head of k classes and generated text: the log odds of a real row, and logits of all.

    ``weight`` and ``bias`` are what the L2 penalty on D's output layer reads.
    """

    def __init__(self, features: int, classes: int):
        super().__init__()
        self.logits = nn.Linear(features, classes + 1)

    @property
    def weight(self) -> Tensor:
        """Weight [k+1,F] of the output layer."""
        return self.logits.weight

    @property
    def bias(self) -> Tensor:
        """Bias [k+1] of the output layer."""
        return self.logits.bias

    def forward(self, features: Tensor) -> Tensor:
        """Return log (D_1 + ... + D_k) / D_k+1 [B,1] of features [B,F]."""
        logits: Tensor = self.logits(features)
        return (logits[:, :-1].logsumexp(1) - logits[:, -1]).unsqueeze(1)


def penalty_loss(log_probs: Tensor, penalties: Tensor) -> Tensor:
    """Return (1/B) sum_b sum_t G(y_t | y_<t) V[b,t].

    Args:
        log_probs: log G [B,T], with gradient.
        penalties: V [B,T], 0 where there is no token.
    """
    return (log_probs.exp() * penalties.detach()).sum() / len(log_probs)


class SentiGAN(SequenceGame):
    """The sequence game of a generator for each class and a discriminator of classes."""

    judges_rows = False  # D does not see the class that rows are given.

    def __init__(
        self,
        generator: ClassGenerators,
        trunk: nn.Module,
        method: SentiGANMethod,
        training: FineTuning,
    ):
        features = cast(int, trunk.features)
        discriminator = Discriminator(
            trunk, features, score=ClassVerdict(features, generator.classes)
        )
        estimator = Reinforce(
            method.rollouts,
            chunk_rows=method.chunk_rows,
            reward=method.reward,
            mix=Reward(self.class_chances, 0.0) if method.reward == "verdict" else Reward(),
        )
        super().__init__(generator, discriminator, minimax(), estimator, training)
        self.method = method

    def class_logits(self, rows: Tensor) -> Tensor:
        """Return D's logits [M,k+1] of rows [M,1+T], whose class it does not see."""
        hidden = rows.clone()
        hidden[:, : self.generator.given] = self.generator.pad or 0
        features = self.discriminator.trunk(hidden)
        logits: Tensor = cast(ClassVerdict, self.discriminator.score).logits(features)
        return logits

    def classes(self, rows: Tensor) -> Tensor:
        """Return the number of the class [M] that rows [M,1+T] are given."""
        return cast(ClassGenerators, self.generator).class_of(rows[:, 0])

    @torch.no_grad()
    def class_chances(self, rows: Tensor) -> Tensor:
        """Return D_i [M] of rows [M,1+T] of class i."""
        with evaluating(self.discriminator):
            chances = self.class_logits(rows).softmax(1)
        return chances.gather(1, self.classes(rows).unsqueeze(1)).squeeze(1)

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return the mean cross-entropy of real rows, whose class is their own, and of generated ones."""
        real = batch["real"]
        logits = self.class_logits(torch.cat([real, fake]))
        generated = self.classes(real).new_full((len(fake),), logits.shape[1] - 1)
        truth = torch.cat([self.classes(real), generated])
        loss = F.cross_entropy(logits, truth)
        right = (logits.argmax(1) == truth).float()
        logs = {
            "discriminator_loss": loss,
            "class_accuracy": right[: len(real)].mean(),
            "generated_accuracy": right[len(real) :].mean(),
        }
        return self.penalised(Loss(loss, logs), real, fake[: len(real)], move)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the penalty loss on new samples, with the conditions of the batch."""
        generator = self.generator
        rows = self.draw(len(batch["real"]), batch, move.rng)
        mask = generator.token_mask(rows)
        values = cast(Reinforce, self.estimator).action_values(self, rows, move.rng)
        penalties = 1 - values if self.method.reward == "verdict" else values
        loss = penalty_loss(generator.log_probs(rows), penalties * mask)
        return Loss(loss, {"penalty": (penalties * mask).sum() / mask.sum()})


def build(
    generator: ClassGenerators,
    trunk: nn.Module,
    method: SentiGANMethod,
    training: FineTuning,
) -> SentiGAN:
    """Build the game from the generator, D's trunk of whole rows, and settings."""
    return SentiGAN(generator, trunk, method, training)


def phases(method: SentiGANMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training, given=1)

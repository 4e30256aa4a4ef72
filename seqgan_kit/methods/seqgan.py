"""SeqGAN (Yu, Zhang, Wang, Yu 2017: "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient").

    D maximises  E_data log D(Y) + E_G log(1 - D(Y))                                            (eq. 5)
    G climbs     E_G sum_t grad log G(y_t | Y_1:t-1) Q(Y_1:t-1, y_t)                            (eq. 7)
    Q(Y_1:t-1, y_t) = mean of D over N completions of Y_1:t by the rollout policy;  D(Y) at t=T (eq. 4)

The four choices: an LSTM and a TextCNN; the expected-probability objective; REINFORCE with rollouts; MLE,
then D on pools of negatives, then g moves of G for d pools of k epochs of D.

Differs from the paper: D has one logit instead of two classes and sees reals and fakes in two batches of
equal size rather than mixed in one; G's loss is a mean over sequences, not a sum (Adam does not care, but
the clip at 5 acts later); the rollout policy lags in all parameters, embeddings included. A baseline and
rounds without rollouts are offered; the paper has neither.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Move, Phase, Turn
from seqgan_kit.core.objectives import expected_logit, expected_probability
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.adversarial import SequenceGame
from seqgan_kit.sequences.autoregressive import SequenceGenerator
from seqgan_kit.sequences.estimators import Baseline, Reinforce
from seqgan_kit.sequences.schedule import FineTuning, fine_tuning_phases


@dataclass(frozen=True)
class SeqGANMethod:
    """Settings of SeqGAN; the defaults are the paper's."""

    rollouts: int = 16
    """N: completions of every prefix; 0 gives every token its whole sequence's reward."""
    rollout_lag: float = 0.8
    """How much of the rollout policy stays as it was after a round; 0 rolls out with G itself."""
    baseline: Baseline = "none"
    """batch: compare each reward with the other sequences' at the same position."""
    reward: Literal["probability", "logit"] = "probability"
    """D's verdict as a reward."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.rollout_lag < 1.0:
            raise UsageError(f"rollout_lag is {self.rollout_lag}; it must be in [0, 1).")


class SeqGAN(SequenceGame):
    """The game on sequences plus the lagging rollout policy."""

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        method: SeqGANMethod,
        training: FineTuning,
    ):
        others: dict[str, nn.Module] = {}
        if method.rollout_lag:
            others["rollout_policy"] = copy.deepcopy(generator)
        objective = expected_probability() if method.reward == "probability" else expected_logit()
        estimator = Reinforce(method.rollouts, method.baseline)
        super().__init__(generator, discriminator, objective, estimator, training, others=others)
        self.lag = method.rollout_lag

    def match_generator(self, batch: Batch, move: Move) -> None:
        """Sets the rollout policy to the generator, as pretraining left it."""
        self.players["rollout_policy"].load_state_dict(self.players["generator"].state_dict())

    def follow_generator(self, batch: Batch, move: Move) -> None:
        """rollout policy <- lag * rollout policy + (1 - lag) * generator."""
        policy, generator = self.players["rollout_policy"], self.players["generator"]
        for old, new in zip(policy.parameters(), generator.parameters(), strict=True):
            old.lerp_(new, 1.0 - self.lag)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: SeqGANMethod,
    training: FineTuning,
) -> SeqGAN:
    """The game from its players and settings."""
    return SeqGAN(generator, discriminator, method, training)


def phases(method: SeqGANMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Pretraining, then g moves of G for d pools of D; the rollout policy follows."""
    match = Turn(("rollout_policy",), rule="match_generator", feed=None)
    follow = Turn(("rollout_policy",), rule="follow_generator", feed=None)
    lags = bool(method.rollout_lag)
    return fine_tuning_phases(
        training,
        after_pretraining=(match,) if lags else (),
        after_learning=(follow,) if lags else (),
    )

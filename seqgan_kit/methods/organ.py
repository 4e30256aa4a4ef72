"""ORGAN (Guimaraes, Sanchez-Lengeling, Outeiral, Farias, Aspuru-Guzik 2017: "Objective-Reinforced Generative
Adversarial Networks (ORGAN) for Sequence Generation Models").

    R(Y) = lambda D(Y) + (1 - lambda) O(Y) U / c(Y)
    G ascends  E_G sum_t grad log G(y_t | Y_1:t-1) Q(Y_1:t-1, y_t),   Q: mean R of N completions of Y_1:t
    D maximises  E_data log D(Y) + E_G log(1 - D(Y))

O is an objective of the domain (drug-likeness, melody), c(Y) the number of copies of Y among the sequences
that are scored together, and U the share of distinct ones. lambda = 1 is SeqGAN, lambda = 0 plain
reinforcement learning.

The four choices. Players: an LSTM and a TextCNN. Objective: expected probability, mixed with O. Estimator:
REINFORCE with rollouts. Schedule: SeqGAN's, with two updates of G and three pools for D a round.

Differs from the paper: D's loss is that of the GAN; the paper also has a Wasserstein variant (OR(W)GAN). D
has one logit, its output layer torch's default initialisation, and no gradient clipping (the authors: 1). An
update of D uses one batch of real and one of generated sequences. A pool has a fixed size and is read three
times, also in pretraining; the authors draw as many negatives as there are real rows, and read each pool of
pretraining 50 times. Completions of one prefix length are scored together, 16 a sequence; the authors count
copies in each of 16 passes by itself. Rewards of finished sequences are scored again instead of kept. The
rollout policy lags in all parameters. Rows are as long as the longest of the data plus its end; the authors
allow 1.5 times that. A molecule keeps [nH] and the like as one token, where the authors spell them out. The
number of rounds depends on the paper's experiment; the preset has 100. Optional extras that the paper lacks:
a baseline, and training without rollouts.

The preset ``paper`` has the authors' networks, learning rates and pretraining lengths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from seqgan_kit.core.bounds import Count, Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.baselines import Baseline, check_baseline
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.repeats import DividedByCopies
from seqgan_kit.sequences.estimators.rewards import Reward
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.rollout_game import RolloutGame, rollout_phases
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS

_GROUP_PLACES = 64
"""Positions of a row below which the completions of a whole batch are scored by prefix length at once."""


@dataclass(frozen=True)
@bounded
class ORGANMethod:
    """Settings of ORGAN; the defaults are those of the authors' code."""

    rollouts: Count = 16
    """N: completions per prefix; 0: every token gets the reward of its whole sequence."""
    rollout_lag: Share = 0.8
    """Share of the old rollout policy kept after a round; 0: roll out with G itself."""
    divide_by_copies: bool = True
    """Divide the objective by the number of copies of a sequence, and multiply it by the share of distinct
    ones."""
    baseline: Baseline = "none"
    """Baseline subtracted from a reward. batch: mean of the other sequences at the same position.
    moving_average: mean over past updates. leave_one_out: mean of the other completions of the same prefix.
    critic: a learned value. self_critical: the reward of the sequence that G writes greedily."""
    baseline_decay: Share = 0.9
    """Share of the moving-average baseline kept after an update."""
    critic_learning_rate: Weight = 1e-2
    """Adam's learning rate of the learned critic."""

    def __post_init__(self) -> None:
        check_baseline(self.baseline, self.rollouts, lags=self.rollout_lag > 0)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: ORGANMethod,
    training: FineTuning,
    reward: Reward,
) -> RolloutGame:
    """Build the game from its players and settings; ``reward`` holds the objective and lambda."""
    if reward.objective is None:
        raise UsageError(
            "ORGAN needs an objective: give --objective a name or FILE.py:FUNCTION. Without one it is the "
            "method seqgan."
        )
    if method.divide_by_copies:
        reward = replace(reward, objective=DividedByCopies(reward.objective))
    # Copies are counted among the rows of one call, so a call must hold a batch's completions of one length.
    groups = math.ceil(generator.length / _GROUP_PLACES)
    rows = max(CHUNK_ROWS, training.batch_size * max(1, method.rollouts) * groups)
    return RolloutGame(
        generator,
        discriminator,
        expected_probability(),
        Reinforce(method.rollouts, method.baseline, rows, mix=reward),
        training,
        lag=method.rollout_lag,
        baseline_decay=method.baseline_decay,
    )


def phases(method: ORGANMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretraining, then rounds of g updates of G and d pools for D."""
    return rollout_phases(
        training,
        method.baseline,
        lags=bool(method.rollout_lag),
        critic_learning_rate=method.critic_learning_rate,
        given=given,
    )

"""SeqGAN (Yu, Zhang, Wang, Yu 2017: "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient").

    D maximises  E_data log D(Y) + E_G log(1 - D(Y))                                            (eq. 5)
    G ascends    E_G sum_t grad log G(y_t | Y_1:t-1) Q(Y_1:t-1, y_t)                            (eq. 7)
    Q(Y_1:t-1, y_t) = mean of D over N completions of Y_1:t by the rollout policy;  D(Y) at t=T (eq. 4)

With an objective, lambda (D - b) + (1 - lambda) objective takes the place of D in Q.

The four choices. Players: an LSTM and a TextCNN. Objective: expected probability. Estimator: REINFORCE with
rollouts. Schedule: MLE, then D on pools of negatives, then rounds of g updates of G and d pools, each read
for k epochs by D.

Differs from the paper: D has one logit instead of two classes. An update of D uses one batch of real and one
of generated sequences; the authors' code mixes both into one batch, so an epoch here has half as many
updates. G's loss is a mean over sequences, not a sum: Adam ignores the scale, but clipping at 5 acts later.
The rollout policy lags in all parameters, embeddings included, as the paper says; in the authors' code it
does not lag. D's output layer has torch's default initialisation; the authors draw from N(0, 0.1), truncated
at 2 sigma, with biases of 0.1 (``TextCNN`` lists the other differences). Optional extras that the paper
lacks: a baseline, a control variate (REBAR or RELAX), an objective, and training without rollouts.

The preset ``paper`` has the paper's networks, schedule, batch sizes and pool sizes. The paper's data are
10,000 rows of an oracle (``--oracle FILE``).
"""

from __future__ import annotations

from dataclasses import dataclass

from seqgan_kit.core.bounds import Count, Positive, Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import RewardKind
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import expected_logit, expected_probability
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.sequences.estimators.baselines import Baseline, check_baseline
from seqgan_kit.sequences.estimators.controls.control_variates import Control
from seqgan_kit.sequences.estimators.controls.controlled_reinforce import (
    ControlledReinforce,
    check_control,
)
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import D_ALONE, Reward
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.rollout_game import RolloutGame, rollout_phases
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS

REWARDS = ("probability", "logit", "constant", "random")
"""Rewards that have a name."""


@dataclass(frozen=True)
@bounded
class SeqGANMethod:
    """Settings of SeqGAN; the defaults are the paper's."""

    rollouts: Count = 16
    """N: completions per prefix; 0: every token gets the reward of its whole sequence."""
    rollout_lag: Share = 0.8
    """Share of the old rollout policy kept after a round; 0: roll out with G itself."""
    baseline: Baseline = "none"
    """Baseline subtracted from a reward. batch: mean of the other sequences at the same position.
    moving_average: mean over past updates. leave_one_out: mean of the other completions of the same prefix.
    critic: a learned value. self_critical: the reward of the sequence that G writes greedily."""
    baseline_decay: Share = 0.9
    """Share of the moving-average baseline kept after an update."""
    critic_learning_rate: Weight = 1e-2
    """Adam's learning rate of the learned critic."""
    control_variate: Control = "none"
    """Control variate subtracted from rewards; the gradient stays unbiased. rebar: D's reward of the relaxed
    sequence, at a learned temperature and scale. relax: a learned network on each relaxed token and the state
    before it. It goes with the baselines none and batch."""
    control_variate_learning_rate: Weight = 1e-2
    """Adam's learning rate of the control variate, which minimises the variance of the gradient."""
    reward: str = "probability"
    """Reward of a sequence: D's output as a probability or a logit. constant and random ignore D; they are
    controls: a gain with them does not come from the discriminator. FILE.py:FUNCTION is short for --objective
    FILE.py:FUNCTION --reward-lambda 0, a function of your own in place of D."""
    chunk_rows: Positive = CHUNK_ROWS
    """Completions sampled and scored in one chunk of rows; limits memory and does not change results."""

    def __post_init__(self) -> None:
        check_baseline(self.baseline, self.rollouts, lags=self.rollout_lag > 0)
        check_control(self.control_variate, self.baseline)
        if self.reward not in REWARDS and ":" not in self.reward:
            raise unknown("reward", self.reward, [*REWARDS, "FILE.py:FUNCTION"])


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: SeqGANMethod,
    training: FineTuning,
    reward: Reward = D_ALONE,
) -> RolloutGame:
    """Build the game from its players and settings; ``reward`` mixes an objective with D's score."""
    if ":" in method.reward and (reward.objective is None or reward.weight):
        raise UsageError(
            f"reward is {method.reward!r}, so build(...) must be given that function as "
            "reward=Reward(function, weight=0)."
        )
    objective = expected_logit() if method.reward == "logit" else expected_probability()
    controls: dict[str, RewardKind] = {"constant": "constant", "random": "random"}
    source = controls.get(method.reward, "verdict")
    plain = Reinforce(method.rollouts, method.baseline, method.chunk_rows, source, reward)
    kind = method.control_variate
    return RolloutGame(
        generator,
        discriminator,
        objective,
        plain if kind == "none" else ControlledReinforce(plain, kind),
        training,
        lag=method.rollout_lag,
        baseline_decay=method.baseline_decay,
    )


def phases(method: SeqGANMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretraining, then rounds of g updates of G and d pools for D."""
    return rollout_phases(
        training,
        method.baseline,
        lags=bool(method.rollout_lag),
        critic_learning_rate=method.critic_learning_rate,
        given=given,
        control=method.control_variate,
        control_learning_rate=method.control_variate_learning_rate,
    )

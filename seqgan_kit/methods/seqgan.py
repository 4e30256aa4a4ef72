"""SeqGAN (Yu, Zhang, Wang, Yu 2017: "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient").

    D maximises  E_data log D(Y) + E_G log(1 - D(Y))                                            (eq. 5)
    G climbs     E_G sum_t grad log G(y_t | Y_1:t-1) Q(Y_1:t-1, y_t)                            (eq. 7)
    Q(Y_1:t-1, y_t) = mean of D over N completions of Y_1:t by the rollout policy;  D(Y) at t=T (eq. 4)

The four choices: an LSTM and a TextCNN; the expected-probability objective; REINFORCE with rollouts; MLE,
then D on pools of negatives, then g moves of G for d pools of k epochs of D.

Differs from the paper: D has one logit instead of two classes; a move of D sees a batch of reals and one of
fakes, where the paper's code mixes both into one, so that an epoch is half as many moves; G's loss is a
mean over sequences, not a sum (Adam does not care, but the clip at 5 acts later); the rollout policy lags
in all parameters, embeddings included, and it does lag, as the paper says and its code does not. D's output
layer starts as torch's linear layers do, in the code with N(0, 0.1) cut at 2 sigma and biases 0.1
(``TextCNN`` says the rest). The preset ``paper`` has the paper's networks, schedule and sizes of batches
and pools; the paper's data are 10,000 rows of an oracle (``--oracle FILE``). A baseline and rounds without
rollouts are offered; the paper has neither.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

from seqgan_kit.core.bounds import Count, Positive, Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import expected_logit, expected_probability
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.sequences.estimators.baselines import (
    Baseline,
    baseline_players,
    baseline_turns,
    check_baseline,
    critic_loss,
    learning_players,
)
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class SeqGANMethod:
    """Settings of SeqGAN; the defaults are the paper's."""

    rollouts: Count = 16
    """N: completions of every prefix; 0 gives every token its whole sequence's reward."""
    rollout_lag: Share = 0.8
    """How much of the rollout policy stays as it was after a round; 0 rolls out with G itself."""
    baseline: Baseline = "none"
    """What a reward is compared with. batch: the other sequences' at the same position; moving_average:
    that of past moves; leave_one_out: the other completions' of the same prefix; critic: a learned value."""
    baseline_decay: Share = 0.9
    """How much of the moving average stays after a move."""
    critic_learning_rate: Weight = 1e-2
    """Adam's step size of the learned critic."""
    reward: Literal["probability", "logit", "constant", "random"] = "probability"
    """D's verdict, as a probability or a logit; constant and random ask no D and are controls: what a run
    gains with them is not the discriminator's doing."""
    chunk_rows: Positive = CHUNK_ROWS
    """Completions advanced and scored at once; bounds memory and does not change results."""

    def __post_init__(self) -> None:
        check_baseline(self.baseline, self.rollouts, lags=self.rollout_lag > 0)


class SeqGAN(SequenceGame):
    """The game on sequences plus the lagging rollout policy."""

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        method: SeqGANMethod,
        training: FineTuning,
    ):
        others = baseline_players(
            method.baseline, generator, training.batch_size, method.baseline_decay
        )
        if method.rollout_lag:
            others["rollout_policy"] = copy.deepcopy(generator)
        objective = expected_logit() if method.reward == "logit" else expected_probability()
        reward = method.reward if method.reward in ("constant", "random") else "verdict"
        estimator = Reinforce(method.rollouts, method.baseline, method.chunk_rows, reward)
        super().__init__(generator, discriminator, objective, estimator, training, others=others)
        self.lag = method.rollout_lag

    def critic_loss(self, batch: Batch, move: Move) -> Loss:
        """The learned baseline's error on the generator's last move."""
        return critic_loss(self)

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
    learn_values = baseline_turns(
        method.baseline, Optimizer(method.critic_learning_rate), training.generator_moves
    )
    return fine_tuning_phases(
        training,
        ("generator", *learning_players(method.baseline)),
        after_pretraining=(match,) if lags else (),
        after_learning=((follow,) if lags else ()) + learn_values,
    )

"""A sequence game by policy gradient: a lagging copy of G rolls out, and baselines have their players."""

from __future__ import annotations

import copy
from typing import cast

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.sequences.estimators.baselines import (
    Baseline,
    baseline_players,
    baseline_turns,
    critic_loss,
    learning_players,
)
from seqgan_kit.sequences.estimators.controls.control_variates import Control
from seqgan_kit.sequences.estimators.controls.controlled_reinforce import (
    ControlledReinforce,
    control_turn,
)
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sequence_game import SequenceGame


class RolloutGame(SequenceGame):
    """The sequence game with REINFORCE, a lagging rollout policy and a baseline.

    Args:
        generator, discriminator, objective, training: as those of the sequence game.
        estimator: REINFORCE, with a control variate or without; the players of its baseline and control are
            added.
        lag: share of the old rollout policy kept after a round; 0: G itself rolls out.
        baseline_decay: share of a moving average kept after an update.
    """

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        objective: Objective,
        estimator: Reinforce | ControlledReinforce,
        training: FineTuning,
        *,
        lag: float = 0.0,
        baseline_decay: float = 0.9,
    ):
        others = baseline_players(
            estimator.baseline, generator, training.batch_size, baseline_decay
        )
        if lag:
            others["rollout_policy"] = copy.deepcopy(generator)
        if isinstance(estimator, ControlledReinforce):
            others |= estimator.players(generator, training.batch_size)
        super().__init__(generator, discriminator, objective, estimator, training, others=others)
        self.lag = lag
        if isinstance(estimator, ControlledReinforce):
            estimator.check(self)

    def critic_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the squared error of the learned baseline on the generator's last update."""
        return critic_loss(self)

    def control_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the variance of the gradient, which the control variate minimises."""
        return cast(ControlledReinforce, self.estimator).control_loss(self, move)

    def match_generator(self, batch: Batch, move: Move) -> None:
        """Copy the pretrained generator into the rollout policy."""
        self.players["rollout_policy"].load_state_dict(self.generator.state_dict())

    def follow_generator(self, batch: Batch, move: Move) -> None:
        """Update the rollout policy: policy <- lag * policy + (1 - lag) * generator."""
        policy, generator = self.players["rollout_policy"], self.generator
        for old, new in zip(policy.parameters(), generator.parameters(), strict=True):
            old.lerp_(new, 1.0 - self.lag)


def rollout_phases(
    training: FineTuning,
    baseline: Baseline,
    *,
    lags: bool,
    critic_learning_rate: float,
    given: int = 0,
    control: Control = "none",
    control_learning_rate: float = 1e-2,
) -> tuple[Phase, ...]:
    """Return the phases: pretraining, then rounds of g updates of G and d pools for D.

    Args:
        training: lengths and learning rates.
        baseline: a critic learns after each of G's turns.
        lags: whether the game has a lagging rollout policy, which follows G after each of its turns.
        critic_learning_rate: Adam's learning rate of a critic.
        given: S, the number of given tokens.
        control: a control variate learns after each of G's turns.
        control_learning_rate: Adam's learning rate of the control variate.
    """
    match = Turn(("rollout_policy",), rule="match_generator", feed=None)
    follow = Turn(("rollout_policy",), rule="follow_generator", feed=None)
    learn_values = baseline_turns(
        baseline, Optimizer(critic_learning_rate), training.generator_moves
    )
    learn_control = control_turn(control, control_learning_rate, training.generator_moves)
    remembers = ("control_experience",) if learn_control else ()
    return fine_tuning_phases(
        training,
        ("generator", *learning_players(baseline), *remembers),
        given=given,
        after_pretraining=(match,) if lags else (),
        after_learning=((follow,) if lags else ()) + learn_values + learn_control,
    )

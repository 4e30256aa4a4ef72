"""LeakGAN (Guo, Lu, Cai, Zhang, Yu, Wang 2018: "Long text generation via adversarial training with leaked
information").

D leaks the features f_t of what is written so far. A Manager reads them and sets goals; a Worker writes.

    D maximises  E_data log D(Y) + E_G log(1 - D(Y)),  D(Y) = sigmoid(v . F(Y)),  f_t = F(y_1:t)
    g_t = M(f_1:t) / |M(f_1:t)|,  w_t = psi(sum_{i=1..c} g_t-i),  G(. | y_1:t) = softmax(O_t w_t / a)
    Manager ascends  sum_t Q_t cos(f_t+c - f_t, g_t)
    Worker ascends   E_G sum_t r_t log G(y_t | y_1:t-1)
    r_t = mean_{i=1..c} cos(f_t - f_t-i, g_t-i) + lambda Q_t-1
    Q_t = sigma(delta (0.5 - rank_t / B)),  the rank in the batch of the mean D of N completions

Pretraining alternates between D and G: log-likelihood for the Worker, and for the Manager the cosine of
f_t+c - f_t with g_t on real rows.

The four choices. Players: Manager and Worker, and a TextCNN whose trunk G has a frozen copy of, which a rule
renews after D's turns. Objective: expected probability, by rank. Estimator: REINFORCE with rollouts, and the
cosine for the Manager. Schedule: D and G in turn from the start, with maximum likelihood between rounds.

Differs from the paper: the Worker's reward may have a share of D's (lambda; 0 in the paper). w_t has unit
length, as in the authors' code. psi of a goal before the first is a vector that the Worker learns. The
horizon of the last c goals ends with the row. Equal rewards share a rank. Likelihood is computed at
temperature 1, and the policy gradient at the temperature of its samples. One optimizer serves Manager and
Worker, whose gradients are clipped together. D has one logit instead of two classes, and an update of D uses
one batch of real and one of generated rows (``TextCNN`` lists the other differences).

The authors' code differs from the paper in ways that are not repeated here. A sum of goals is kept for c
tokens instead of moving with each. Both cosines are averaged over the batch to one number before they weigh a
token, so they tell no token from another. Ranks follow the order of a Python dictionary, which is not that of
the rewards; for text, real rows are ranked with the generated ones. Samples are scored at temperature 2/3
(``sample --temperature 0.67`` draws such).

The preset ``paper`` has the authors' networks, schedule and learning rates for 20 tokens of an oracle
(``--oracle FILE``), with a fixed set of real rows where the authors draw new ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, cast

from torch import Tensor

from seqgan_kit.core.bounds import Above0, Count, Positive, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import RewardKind, check_reward
from seqgan_kit.core.game import Batch, Epochs, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.textcnn import TextCNN
from seqgan_kit.sequences.estimators.baselines import mean_of_others
from seqgan_kit.sequences.estimators.reinforce import Reinforce, policy_gradient_loss
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.hierarchical.goal_rewards import (
    goals_reached,
    intrinsic_rewards,
    rank_rewards,
)
from seqgan_kit.sequences.generators.hierarchical.leak_generator import (
    LeakGenerator,
    at_temperature,
)
from seqgan_kit.sequences.maximum_likelihood import negative_log_likelihood
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class LeakGANMethod:
    """Settings of LeakGAN; the defaults are those of the authors' code for the oracle."""

    rollouts: Count = 4
    """N: completions per prefix of c, 2c, ... tokens; 0: every token gets the reward of its whole
    sequence."""
    sharpness: Above0 = 16.0
    """delta: steepness of the rank reward (the authors' code: 16)."""
    discriminator_weight: Weight = 0.0
    """lambda: weight of D's rank reward in the Worker's reward, beside the cosine with the goals (the paper:
    0)."""
    intrinsic_weight: Weight = 1.0
    """Weight of the cosine with the goals in the Worker's reward (the paper: 1)."""
    training_temperature: Above0 = 1.0
    """Temperature of the rows that G learns from by reward (the authors' code: 1 for the oracle, 1.25 for
    text)."""
    negatives_temperature: Above0 = 2 / 3
    """Temperature of the rows that D learns from (the authors' code: 2/3)."""
    baseline: Literal["none", "batch"] = "none"
    """Baseline subtracted from the Worker's reward: none (the paper) or batch (mean of the other sequences at
    the same position)."""
    reward: RewardKind = "verdict"
    """Source of rewards. verdict: D's scores and features. constant and random ignore both, for the Worker
    and for Q; they are controls: a gain with them does not come from the reward."""
    blocks: Positive = 10
    """Alternations of D and G in pretraining (the authors' code: 10)."""
    teach_every_rounds: Positive = 1
    """Adversarial rounds between rounds with maximum-likelihood updates (the authors' code for text: 15)."""
    chunk_rows: Positive = CHUNK_ROWS
    """Completions sampled and scored in one chunk of rows; limits memory and does not change results."""

    def __post_init__(self) -> None:
        check_reward(self.reward)


class LeakGAN(SequenceGame):
    """The sequence game whose generator reads the features of its discriminator."""

    def __init__(
        self,
        generator: LeakGenerator,
        discriminator: Discriminator,
        method: LeakGANMethod,
        training: FineTuning,
    ):
        trunk = discriminator.trunk
        if not isinstance(trunk, TextCNN) or trunk.config != generator.config.trunk:
            raise UsageError(
                f"the discriminator's trunk is a {type(trunk).__name__} and the generator reads a TextCNN "
                f"with {generator.config.trunk}: build both with the same settings."
            )
        estimator = Reinforce(
            method.rollouts,
            chunk_rows=method.chunk_rows,
            reward=method.reward,
            every=generator.config.step,
        )
        super().__init__(generator, discriminator, expected_probability(), estimator, training)
        self.method = method
        if training.pretrained:  # The generator knows these features.
            trunk.load_state_dict(generator.trunk.state_dict())
        generator.leak_from(trunk)

    @property
    def leaking(self) -> LeakGenerator:
        """The generator."""
        return cast(LeakGenerator, self.generator)

    def leak(self, batch: Batch, move: Move) -> None:
        """Copy D's trunk into the generator."""
        self.leaking.leak_from(self.discriminator.trunk)

    def draw_negatives(self, batch: Batch, move: Move) -> None:
        """Fill the pool from the generator at its temperature for D."""
        with at_temperature(self.leaking, self.method.negatives_temperature):
            super().draw_negatives(batch, move)

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss; without a pool, fakes are drawn at their temperature."""
        with at_temperature(self.leaking, self.method.negatives_temperature):
            return super().discriminator_loss(batch, move)

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the Worker's negative log-likelihood of real rows, minus the Manager's cosines on them."""
        rows, generator = batch["real"], self.leaking
        mask = generator.token_mask(rows)
        nll = negative_log_likelihood(generator, rows)
        features = generator.features(rows)
        reached = goals_reached(features, generator.goals(features[:, :-1]), generator.config.step)
        cosine = (reached * mask).sum() / mask.sum()
        return Loss(nll - cosine, {"nll_train": nll, "goal_cosine": cosine})

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the Worker's policy-gradient loss plus the Manager's, on new samples."""
        with at_temperature(self.leaking, self.method.training_temperature):
            rows = self.draw(len(batch["real"]), batch, move.rng)
            values = cast(Reinforce, self.estimator).action_values(self, rows, move.rng)
            return self.reinforced(rows, values)

    def reinforced(self, rows: Tensor, values: Tensor) -> Loss:
        """Return the losses of Worker and Manager on sampled rows [B,T] with action values [B,T]."""
        generator, method = self.leaking, self.method
        mask, step = generator.token_mask(rows), generator.config.step
        quality = rank_rewards(values, mask, method.sharpness)
        features = generator.features(rows)
        goals = generator.goals(features[:, :-1])
        intrinsic = intrinsic_rewards(features, goals.detach(), step)
        rewards = method.intrinsic_weight * intrinsic + method.discriminator_weight * quality
        if method.reward != "verdict":
            rewards = values
        advantages = rewards
        if method.baseline == "batch":
            advantages = rewards - mean_of_others(rewards, mask)
        of_worker = policy_gradient_loss(generator.log_probs(rows), advantages * mask)
        reached = goals_reached(features, goals, step)
        of_manager = -(quality * reached).sum() / len(rows)
        tokens = mask.sum()
        logs = {
            "reward": (values * mask).sum() / tokens,
            "intrinsic_reward": (intrinsic * mask).sum() / tokens,
            "goal_cosine": (reached * mask).sum() / tokens,
        }
        return Loss(of_worker + of_manager, logs)


def build(
    generator: LeakGenerator,
    discriminator: Discriminator,
    method: LeakGANMethod,
    training: FineTuning,
) -> LeakGAN:
    """Build the game from its players and settings."""
    return LeakGAN(generator, discriminator, method, training)


def phases(method: LeakGANMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Return the phases: pretraining that alternates between D and G, then rounds of G, likelihood and D.

    After each of D's turns its features leak. A generator of an earlier run needs D alone to be pretrained,
    and learns the moving features by maximum likelihood meanwhile.
    """
    pretrain, judge, adversarial = fine_tuning_phases(training)
    leak = Turn(("generator",), rule="leak", feed=None)
    every = method.teach_every_rounds
    teach = [turn for turn in adversarial.turns if turn.loss == "mle_loss"]
    turns = tuple(
        replace(turn, moves=_every(every, training.teacher_forcing_moves))
        if turn in teach
        else turn
        for turn in adversarial.turns
    )
    judging = replace(
        judge,
        turns=(*judge.turns, leak, *(teach if training.pretrained else ())),
        rounds=0 if pretrain.rounds else training.pretrain_pools,
    )
    if pretrain.rounds:
        pretrain = _alternating(pretrain, judge.turns, leak, method.blocks, training)
    return pretrain, judging, replace(adversarial, turns=(*turns, leak))


def _every(rounds: int, moves: int) -> Callable[[int], int]:
    return lambda number: moves if number % rounds == 0 else 0


def _alternating(
    pretrain: Phase, judge: tuple[Turn, ...], leak: Turn, blocks: int, training: FineTuning
) -> Phase:
    """Return pretraining in blocks: pools for D, the leak, then some epochs of maximum likelihood for G."""
    pools = math.ceil(training.pretrain_pools / blocks)
    epochs = training.mle_epochs / blocks
    (teach,) = pretrain.turns
    every = training.evaluate_every_epochs
    every = max(1, round(every / epochs)) if every > 0 else every
    return replace(
        pretrain,
        turns=(*judge * pools, leak, replace(teach, moves=Epochs(epochs))),
        rounds=blocks,
        evaluate_every_rounds=every,
        sample_every_rounds=every,
    )

"""Adversarial dialogue (Li, Monroe, Shi, Jean, Ritter, Jurafsky 2017: "Adversarial Learning for Neural
Dialogue Generation").

    D maximises  E_human log D(x, y) + E_G log(1 - D(x, y))                           x: the turns so far
    G ascends    E_G sum_t grad log G(y_t | x, y_<t) (Q(x, y_1:t) - b(x, y_<t))
    monte_carlo: Q = mean of D over N completions of y_1:t by G
    regs:        Q = D(x, y_1:t), with D trained on one random prefix of each reply

A critic learns the baseline b. After every update by D's verdict, G makes one on human replies with reward 1,
sum_t grad log G(y_t | x, y_<t) (teacher forcing). A round is one update of G, one on human replies and five
of D.

The four choices. Players: an encoder-decoder, a recurrent D and a critic. Objective: expected probability.
Estimator: REINFORCE with rollouts, or with a reward of every generation step. Schedule: MLE, then D on fresh
samples, then rounds.

Differs from the paper: the encoder-decoder is RNNsearch (a bidirectional GRU encoder, a GRU decoder)
instead of an LSTM of two layers on both sides. D (pair_rnn) reads context and reply by a bidirectional GRU
each and matches the two encodings; the paper has an LSTM over the words of each turn and one over the
turns. D's pretraining uses samples only, not also beam-search replies. The critic reads the state of the
decoder after y_<t; that of the authors' code reads the source and takes plain gradient steps, here Adam. G
and D use Adam; the authors use SGD with an initial rate of 1 for G. In their code the last token gets the
reward of the token before, here its own, and rewards are multiplied by 0.5. Their code has no regs; here
all prefixes of a reply are equally likely. Contexts are joined in one sequence and cut to its last tokens
(the paper: two turns). A loss is a mean over replies of the sum over their tokens. An objective may be
mixed with D's score.

The preset ``paper`` has the published widths, batch size and schedule of updates; the paper's data are 3
million pairs of OpenSubtitles and a vocabulary of 25,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from seqgan_kit.core.bounds import Count, Positive, Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import RewardKind
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.sequences.estimators.baselines import (
    Baseline,
    baseline_players,
    baseline_turns,
    check_baseline,
    critic_loss,
    learning_players,
)
from seqgan_kit.sequences.estimators.prefix_rewards import EveryStep, pad_of, random_prefixes
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import D_ALONE, Reward
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import unit_reward_loss
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame

Credit = Literal["regs", "monte_carlo", "reply"]
CREDITS: tuple[Credit, ...] = ("regs", "monte_carlo", "reply")
REWARDS: dict[str, RewardKind] = {
    "probability": "verdict",
    "constant": "constant",
    "random": "random",
}


@dataclass(frozen=True)
@bounded
class DialogueMethod:
    """Settings of adversarial dialogue; the defaults are the paper's."""

    credit: Credit = "regs"
    """Reward of a token. regs: D's output on the reply up to that token, with D trained on prefixes.
    monte_carlo: mean over completions. reply: D's output on the whole reply, the same for all its tokens."""
    rollouts: Count = 5
    """N: completions per prefix (monte_carlo only)."""
    baseline: Baseline = "critic"
    """Baseline subtracted from a reward. critic: a learned value (the paper). batch: mean of the other
    replies at the same position. moving_average: mean over past updates. leave_one_out: mean of the other
    completions of the same prefix (monte_carlo only). self_critical: the reward of the reply that G writes
    greedily."""
    baseline_decay: Share = 0.9
    """Share of the moving-average baseline kept after an update."""
    critic_learning_rate: Weight = 5e-4
    """Adam's learning rate of the critic (the authors' code: 5e-4, plain gradient steps)."""
    reward: Literal["probability", "constant", "random"] = "probability"
    """Reward: D's output, or constant or random, which ignore D; they are controls: a gain with them does
    not come from the discriminator."""
    chunk_rows: Positive = CHUNK_ROWS
    """Completions or prefixes scored in one chunk of rows; limits memory and does not change results."""

    def __post_init__(self) -> None:
        if self.credit not in CREDITS:
            raise unknown("credit", self.credit, CREDITS)
        if self.reward not in REWARDS:
            raise unknown("reward", self.reward, REWARDS)
        if self.credit == "monte_carlo" and not self.rollouts:
            raise UsageError(
                "rollouts is 0, and credit monte_carlo averages over completions: use 1 or more."
            )
        check_baseline(self.baseline, self.completions)

    @property
    def completions(self) -> int:
        """Completions per prefix; 0 if the credit needs none."""
        return self.rollouts if self.credit == "monte_carlo" else 0


class Dialogue(SequenceGame):
    """The sequence game whose D may be trained on prefixes, and whose G also learns from human replies."""

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        method: DialogueMethod,
        training: FineTuning,
        reward: Reward = D_ALONE,
    ):
        self.on_prefixes = method.credit == "regs"
        kind = EveryStep if self.on_prefixes else Reinforce
        estimator = kind(
            method.completions, method.baseline, method.chunk_rows, REWARDS[method.reward], reward
        )
        others = baseline_players(
            method.baseline, generator, training.batch_size, method.baseline_decay
        )
        objective = expected_probability()
        super().__init__(generator, discriminator, objective, estimator, training, others=others)

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return D's loss on whole replies, or on one random prefix of each real and generated one."""
        if self.on_prefixes:
            batch = {**batch, "real": self._prefixes(batch["real"], move)}
            fake = self._prefixes(fake, move)
        return super().judge(batch, fake, move)

    def human_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss of REINFORCE on human replies with reward 1 for every token."""
        return unit_reward_loss(self.generator, batch)

    def critic_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the squared error of the learned baseline on the generator's last update."""
        return critic_loss(self)

    def _prefixes(self, rows: Tensor, move: Move) -> Tensor:
        generator = self.generator
        return random_prefixes(rows, generator.token_mask(rows), pad_of(generator), move.rng)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: DialogueMethod,
    training: FineTuning,
    reward: Reward = D_ALONE,
) -> Dialogue:
    """Build the game from its players and settings; ``reward`` mixes an objective with D's score."""
    return Dialogue(generator, discriminator, method, training, reward)


def phases(method: DialogueMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretraining, then rounds of G by verdict, G on human replies, critic and D."""
    learn_values = baseline_turns(
        method.baseline, Optimizer(method.critic_learning_rate), training.generator_moves
    )
    return fine_tuning_phases(
        training,
        ("generator", *learning_players(method.baseline)),
        given=given,
        after_learning=learn_values,
        teaching="human_loss",
    )

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
import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Epochs, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import expected_logit, expected_probability
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.autoregressive import SequenceGenerator
from seqgan_kit.sequences.estimators import Baseline, Reinforce
from seqgan_kit.sequences.likelihood import mle_loss, teach_epoch
from seqgan_kit.sequences.penalties import ScoreDecay


@dataclass(frozen=True)
class SeqGANMethod:
    """Settings of SeqGAN; the defaults are the paper's and its code's."""

    batch_size: int = 64
    """Sequences a batch."""
    mle_epochs: float = 120.0
    """Passes of maximum-likelihood pretraining (a share of one is allowed)."""
    mle_learning_rate: float = 1e-2
    """Adam's step size in pretraining."""
    mle_schedule: Schedule = "constant"
    """How it falls over the epochs (the paper: not at all)."""
    negatives: int = 10_000
    """Size of a pool of generated sequences that D trains on; 0 draws fresh ones for every batch."""
    pretrain_pools: int = 50
    """Pools that D is pretrained on."""
    discriminator_epochs: float = 3.0
    """k: how long D trains on a pool, in passes over the training text (a share of one is allowed)."""
    rounds: int = 200
    """Adversarial rounds."""
    generator_moves: int = 1
    """g: moves of G a round."""
    pools: int = 5
    """d: pools that D trains on a round."""
    teacher_forcing_moves: int = 0
    """Maximum-likelihood moves of G a round, at its adversarial step size (not in the paper)."""
    rollouts: int = 16
    """N: completions of every prefix; 0 gives every token its whole sequence's reward."""
    rollout_lag: float = 0.8
    """How much of the rollout policy stays as it was after a round; 0 rolls out with G itself."""
    baseline: Baseline = "none"
    """batch: compare each reward with the other sequences' at the same position."""
    reward: Literal["probability", "logit"] = "probability"
    """D's verdict as a reward."""
    generator_learning_rate: float = 1e-2
    """Adam's step size of G in adversarial rounds."""
    discriminator_learning_rate: float = 1e-4
    """Adam's step size of D."""
    clip_norm: float = 5.0
    """Largest norm of G's gradient."""
    score_l2: float = 0.2
    """Weight of the L2 term on D's output layer."""
    evaluate_every_epochs: int = 10
    """Epochs of pretraining between evaluations."""
    evaluate_every_rounds: int = 10
    """Adversarial rounds between evaluations."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.rollout_lag < 1.0:
            raise UsageError(f"rollout_lag is {self.rollout_lag}; it must be in [0, 1).")


class SeqGAN(AdversarialGame):
    """The adversarial game plus pretraining, the pool of negatives and the lagging rollout policy."""

    def __init__(
        self, generator: SequenceGenerator, discriminator: Discriminator, method: SeqGANMethod
    ):
        others: dict[str, nn.Module] = {}
        if method.negatives:
            example = torch.zeros(generator.length, dtype=torch.int64)
            others["negatives"] = Pool(method.negatives, example)
        if method.rollout_lag:
            others["rollout_policy"] = copy.deepcopy(generator)
        objective = expected_probability() if method.reward == "probability" else expected_logit()
        estimator = Reinforce(method.rollouts, method.baseline)
        penalties = (ScoreDecay(method.score_l2),) if method.score_l2 else ()
        super().__init__(generator, discriminator, objective, estimator, penalties, others)
        self.lag = method.rollout_lag

    def mle_loss(self, batch: Batch, move: Move) -> Loss:
        """Teacher forcing."""
        return mle_loss(cast(SequenceGenerator, self.players["generator"]), batch)

    def draw_negatives(self, batch: Batch, move: Move) -> None:
        """Fills the pool from the present generator."""
        pool = cast(Pool, self.players["negatives"])
        pool.refill(self.sample(len(pool.samples), rng=move.rng))

    def match_generator(self, batch: Batch, move: Move) -> None:
        """Sets the rollout policy to the generator, as pretraining left it."""
        self.players["rollout_policy"].load_state_dict(self.players["generator"].state_dict())

    def follow_generator(self, batch: Batch, move: Move) -> None:
        """rollout policy <- lag * rollout policy + (1 - lag) * generator."""
        policy, generator = self.players["rollout_policy"], self.players["generator"]
        for old, new in zip(policy.parameters(), generator.parameters(), strict=True):
            old.lerp_(new, 1.0 - self.lag)


def build(
    generator: SequenceGenerator, discriminator: Discriminator, method: SeqGANMethod
) -> SeqGAN:
    """The game from its players and settings."""
    return SeqGAN(generator, discriminator, method)


def phases(method: SeqGANMethod) -> tuple[Phase, ...]:
    """Pretrain G, pretrain D on pools, then g moves of G for d pools of D."""
    follow = Turn(("rollout_policy",), rule="follow_generator", feed=None)
    match = Turn(("rollout_policy",), rule="match_generator", feed=None)
    by_likelihood = Optimizer(
        method.mle_learning_rate, clip_norm=method.clip_norm, schedule=method.mle_schedule
    )
    by_reward = Optimizer(method.generator_learning_rate, clip_norm=method.clip_norm)
    learn = Turn(
        ("generator",), loss="generator_loss", optimizer=by_reward, moves=method.generator_moves
    )
    teach = Turn(
        ("generator",), loss="mle_loss", optimizer=by_reward, moves=method.teacher_forcing_moves
    )
    lags = bool(method.rollout_lag)
    return (
        Phase(
            "pretrain-generator",
            (
                teach_epoch(method.mle_epochs, by_likelihood),
                *((match,) if lags else ()),
            ),
            rounds=math.ceil(method.mle_epochs),
            evaluate_every_rounds=method.evaluate_every_epochs,
            sample_every_rounds=method.evaluate_every_epochs,
            keep=True,
        ),
        Phase(
            "pretrain-discriminator",
            _judge(method),
            rounds=method.pretrain_pools,
            evaluate_every_rounds=-1,
            sample_every_rounds=-1,
        ),
        Phase(
            "adversarial",
            (
                learn,
                *((teach,) if method.teacher_forcing_moves else ()),
                *((follow,) if lags else ()),
                *(_judge(method) * method.pools),
            ),
            rounds=method.rounds,
            evaluate_every_rounds=method.evaluate_every_rounds,
            sample_every_rounds=method.evaluate_every_rounds,
        ),
    )


def _judge(method: SeqGANMethod) -> tuple[Turn, ...]:
    """D's turns on one pool."""
    optimizer = Optimizer(method.discriminator_learning_rate)
    moves = Epochs(method.discriminator_epochs)
    loss = "discriminator_loss"
    if not method.negatives:
        return (Turn(("discriminator",), loss=loss, optimizer=optimizer, moves=moves),)
    return (
        Turn(("negatives",), rule="draw_negatives", feed=None),
        Turn(("discriminator", "negatives"), loss=loss, optimizer=optimizer, moves=moves),
    )

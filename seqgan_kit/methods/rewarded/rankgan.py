"""RankGAN (Lin, Li, He, Zhang, Sun 2017: "Adversarial ranking for language generation").

In place of a class, D gives features y(s), and a row is ranked among others by its likeness to references:

    a(s|u) = cos(y(s), y(u))
    P(s|u,C) = exp(g a(s|u)) / sum_{s' in C and s} exp(g a(s'|u))
    R(s|U,C) = E_{u of U} P(s|u,C)
    D maximises  E_data log R(s|U,C-) + E_G log (1 - R(s|U,C+))
    G ascends    E_G sum_t grad log G(y_t | Y_1:t-1) E log R(Y|U,C+) over completions of Y_1:t

U are real rows, C+ real ones and C- generated ones; none of them is the row that is ranked.

The four choices. Players: an LSTM and a TextCNN. Objective: the relative rank. Estimator: REINFORCE with
rollouts. Schedule: SeqGAN's.

Differs from the paper: it states neither g nor the sizes of U and C; the 16 references are those of the
Texygen benchmark, and C is the rest of the batch. A reference is never the row that is ranked, which would
have the cosine 1 with itself. Networks, pools and lengths are those of SeqGAN. Optional extras: a baseline,
and training without rollouts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.bounds import Above0, Count, Positive, bounded
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.estimators import RewardKind
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.objectives import minimax
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.baselines import Baseline, check_baseline
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import Reward
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame

BASELINES: tuple[Baseline, ...] = ("none", "batch", "leave_one_out")


@dataclass(frozen=True)
@bounded
class RankGANMethod:
    """Settings of RankGAN."""

    rollouts: Count = 16
    """N: completions per prefix; 0: every token gets the reward of its whole sequence."""
    references: Positive = 16
    """Real rows of a batch that are the reference set U (Texygen: 16); the others are ranked and compared."""
    sharpness: Above0 = 20.0
    """g: factor of the cosines (the paper states no number)."""
    baseline: Baseline = "none"
    """Baseline subtracted from a reward: none (the paper), batch (mean of the other sequences at the same
    position) or leave_one_out (mean of the other completions of the same prefix)."""
    reward: RewardKind = "verdict"
    """Source of rewards. verdict: log R. constant and random ignore D; they are controls: a gain with them
    does not come from the ranker."""
    chunk_rows: Positive = CHUNK_ROWS
    """Completions sampled and scored in one chunk of rows; limits memory and does not change results."""

    def __post_init__(self) -> None:
        check_baseline(self.baseline, self.rollouts)
        if self.baseline not in BASELINES:
            raise UsageError(
                f"baseline is {self.baseline!r}, which RankGAN does not have: use {', '.join(BASELINES)}."
            )


def log_ranks(
    features: Tensor, references: Tensor, others: Tensor, sharpness: float
) -> tuple[Tensor, Tensor]:
    """Return log R(s|U,C) and log(1 - R(s|U,C)), each [N], of rows with features [N,F].

    Args:
        features: of the ranked rows [N,F].
        references: of U [K,F].
        others: of C [M,F], which must not hold the ranked rows.
        sharpness: g.
    """
    wide = torch.promote_types(features.dtype, torch.float32)
    rows, refs, rest = (F.normalize(x.to(wide), dim=1) for x in (features, references, others))
    own = sharpness * rows @ refs.t()  # [N,K]
    compared = (sharpness * rest @ refs.t()).logsumexp(0)  # [K]
    whole = torch.logaddexp(own, compared)
    count = torch.tensor(len(refs), dtype=wide, device=rows.device).log()
    return (own - whole).logsumexp(1) - count, (compared - whole).logsumexp(1) - count


class RankGAN(SequenceGame):
    """The sequence game whose D ranks rows."""

    judges_rows = False  # D ranks a row among others; by itself a row has no score.

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        method: RankGANMethod,
        training: FineTuning,
    ):
        if training.batch_size < method.references + 2:
            raise UsageError(
                f"the batch has {training.batch_size} rows and the reference set {method.references}: at "
                "least 2 rows must be left to rank. Use a larger batch or fewer references."
            )
        if training.score_l2:
            raise UsageError(
                f"score_l2 is {training.score_l2:g}, but RankGAN compares features and uses no output layer "
                "of D: use 0."
            )
        estimator = Reinforce(method.rollouts, method.baseline, method.chunk_rows, method.reward)
        super().__init__(generator, discriminator, minimax(), estimator, training)
        self.method = method

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return D's loss: minus log R of real rows among generated ones, and log(1 - R) of the latter."""
        k = self.method.references
        real = batch["real"]
        features = self.discriminate(torch.cat([real, fake])).features
        references, ranked, generated = features.split([k, len(real) - k, len(fake)])
        g = self.method.sharpness
        of_real, _ = log_ranks(ranked, references, generated, g)
        rank_of_fake, of_fake = log_ranks(generated, references, ranked, g)
        loss = Loss(-of_real.mean() - of_fake.mean())
        logs = {"real_rank": of_real.exp().mean(), "generated_rank": rank_of_fake.exp().mean()}
        loss = Loss(loss.total, {"discriminator_loss": loss.total, **logs})
        return self.penalised(loss, real, fake[: len(real)], move)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the policy-gradient loss with the log rank of rows and completions as reward."""
        estimator = cast(Reinforce, self.estimator)
        if self.method.reward == "verdict":
            estimator = replace(estimator, mix=self._reward(batch["real"]))
        return estimator.generator_loss(self, batch, move)

    @torch.no_grad()
    def _reward(self, real: Tensor) -> Reward:
        """Return the reward log R(.|U,C+) with U and C+ from a batch of real rows."""
        with evaluating(self.discriminator):
            features = self.discriminate(real).features
        k = self.method.references

        def log_rank(rows: Tensor) -> Tensor:
            with evaluating(self.discriminator):
                own = self.discriminate(rows).features
            return log_ranks(own, features[:k], features[k:], self.method.sharpness)[0]

        return Reward(objective=log_rank, weight=0.0)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: RankGANMethod,
    training: FineTuning,
) -> RankGAN:
    """Build the game from its players and settings."""
    return RankGAN(generator, discriminator, method, training)


def phases(method: RankGANMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training, given=given)

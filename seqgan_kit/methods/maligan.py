"""MaliGAN (Che, Li, Zhang, Hjelm, Li, Song, Bengio 2017: "Maximum-likelihood augmented discrete generative
adversarial networks").

    r = D / (1 - D);  grad = sum_i (r_i / sum_j r_j - b) grad log G(x_i),  x_1 ... x_m of G
    with rollouts: r is the mean over completions of a prefix, so each token has its own weight
    mixed training: G continues the first N real tokens M times; N falls by K until it is 0; the weights sum
    to 1 over the continuations of one prefix
    D maximises  E_data log D(x) + E_G log(1 - D(x))

The four choices. Players: any token-by-token generator and any discriminator. Objective: D's half of minimax.
Estimator: importance weights. Schedule: MLE, then D alone, then D and G in turn.

Differs from the paper: b is in units of the mean weight 1/m (see ImportanceWeighted). N falls with the share
of adversarial rounds done, so it reaches 0 whatever their number. The paper states neither M nor the number
of rollouts, and leaves out parts of its schedule, networks and learning rates: SeqGAN's values fill the gaps.
The preset ``paper`` has mixed training without rollouts; ``full`` adds SeqGAN's 16. An objective, which the
paper lacks, is mixed in as log r = lambda (log D/(1-D) - b) + (1 - lambda) objective, in which b cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from seqgan_kit.core.bounds import Count, Finite, Positive, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import RewardKind
from seqgan_kit.core.game import Batch, Move, Phase
from seqgan_kit.core.objectives import minimax
from seqgan_kit.sequences.estimators.importance import ImportanceWeighted
from seqgan_kit.sequences.estimators.rewards import D_ALONE, Reward
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class MaliGANMethod:
    """Settings of the importance weights; defaults are the paper's where it states them."""

    rollouts: Count = 0
    """Completions per prefix over which r is averaged, also during mixed training (the paper's MaliGAN-full).
    0: every token gets the weight of its sequence."""
    kept: Count = 30
    """N: real tokens kept in the first adversarial round (at most all but one); 0: none, so no mixed
    training."""
    kept_step: Positive = 5
    """K: step by which the number of kept tokens N falls."""
    continuations: Positive = 8
    """M: continuations per kept prefix (the paper states no number)."""
    baseline_end: Finite = 1.0
    """Baseline b in the last round, in units of the mean weight; it rises from 0."""
    reward: RewardKind = "verdict"
    """Source of r. verdict: D's output. constant and random ignore D; they are controls: a gain with them
    does not come from the discriminator."""
    chunk_rows: Positive = CHUNK_ROWS
    """Sequences sampled and scored in one chunk of rows; limits memory and does not change results."""


class MaliGAN(SequenceGame):
    """The sequence game; mixed training leaves the pool unused, since D then reads continued prefixes."""

    def draw_negatives(self, batch: Batch, move: Move) -> None:
        """Refill the pool from the current generator, in rounds in which D reads it."""
        estimator = cast(ImportanceWeighted, self.estimator)
        if not estimator.kept_of_fakes(self, move):
            super().draw_negatives(batch, move)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: MaliGANMethod,
    training: FineTuning,
    reward: Reward = D_ALONE,
) -> MaliGAN:
    """Build the game from its players and settings; ``reward`` mixes an objective with D's logit."""
    estimator = ImportanceWeighted(
        rollouts=method.rollouts,
        kept=method.kept,
        kept_step=method.kept_step,
        continuations=method.continuations,
        baseline_end=method.baseline_end,
        reward=method.reward,
        chunk_rows=method.chunk_rows,
        mix=reward,
    )
    return MaliGAN(generator, discriminator, minimax(), estimator, training)


def phases(method: MaliGANMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training, given=given)

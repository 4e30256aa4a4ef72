"""MaliGAN (Che, Li, Zhang, Hjelm, Li, Song, Bengio 2017: "Maximum-likelihood augmented discrete generative
adversarial networks").

    r = D / (1 - D);  grad = sum_i (r_i / sum_j r_j - b) grad log G(x_i),  x_1 ... x_m of G
    with rollouts r is the mean over completions of a prefix, and each token has a weight of its own
    mixed: the first N real tokens are kept and continued M times, N falls by K until it is 0; the weights sum
    to 1 over the continuations of one prefix
    D maximises  E_data log D(x) + E_G log(1 - D(x))

The four choices: any generator that writes token by token and any discriminator; the minimax objective's D
half; importance weights; MLE, then D, then both in turns.

Differs from the paper: b counts in mean weights 1/m (see ImportanceWeighted); N falls with the share of the
adversarial rounds that is over, so that it reaches 0 whatever their number. The paper gives no number for M
and for rollouts, and of its schedule, networks and learning rates too little: where nothing else is set
these are SeqGAN's. The preset ``paper`` has mixed training without rollouts; ``full`` adds SeqGAN's 16.
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
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class MaliGANMethod:
    """Settings of the weights; the defaults are the paper's where it has them."""

    rollouts: Count = 0
    """Completions of every prefix over which r is averaged, also while real tokens are kept (the paper's
    MaliGAN-full); 0 gives every token its sequence's weight."""
    kept: Count = 30
    """N: real tokens kept at the start of the adversarial rounds (at most all but one); 0 keeps none."""
    kept_step: Positive = 5
    """K: by how many N falls at a time."""
    continuations: Positive = 8
    """M: continuations of each kept prefix (the paper names no number)."""
    baseline_end: Finite = 1.0
    """b in the last round, in mean weights; it rises from 0."""
    reward: RewardKind = "verdict"
    """verdict: r from D. constant and random ask no D and are controls: what a run gains with them is not
    the discriminator's doing."""
    chunk_rows: Positive = CHUNK_ROWS
    """Sequences advanced and scored at once; bounds memory and does not change results."""


class MaliGAN(SequenceGame):
    """The game on sequences; the pool waits while D reads continued prefixes."""

    def draw_negatives(self, batch: Batch, move: Move) -> None:
        """Fill the pool from the present generator, in rounds in which D reads it."""
        estimator = cast(ImportanceWeighted, self.estimator)
        if not estimator.kept_of_fakes(self, move):
            super().draw_negatives(batch, move)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: MaliGANMethod,
    training: FineTuning,
) -> MaliGAN:
    """The game from its players and settings."""
    estimator = ImportanceWeighted(
        rollouts=method.rollouts,
        kept=method.kept,
        kept_step=method.kept_step,
        continuations=method.continuations,
        baseline_end=method.baseline_end,
        reward=method.reward,
        chunk_rows=method.chunk_rows,
    )
    return MaliGAN(generator, discriminator, minimax(), estimator, training)


def phases(method: MaliGANMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Pretraining, then both in turns."""
    return fine_tuning_phases(training)

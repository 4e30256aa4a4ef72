"""Boundary-seeking GAN on text (Hjelm, Jacob, Che, Trischler, Cho, Bengio 2018: "Boundary-seeking generative
adversarial networks").

    w_m = softmax over m of logit D(x_m),  x_1 ... x_M drawn from G(. | z)
    L_G = - E_z sum_m w_m log G(x_m | z)
    D maximises  E_data log D(x) + E_G log(1 - D(x))

The four choices: any generator that writes token by token and any discriminator; the minimax objective's D
half; weights over the samples of one z; MLE, then D, then both in turns.

Differs from the paper: there G maps noise z to all characters at once and nothing is pretrained (that is
char_boundary_seeking). A generator that writes token by token has no z: the M samples of a group are draws
from G itself, and the loss is MaliGAN's without its baseline. D learns from as many sequences of G as of the
data, where the authors' D sees all M samples of each z. Networks and schedule are SeqGAN's.
"""

from __future__ import annotations

from dataclasses import dataclass

from seqgan_kit.core.bounds import Several, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking, RewardKind
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import minimax
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class BoundarySeekingMethod:
    """Settings of the weights."""

    samples: Several = 20
    """M: samples of each z (Hjelm et al. 2018: 20)."""
    reward: RewardKind = "verdict"
    """verdict: weights from D. constant and random ask no D and are controls: what a run gains with them is
    not the discriminator's doing."""


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: BoundarySeekingMethod,
    training: FineTuning,
) -> SequenceGame:
    """The game from its players and settings."""
    estimator = BoundarySeeking(method.samples, method.reward, judged=1)
    return SequenceGame(generator, discriminator, minimax(), estimator, training)


def phases(method: BoundarySeekingMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Pretraining, then both in turns."""
    return fine_tuning_phases(training)

"""Boundary-seeking GAN on text (Hjelm, Jacob, Che, Trischler, Cho, Bengio 2018: "Boundary-seeking generative
adversarial networks").

    w_m = softmax over m of logit D(x_m),  x_1 ... x_M drawn from G(. | z)
    L_G = - E_z sum_m w_m log G(x_m | z)
    D maximises  E_data log D(x) + E_G log(1 - D(x))

The four choices. Players: any token-by-token generator and any discriminator. Objective: D's half of minimax.
Estimator: importance weights over the M samples of one z. Schedule: MLE, then D alone, then D and G in turn.

Differs from the paper: the paper's G maps noise z to all characters at once and is not pretrained (see
``char_boundary_seeking``). A token-by-token generator has no z, so the M samples of a group are M draws from
G, and the loss is MaliGAN's without its baseline. D trains on as many generated sequences as real ones; the
authors' D trains on all M samples of each z. Networks and schedule are SeqGAN's.
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
    """Settings of the importance weights."""

    samples: Several = 20
    """M: samples per z (Hjelm et al. 2018: 20)."""
    reward: RewardKind = "verdict"
    """Source of the weights. verdict: D's output. constant and random ignore D; they are controls: a gain
    with them does not come from the discriminator."""


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: BoundarySeekingMethod,
    training: FineTuning,
) -> SequenceGame:
    """Build the game from its players and settings."""
    estimator = BoundarySeeking(method.samples, method.reward, judged=1)
    return SequenceGame(generator, discriminator, minimax(), estimator, training)


def phases(
    method: BoundarySeekingMethod, training: FineTuning, given: int = 0
) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then train them in turn."""
    return fine_tuning_phases(training, given=given)

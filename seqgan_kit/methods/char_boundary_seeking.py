"""Boundary-seeking GAN on characters (Hjelm, Jacob, Che, Trischler, Cho, Bengio 2018: "Boundary-seeking
generative adversarial networks"), the paper's setting for text.

    w_m = softmax over m of logit D(x_m),  x_1 ... x_M drawn from g(. | z)
    L_G = - E_z sum_m w_m log g(x_m | z),  log g(x|z) = sum_t log softmax(G(z))_t[x_t]
    D maximises  E_data log D(x) + E_z mean_m log(1 - D(x_m))

The four choices. Players: a residual network with batch norm as G, which maps noise z to the probabilities of
all T characters at once; one without batch norm as D. Objective: D's half of minimax. Estimator: importance
weights over the M draws of one z. Schedule: one update of D, one of G; nothing is pretrained. Samples are
random draws, not the most likely characters.

Differs from the authors' code (rdevon/BGAN, old/BILLION-WORD): the residual blocks, D's activations, the
factor 0.3 and the initialisation are those of Gulrajani et al. (2017). The authors' G also has batch norm
after its first and last layers; their G ends and their D begins with a convolution of kernel 5. Here z is
normal; in the authors' code it is uniform. The preset ``paper`` counts rounds; the authors train for 100
epochs on the Billion Word text and keep its 192 most frequent characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Count, Every, Positive, Several, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import minimax
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.generators.char_resnet import CharResNetGenerator


@dataclass(frozen=True)
@bounded
class CharBoundarySeekingMethod:
    """Settings of boundary-seeking GAN on characters."""

    batch_size: Positive = 64
    """Rows per batch, and noise vectors per update of G."""
    samples: Several = 20
    """M: draws per z."""
    judged_samples: Count = 0
    """Draws per z that D trains on; 0: all M, as in the authors' code. With 1, D trains on as many generated
    rows as real ones, at a fraction of the cost."""
    rounds: Count = 100_000
    """Rounds of training. Each round has one update of G."""
    discriminator_moves: Count = 1
    """Moves (updates) of D per round."""
    generator_learning_rate: Weight = 1e-3
    """Adam's learning rate of G. It and Adam's beta1 of 0.5 are those of the authors' code for characters."""
    discriminator_learning_rate: Weight = 1e-3
    """Adam's learning rate of D (beta1 0.5)."""
    schedule: Schedule = "constant"
    """How both learning rates fall over the rounds."""
    evaluate_every_rounds: Every = 1000
    """Rounds between evaluations."""


class CharBoundarySeeking(AdversarialGame[CharResNetGenerator]):
    """The adversarial game on rows of T characters."""

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss; real rows are cut to the first T characters."""
        return super().discriminator_loss(
            {**batch, "real": batch["real"][:, : self.generator.length]}, move
        )


def build(
    generator: CharResNetGenerator,
    discriminator: Discriminator,
    method: CharBoundarySeekingMethod,
) -> CharBoundarySeeking:
    """Build the game from its players and settings."""
    estimator = BoundarySeeking(method.samples, judged=method.judged_samples)
    return CharBoundarySeeking(generator, discriminator, minimax(), estimator)


def phases(method: CharBoundarySeekingMethod) -> tuple[Phase, ...]:
    """Return one phase. A round is ``discriminator_moves`` updates of D, then one of G."""
    make = partial(Optimizer, betas=(0.5, 0.999), schedule=method.schedule)
    judge = Turn(
        ("discriminator",),
        loss="discriminator_loss",
        optimizer=make(method.discriminator_learning_rate),
        moves=method.discriminator_moves,
    )
    write = Turn(
        ("generator",), loss="generator_loss", optimizer=make(method.generator_learning_rate)
    )
    return (
        Phase(
            "adversarial",
            (judge, write),
            rounds=method.rounds,
            evaluate_every_rounds=method.evaluate_every_rounds,
            sample_every_rounds=method.evaluate_every_rounds,
            log_every_rounds=10,
        ),
    )

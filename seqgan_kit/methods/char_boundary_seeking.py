"""Boundary-seeking GAN on characters (Hjelm, Jacob, Che, Trischler, Cho, Bengio 2018: "Boundary-seeking
generative adversarial networks"), the paper's setting for text.

    w_m = softmax over m of logit D(x_m),  x_1 ... x_M drawn from g(. | z)
    L_G = - E_z sum_m w_m log g(x_m | z),  log g(x|z) = sum_t log softmax(G(z))_t[x_t]
    D maximises  E_data log D(x) + E_z mean_m log(1 - D(x_m))

The four choices: a residual network that maps noise z to the probabilities of all T characters at once, with
batch norm, and one without as D; the minimax objective's D half; weights over the M draws of one z; one move
of each in turns. Nothing is pretrained. Samples are drawn, not the likeliest characters.

Differs from the authors' code (rdevon/BGAN, old/BILLION-WORD): the residual blocks, with D's activations and
the factor 0.3, and their initialisation are those of Gulrajani et al. (2017). The authors' G has batch norm
after the first and the last layer too and ends in a convolution of kernel 5, as their D begins with one. z is
normal, theirs uniform. The preset ``paper`` counts rounds, theirs 100 epochs of the Billion Word text, of
which 192 characters are kept.
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
    """Settings of boundary seeking on characters."""

    batch_size: Positive = 64
    """Rows a batch, and noise vectors of a move of G."""
    samples: Several = 20
    """M: draws of each z."""
    judged_samples: Count = 0
    """Draws of each z that D learns from; 0: all M, as in the authors' code. With 1 D learns from as many
    generated rows as real ones, at a fraction of the cost."""
    rounds: Count = 100_000
    """Rounds: moves of the generator."""
    discriminator_moves: Count = 1
    """Moves of D a round."""
    generator_learning_rate: Weight = 1e-3
    """Adam's step size of G (beta1 0.5); both as in the authors' code for characters."""
    discriminator_learning_rate: Weight = 1e-3
    """Adam's step size of D (beta1 0.5)."""
    schedule: Schedule = "constant"
    """How both step sizes fall over the rounds."""
    evaluate_every_rounds: Every = 1000
    """Rounds between evaluations."""


class CharBoundarySeeking(AdversarialGame):
    """The adversarial game on rows of the generator's length."""

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """See the base class; of longer lines the first T characters."""
        generator = self.players["generator"]
        assert isinstance(generator, CharResNetGenerator)
        return super().discriminator_loss(
            {**batch, "real": batch["real"][:, : generator.length]}, move
        )


def build(
    generator: CharResNetGenerator,
    discriminator: Discriminator,
    method: CharBoundarySeekingMethod,
) -> CharBoundarySeeking:
    """The game from its players and settings."""
    estimator = BoundarySeeking(method.samples, judged=method.judged_samples)
    return CharBoundarySeeking(generator, discriminator, minimax(), estimator)


def phases(method: CharBoundarySeekingMethod) -> tuple[Phase, ...]:
    """One phase; a round is ``discriminator_moves`` moves of D, then one of G."""
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

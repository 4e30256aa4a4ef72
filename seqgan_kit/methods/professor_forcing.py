"""Professor forcing (Lamb, Goyal, Zhang, Zhang, Courville, Bengio 2016: "Professor Forcing: A New Algorithm
for Training Recurrent Networks").

    B(x, y) = the hidden states of G while it reads y: data (teacher forcing) or its own sample (free running)
    D minimises  C_d = E_data -log D(B(x, y)) + E_G -log(1 - D(B(x, y~)))
    G minimises  NLL + C_f (+ C_t)
        NLL = E_data -log G(y | x),  C_f = E_G -log D(B(x, y~)),  C_t = E_data -log(1 - D(B(x, y)))

C_f pulls the states of free running towards those of teacher forcing, C_t the other way round. D learns only
while its accuracy on the batch is below 99 %, and C_f and C_t count only while it is above 75 %.

The sampled tokens get no gradient, and given them, free running is reading them: the states are computed by
one pass over the sample, with gradient, and equal those of the sampler.

Differs from the paper: B holds the hidden states that feed G's output layer, without the output
probabilities, computed without dropout. D is a bidirectional GRU with two fully connected layers at each
position and a mean over positions; the widths are ours. G is any generator of the toolkit; with rnn_search,
transformer or relational, B is what feeds their output layer. NLL is a sum over a sequence's tokens and a
mean over sequences. Adam, its learning rates and the clipping are ours.

The preset ``paper`` has the losses and thresholds above, no pretraining, and one update of D for each of G;
network and batch sizes are ours, since each of the paper's four tasks has its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.bounds import Cap, Every, Positive, Share, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.core.game import Batch, Epochs, Game, Loss, Move, Phase, Turn
from seqgan_kit.core.judging import accuracy, judged_scores, scores_of_both
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.discriminators.state_reader import behaviour
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import draw_written


@dataclass(frozen=True)
@bounded
class ProfessorForcingMethod:
    """Settings of professor forcing."""

    batch_size: Positive = 64
    """Sequences per batch."""
    pretrained: str = ""
    """Run directory whose generator is the starting point; empty: train from scratch, as the paper does."""
    epochs: Weight = 40.0
    """Epochs of training; a fraction of an epoch is allowed."""
    learning_rate: Weight = 1e-3
    """Adam's learning rate of G."""
    schedule: Schedule = "constant"
    """How both learning rates fall over the epochs."""
    discriminator_learning_rate: Weight = 1e-3
    """Adam's learning rate of D."""
    clip_norm: Cap = 5.0
    """Largest gradient norm of G; larger gradients are scaled down to it."""
    adversarial_weight: Weight = 1.0
    """Weight of C_f and C_t beside NLL (the paper: 1); 0: maximum likelihood, with D as a bystander."""
    match_teacher: bool = False
    """Add C_t, which pulls the states of teacher forcing towards those of free running (optional in the
    paper)."""
    least_accuracy: Share = 0.75
    """Accuracy of D on the batch above which C_f and C_t count (the paper: 0.75)."""
    most_accuracy: Share = 0.99
    """Accuracy of D on the batch from which D is not updated (the paper: 0.99)."""
    most_work: Weight = 0.0
    """Most work that a part of the run may take on your text, as a multiple of its work on the bundled
    captions; preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""
    evaluate_every_rounds: Every = 0
    """Rounds between evaluations (0: about 20 evaluations, evenly spaced)."""


class ProfessorForcing(Game[SequenceGenerator]):
    """Likelihood, and a discriminator between the generator's two ways of running."""

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        method: ProfessorForcingMethod,
    ):
        super().__init__({"generator": generator, "discriminator": discriminator})
        self.method, self.objective = method, non_saturating()

    @property
    def discriminator(self) -> Discriminator:
        """The player ``discriminator``."""
        player = self.players["discriminator"]
        assert isinstance(player, Discriminator)
        return player

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Draw rows of G, with the conditions of the batch's real rows."""
        return draw_written(self, n, batch, rng)

    def behaviour(self, rows: Tensor) -> Tensor:
        """Return B [B,T,H+1]: the states from which G predicts each token of rows [B,S+T], and their
        presence."""
        with without_dropout(self.generator):
            return behaviour(self.generator.prefix_states(rows), self.generator.token_mask(rows))

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return C_d; the update is left out while D is accurate enough."""
        real = batch["real"]
        with torch.no_grad():
            taught, free = (
                self.behaviour(real),
                self.behaviour(self.draw(len(real), batch, move.rng)),
            )
        loss = judged_scores(self.objective, *scores_of_both(self.discriminator, taught, free))
        learns = float(loss.logs["discriminator_accuracy"]) < self.method.most_accuracy
        return Loss(loss.total, {**loss.logs, "discriminator_learns": float(learns)}, learns)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return NLL + C_f (+ C_t); the adversarial terms are 0 while D is not accurate enough."""
        real, generator, method = batch["real"], self.generator, self.method
        mask = generator.token_mask(real)
        total = -generator.weighted_log_prob(real, mask)
        logs: dict[str, Tensor | float] = {"nll_train": total / mask.sum()}
        loss = total / len(real)
        if not method.adversarial_weight:
            return Loss(loss, logs)
        free = self.behaviour(self.draw(len(real), batch, move.rng))
        with torch.set_grad_enabled(method.match_teacher):
            taught = self.behaviour(real)
        taught_score, free_score = scores_of_both(self.discriminator, taught, free)
        adversarial = self.objective.generator(free_score, None).mean()
        if method.match_teacher:
            adversarial = adversarial + self.objective.generator(-taught_score, None).mean()
        decision = self.objective.decision or 0.0
        matches = float(accuracy(taught_score, free_score, decision)) > method.least_accuracy
        logs |= {"match_loss": adversarial, "match_counts": float(matches)}
        return Loss(loss + method.adversarial_weight * adversarial if matches else loss, logs)


def build(
    generator: SequenceGenerator, discriminator: Discriminator, method: ProfessorForcingMethod
) -> ProfessorForcing:
    """Build the game from its players and settings."""
    return ProfessorForcing(generator, discriminator, method)


def phases(method: ProfessorForcingMethod) -> tuple[Phase, ...]:
    """Return one phase; a round is an update of D and one of G, each on a batch of its own."""
    every = method.evaluate_every_rounds or None
    judge = Optimizer(method.discriminator_learning_rate, schedule=method.schedule)
    learn = Optimizer(method.learning_rate, clip_norm=method.clip_norm, schedule=method.schedule)
    return (
        Phase(
            "professor-forcing",
            (
                Turn(("discriminator",), loss="discriminator_loss", optimizer=judge),
                Turn(("generator",), loss="generator_loss", optimizer=learn),
            ),
            rounds=Epochs(method.epochs),
            evaluate_every_rounds=every,
            sample_every_rounds=method.evaluate_every_rounds,
            log_every_rounds=10,
        ),
    )

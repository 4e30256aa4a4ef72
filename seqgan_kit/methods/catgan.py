"""CatGAN (Liu, Wang, Liang 2020: "CatGAN: Category-aware generative adversarial networks with hierarchical
evolutionary learning for category text generation").

RelGAN with classes. D compares a sentence with those of its own class, and G evolves: in each round copies of
G are trained by different losses at different temperatures, and the fittest replaces G.

    a_D(x) = D(x) - mean of D over generated rows of x's class;  a_D(y) = D(y) - mean over its real rows
    D minimises          mean f(a_D(x)) + mean f(-a_D(y)),   f(u) = log(1 + exp(-u))
    child, ragan         mean f(a_D(y)) + mean f(-a_D(x))
    child, rsgan         mean_s f(D_s(y) - D_s(x)),  x and y of one class, s one of S scores
    temperature          1 / beta in round n, n + o and n - o, by policies drawn from RelGAN's
    fitness              lambda_q mean sigma(a_D(y)) + lambda_d mean_t (- log G(y_t | y_1:t-1))

D(x) is the mean of its S scores, except for rsgan. The second term of the fitness, the child's likelihood of
its own samples, is its entropy.

The four choices. Players: a relational memory that is given a class, its children, and a CNN on S embedded
representations that does not see the class. Objective: relativistic within classes. Estimator: relaxed
samples. Schedule: MLE, then an update of all children, selection, and updates of D.

Differs from the authors' code (williamSYSU/TextGAN-PyTorch): one parent, as in its defaults; a child keeps
Adam's moments of its own updates instead of its parent's, and the gradients of all have one largest norm. The
fitness takes means; theirs sums D's verdicts over 512 samples, so their weight of the entropy, 0.001, is 2e-6
here, as in the preset ``paper``. The class's real rows are those of one batch. A batch has the classes of the
data instead of as many rows of each, and losses are means over rows. The class is a given token that the
memory reads first; theirs is joined to every input. There is no term over all classes (an option there).

The preset ``paper`` has the sizes, rates and 2,000 rounds of the authors' run on real text with two classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Bounds, Count, Positive, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import non_saturating, relativistic
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.class_relativistic import (
    Mutation,
    child_loss,
    class_means,
    class_relativistic,
)
from seqgan_kit.sequences.estimators.gumbel import sample_relaxed
from seqgan_kit.sequences.estimators.temperatures import POLICIES, temperature_at
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.given_tokens import conditions_of
from seqgan_kit.sequences.offspring import Offspring
from seqgan_kit.sequences.sequence_game import SequenceGame


@dataclass(frozen=True)
@bounded
class CatGANMethod:
    """Settings of CatGAN; the defaults are those of the authors' code, but for the weight of the entropy."""

    mutations: tuple[Mutation, ...] = ("ragan", "rsgan")
    """Losses of children: ragan (compared with the class's mean) and rsgan (with one real row each)."""
    beta_max: Annotated[float, Bounds(1)] = 100.0
    """Inverse temperature in the last adversarial round (the authors: 100)."""
    temperature_step: Count = 1
    """o: children also take the temperatures of o rounds later and earlier (0: that of the round alone)."""
    temperature_policies: Literal["exp", "all"] = "exp"
    """How beta rises to beta_max. exp: as RelGAN's. all: each child draws one of RelGAN's policies in every
    round."""
    quality_weight: Weight = 1.0
    """lambda_q: weight of D's verdict in the fitness."""
    diversity_weight: Weight = 0.001
    """lambda_d: weight of the entropy in the fitness."""
    fitness_samples: Positive = 512
    """Samples of each child from which its fitness is computed."""

    def __post_init__(self) -> None:
        if not self.mutations or len(set(self.mutations)) < len(self.mutations):
            raise UsageError(
                f"mutations is {self.mutations}: name ragan, rsgan or both, each once."
            )

    @property
    def variants(self) -> list[tuple[Mutation, int]]:
        """The loss of each child, and the number of rounds by which its temperature is ahead."""
        step = self.temperature_step
        ahead = (0, step, -step) if step else (0,)
        return [(mutation, rounds) for mutation in self.mutations for rounds in ahead]


@dataclass(frozen=True)
class EvolvingSamples:
    """Relaxed samples of the generator for D, and of its children for their own losses."""

    takes_conditions: ClassVar[bool] = True
    takes_many_scores: ClassVar[bool] = True

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        """Return relaxed rows of the generator at the temperature at which it was chosen."""
        game = cast(CatGAN, game)
        with torch.no_grad():
            temperature = float(game.offspring.temperature)
            return game.relaxed(game.generator, batch, n, temperature, move.rng)

    def generator_loss(self, game: AdversarialGame, batch: Batch, move: Move) -> Loss:
        """Return the sum of the children's losses, each of which reads its own parameters alone."""
        return cast(CatGAN, game).children_loss(batch, move)


class CatGAN(SequenceGame):
    """The sequence game whose generator is replaced by the fittest of its children after each update."""

    judges_rows = False  # D does not see the class.

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        method: CatGANMethod,
        training: FineTuning,
    ):
        if generator.given != 1 or generator.pad is None:
            raise UsageError(
                f"CatGAN writes after one class, and this generator after {generator.given} tokens: give "
                "--label-column."
            )
        if training.teacher_forcing_moves:
            raise UsageError(
                f"teacher_forcing_moves is {training.teacher_forcing_moves}, but a child replaces the "
                "generator in every round, and nothing of its own updates would be left: use 0."
            )
        others = {"offspring": Offspring(generator, len(method.variants))}
        objective = relativistic(non_saturating())
        super().__init__(
            generator, discriminator, objective, EvolvingSamples(), training, others=others
        )
        self.method = method

    @property
    def offspring(self) -> Offspring:
        """The player ``offspring``."""
        return cast(Offspring, self.players["offspring"])

    def relaxed(
        self,
        network: SequenceGenerator,
        batch: Batch,
        n: int,
        temperature: float,
        rng: torch.Generator,
    ) -> Tensor:
        """Draw relaxed rows [n,1+T,R] of a network with the classes of the batch."""
        given = conditions_of(batch["real"], n, 1)
        with without_dropout(network):
            return sample_relaxed(network, n, temperature, rng=rng, feed="argmax", given=given)

    def scores_of(self, rows: Tensor) -> Tensor:
        """Return D's S scores [N,S] of rows [N,1+T,...], whose class it does not see."""
        hidden, pad = rows.clone(), cast(int, self.generator.pad)
        if rows.is_floating_point():
            hidden[:, :1] = 0
            hidden[:, :1, pad] = 1
        else:
            hidden[:, :1] = pad
        score: Tensor = self.discriminate(hidden).score
        return score.view(len(rows), -1)

    def temperature(self, child: int, move: Move) -> float:
        """Return the temperature of a child in this round."""
        ahead = self.method.variants[child][1]
        last = max(1, move.rounds - 1)
        progress = min(max(move.round + ahead, 0), last) / last
        course = POLICIES[int(self.offspring.courses[child])]
        return temperature_at(progress, 1.0, 1 / self.method.beta_max, course, move.rounds)

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return D's relativistic loss within classes."""
        real = batch["real"]
        real_scores, fake_scores = (self.scores_of(rows).mean(1) for rows in (real, fake))
        classes = real[:, 0], conditions_of(real, len(fake), 1)[:, 0]
        of_real, of_fake = class_relativistic(real_scores, fake_scores, *classes)
        loss = F.softplus(-of_real).mean() + F.softplus(of_fake).mean()
        logs = {"discriminator_loss": loss, "score_gap": real_scores.mean() - fake_scores.mean()}
        return self.penalised(Loss(loss, logs), real, fake[: len(real)], move)

    def children_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the sum of the children's losses."""
        real, total = batch["real"], torch.zeros((), device=batch["real"].device)
        real_scores, logs = self.scores_of(real), {}
        for child, network in enumerate(self.offspring.all()):
            rows = self.relaxed(network, batch, len(real), self.temperature(child, move), move.rng)
            mutation, ahead = self.method.variants[child]
            loss = child_loss(mutation, real_scores, self.scores_of(rows), real[:, 0])
            total = total + loss
            if not ahead:
                logs[f"{mutation}_loss"] = loss
        return Loss(total, logs)

    def breed(self, batch: Batch, move: Move) -> None:
        """Make all children copies of the generator."""
        for network in self.offspring.all():
            network.load_state_dict(self.generator.state_dict())

    def evolve(self, batch: Batch, move: Move) -> dict[str, Tensor | float]:
        """Replace the generator by its fittest child, and all children by copies of it."""
        offspring = self.offspring
        seed = int(torch.randint(1 << 30, (), generator=move.rng, device=move.rng.device))
        found = [self.fitness(child, batch, move, seed) for child in range(len(offspring.all()))]
        weights = self.method.quality_weight, self.method.diversity_weight
        fitness = [weights[0] * quality + weights[1] * entropy for quality, entropy in found]
        best = max(range(len(fitness)), key=fitness.__getitem__)
        temperature = self.temperature(best, move)
        offspring.temperature.fill_(temperature)
        self.generator.load_state_dict(offspring.all()[best].state_dict())
        self.breed(batch, move)
        if self.method.temperature_policies == "all":
            shape, device = offspring.courses.shape, move.rng.device
            drawn = torch.randint(len(POLICIES), shape, generator=move.rng, device=device)
            offspring.courses.copy_(drawn)
        mutation = self.method.variants[best][0]
        return {
            "quality": found[best][0],
            "entropy": found[best][1],
            "chose_ragan": float(mutation == "ragan"),
            "temperature": temperature,
        }

    @torch.no_grad()
    def fitness(self, child: int, batch: Batch, move: Move, seed: int) -> tuple[float, float]:
        """Return mean sigma(a_D) of a child's samples, and their negative log-likelihood per token."""
        network, n, real = self.offspring.all()[child], self.method.fitness_samples, batch["real"]
        rng = torch.Generator(move.rng.device).manual_seed(seed)
        given = conditions_of(real, n, 1)
        with evaluating(network, self.discriminator):
            rows = self.relaxed(network, batch, n, self.temperature(child, move), rng)
            scores = self.scores_of(rows).mean(1), self.scores_of(real).mean(1)
            written = network.sample(n, rng=rng, given=given)
            log_probs = network.log_probs(written)
        quality = (scores[0] - class_means(scores[1], real[:, 0], given[:, 0])).sigmoid().mean()
        entropy = -log_probs.sum() / network.token_mask(written).sum()
        return float(quality), float(entropy)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: CatGANMethod,
    training: FineTuning,
) -> CatGAN:
    """Build the game from its players and settings."""
    return CatGAN(generator, discriminator, method, training)


def phases(method: CatGANMethod, training: FineTuning) -> tuple[Phase, ...]:
    """Return the phases: pretrain G and D, then rounds of the children, selection and D."""
    return fine_tuning_phases(
        training,
        ("offspring",),
        given=1,
        after_pretraining=(Turn(("offspring",), rule="breed", feed=None),),
        after_learning=(Turn(("generator", "offspring"), rule="evolve"),),
    )

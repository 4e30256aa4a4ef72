"""Worlds in which every sequence can be listed, so that expectations and gradients are exact sums.

An estimator's loss depends on the generator through log-probabilities alone. Its derivative in those, times
their exact Jacobian, is what each draw adds to the estimate; the scatter of these gives the standard error of
their mean, and that says how many of them (z) it lies from the truth.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame, Estimator
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

LENGTH = 3
# Name -> (vocabulary, special tokens).
WORLDS: dict[str, tuple[int, dict[str, int | None]]] = {
    "every row full": (3, {"bos": 0, "eos": None, "pad": None}),
    "rows that end": (5, {}),
}


def enumerate_sequences(generator: SequenceGenerator) -> Tensor:
    """All sequences [S,T] that the generator may write, each once."""
    ids = range(generator.vocabulary)
    length = generator.length
    if generator.eos is None:
        return torch.tensor(list(itertools.product(ids, repeat=length)))
    words = [t for t in ids if t not in (generator.bos, generator.pad)]
    rows = set()
    for row in itertools.product(words, repeat=length):
        end = row.index(generator.eos) + 1 if generator.eos in row else length
        rows.add(row[:end] + (generator.pad,) * (length - end))
    return torch.tensor(sorted(rows))


def flat_gradient(value: Tensor, generator: SequenceGenerator) -> Tensor:
    """d value / d parameters, [P] float64."""
    gradients = torch.autograd.grad(
        value, list(generator.parameters()), retain_graph=True, materialize_grads=True
    )
    return torch.cat([g.flatten() for g in gradients]).double()


@dataclass(frozen=True)
class SmallWorld:
    """A generator, the data's distribution, and D's logits on every sequence."""

    generator: SequenceGenerator
    discriminator: Discriminator
    sequences: Tensor
    """[S,T]."""
    data: Tensor
    """[S] float64: the data's probabilities."""
    jacobian: Tensor = field(repr=False)
    """[S,T,P]: d log g(y_t | y_<t) / d parameter; 0 on PAD."""

    @property
    def probabilities(self) -> Tensor:
        """[S] float64: the generator's."""
        return self.generator.sequence_log_prob(self.sequences).detach().double().exp()

    @property
    def logits(self) -> Tensor:
        """[S] float64: D's."""
        return self.discriminator(self.sequences).score.detach().double()

    @property
    def whole_jacobian(self) -> Tensor:
        """[S,P]: of log g(y)."""
        return self.jacobian.sum(1)

    def index(self, tokens: Tensor) -> Tensor:
        """Which of the listed sequences the rows of ``tokens`` [...,T] are: [...]."""
        same = (tokens.flatten(0, -2).unsqueeze(1) == self.sequences).all(2)
        assert same.any(1).all(), "a sequence outside the enumerated world"
        return same.long().argmax(1).view(tokens.shape[:-1])

    def game(self, estimator: Estimator) -> AdversarialGame:
        return AdversarialGame(self.generator, self.discriminator, non_saturating(), estimator)

    def forward_kl_gradient(self) -> Tensor:
        """[P]: the gradient of KL(data || g), by automatic differentiation of its sum over all sequences."""
        log_probs = self.generator.sequence_log_prob(self.sequences).double()
        return flat_gradient((self.data * (self.data.log() - log_probs)).sum(), self.generator)

    def tuples(self, size: int) -> Iterator[tuple[float, Sequence[int]]]:
        """Every tuple of ``size`` independent draws, with its probability."""
        probabilities = self.probabilities.tolist()
        for which in itertools.product(range(len(probabilities)), repeat=size):
            chance = 1.0
            for row in which:
                chance *= probabilities[row]
            yield chance, which


def build_world(
    name: str,
    tiny_generator: Callable[..., SequenceGenerator],
    table_discriminator: Callable[..., Discriminator],
    shortness: float = 0.0,
) -> SmallWorld:
    """A world whose D is the best there is: logit = log data/g on every sequence. The data is random; each
    PAD makes a sequence exp(shortness) times as likely."""
    vocabulary, options = WORLDS[name]
    generator = tiny_generator(vocabulary, LENGTH, embedding=2, hidden=3, **options)
    sequences = enumerate_sequences(generator)
    mask = generator.token_mask(sequences)
    chances = torch.randn(len(sequences), dtype=torch.float64) + shortness * (~mask).sum(1)
    data = chances.softmax(0)
    log_probs = generator.log_probs(sequences)
    table = torch.zeros(vocabulary**LENGTH)
    places = vocabulary ** torch.arange(LENGTH)
    table[(sequences * places).sum(1)] = (data.log() - log_probs.detach().sum(1)).float()
    zero = torch.zeros(sum(p.numel() for p in generator.parameters()), dtype=torch.float64)
    cells = [
        flat_gradient(log_probs[s, t], generator) if mask[s, t] else zero
        for s in range(len(sequences))
        for t in range(LENGTH)
    ]
    jacobian = torch.stack(cells).view(len(sequences), LENGTH, -1)
    discriminator = table_discriminator(table, vocabulary, LENGTH)
    return SmallWorld(generator, discriminator, sequences, data, jacobian)


def z_scores(draws: Tensor, truth: Tensor) -> tuple[float, float]:
    """|z| of the mean of ``draws`` [N,P] from ``truth`` [P]: along it, and the largest of a coordinate."""
    errors = draws - truth
    along = errors @ (truth / truth.norm())
    z_along = along.mean().abs() / (along.std() / len(draws) ** 0.5)
    spread = errors.std(0) / len(draws) ** 0.5
    return z_along.item(), (errors.mean(0).abs() / spread.clamp(min=1e-8)).max().item()

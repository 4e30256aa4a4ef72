"""LeakGAN's generator (Guo et al. 2018): a Manager that reads D's features sets goals for a Worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.bounds import Positive, Size, Weight, bounded
from seqgan_kit.core.recurrence import recurrent_precision
from seqgan_kit.core.runs.machine.memory import check_training_memory
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.hierarchical.prefix_features import (
    PrefixFeatures,
    prefix_features,
)
from seqgan_kit.sequences.generators.hierarchical.product_layer import ProductLayer, products
from seqgan_kit.sequences.generators.lstm import lstm_cell
from seqgan_kit.sequences.sampling.rows_in_progress import State
from seqgan_kit.sequences.sampling.stepper import Stepper


@dataclass(frozen=True)
@bounded
class LeakConfig:
    """Settings of LeakGAN's generator and of the discriminator whose features it reads; the defaults are
    those of the authors' code for T=20."""

    embedding: Size = 32
    """Width of the Worker's token embeddings."""
    hidden: Size = 32
    """Width of the Manager's and the Worker's LSTM."""
    goal: Size = 16
    """k: width of the goal embedding that the Worker's actions are multiplied with."""
    step: Positive = 4
    """c: tokens that a goal looks ahead, and number of goals that the Worker follows at once."""
    initial_std: Weight | None = 0.1
    """Standard deviation of the initial parameters, N(0, std). None: torch's own initialisation."""
    trunk: TextCNNConfig = TextCNNConfig()
    """The discriminator's network, of which the generator has a copy."""


class LeakGenerator(SequenceGenerator):
    """Manager and Worker.

        f_t = F(y_1:t, padded)              g_t = M(f_t) / |M(f_t)|
        w_t = psi(g_t-1 + ... + g_t-c)      G(. | y_1:t) = softmax(O_t w_t / |w_t|)

    F is a copy of the discriminator's trunk, which no gradient changes (``leak_from``). M is an LSTM and a
    linear layer, psi a linear map without bias, and the action embedding O_t [V,k] a linear function of the
    Worker's LSTM. So a logit is linear in the product of w_t and the LSTM's output, which is what ``encode``
    returns [B,T,k*(H+1)] (1 stands for O_t's bias).

    Likelihood and policy gradient reach the Worker alone, because it reads the goals without gradients. The
    Manager has a loss of its own, on ``goals``. psi of a goal before the first is a vector that the Worker
    learns.
    """

    def __init__(
        self,
        config: LeakConfig,
        vocabulary: int,
        length: int,
        *,
        bos: int,
        eos: int | None,
        pad: int | None,
        given: int = 0,
        rng: torch.Generator | None = None,
    ):
        if given:
            raise UsageError(
                f"given is {given}, but LeakGAN's generator takes no condition: leave out the sources or "
                "choose another method."
            )
        if length < config.step:
            raise UsageError(
                f"rows have {length} tokens, but a goal looks {config.step} ahead: use --generator.step "
                f"{length} or less, or longer rows."
            )
        width = config.goal * (config.hidden + 1)
        super().__init__(
            vocabulary, length, width, bos, eos, pad, output=ProductLayer(vocabulary, width)
        )
        self.config = config
        self.trunk = TextCNN(config.trunk, vocabulary, length, pad=pad).requires_grad_(False)
        features = self.trunk.features
        self.manager = nn.LSTM(features, config.hidden, batch_first=True)
        self.goal = nn.Linear(config.hidden, features)
        self.embedding = nn.Embedding(vocabulary, config.embedding)
        self.worker = nn.LSTM(config.embedding, config.hidden, batch_first=True)
        self.psi = nn.Linear(features, config.goal, bias=False)
        self.first = nn.Parameter(torch.empty(config.goal).normal_(0.0, 0.1, generator=rng))
        self.temperature = 1.0
        if config.initial_std is not None:
            for parameter in self.parameters():
                if parameter.requires_grad:
                    nn.init.normal_(parameter, 0.0, config.initial_std, generator=rng)

    def leak_from(self, trunk: nn.Module) -> None:
        """Copy the weights of a discriminator's trunk."""
        self.trunk.load_state_dict(trunk.state_dict())

    def encode(self, inputs: Tensor) -> Tensor:
        """See the base class; ``inputs`` are ids."""
        return self.work(inputs, self.goals(prefix_features(self.trunk, inputs, self.length)))

    def features(self, rows: Tensor) -> Tensor:
        """Return f_0 ... f_T [B,T+1,F] of rows [B,T]."""
        inputs = F.pad(rows, (1, 0), value=self.bos)
        return prefix_features(self.trunk, inputs, self.length)

    def goals(self, features: Tensor) -> Tensor:
        """Return the Manager's goals [B,n,F], of unit length, after features [B,n,F]."""
        with recurrent_precision(features):
            return F.normalize(self.goal(self.manager(features)[0]), dim=-1)

    def work(self, inputs: Tensor, goals: Tensor) -> Tensor:
        """Return hidden states [B,n,k*(H+1)] of inputs [B,n] with the Manager's goals [B,n,F]."""
        with recurrent_precision(inputs):
            hidden = self.worker(self.embedding(inputs))[0]
        steps = self.config.step
        before = self.first.expand(len(inputs), steps, -1)
        directions = torch.cat([before, self.psi(goals.detach())[:, :-1]], 1)
        return self._actions(hidden, directions.unfold(1, steps, 1).sum(-1))

    def start(self, given: Tensor) -> State:
        """Return the number of inputs read [B], the state of the features, the LSTM state of the Manager, the
        last c goals' psi [B,c*k] and the LSTM state of the Worker."""
        rows = len(given)
        zeros = self.first.new_zeros(rows, self.config.hidden)
        recent = self.first.repeat(self.config.step).expand(rows, -1)
        cells = sum(width * filters for width, filters in self.trunk.filters)
        empty = (zeros.new_full((rows, n), -torch.inf) for n in (cells, self.trunk.features))
        place = torch.zeros(rows, dtype=torch.int64, device=zeros.device)
        return (place, *empty, zeros, zeros, recent, zeros, zeros)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See the base class; ``inputs`` are ids."""
        words, index = inputs.unique(return_inverse=True)
        weight: Tensor = self.worker.all_weights[0][0]
        with recurrent_precision(inputs):
            with torch.no_grad():
                reader = PrefixFeatures(self.trunk, self.length, words)
            gates = F.linear(self.embedding(words), weight)
            return self._advance(reader, gates, index, state)

    def stepper(self) -> Stepper:
        """Return a stepper with tables of what the features and the Worker's LSTM add for every token."""
        weight = self.embedding.weight
        with torch.no_grad(), recurrent_precision(weight):
            reader = PrefixFeatures(self.trunk, self.length)
            gates = F.linear(weight, self.worker.all_weights[0][0])

        def advance(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            with recurrent_precision(tokens):
                return self._advance(reader, gates, tokens, state)

        return replace(super().stepper(), advance=advance)

    def _advance(
        self, reader: PrefixFeatures, gates: Tensor, inputs: Tensor, state: State
    ) -> tuple[Tensor, State]:
        place, sums, best, manager, manager_cell, recent, worker, worker_cell = state
        with torch.no_grad():
            sums, best = reader.read(inputs, place, sums, best)
            features = reader.highway(reader.pooled(sums, best))
        wanted = recent.unflatten(1, (-1, self.config.goal)).sum(1)
        weights = self.manager.all_weights[0]
        manager, manager_cell = _next(
            weights, F.linear(features, weights[0]), manager, manager_cell
        )
        goal = F.normalize(self.goal(manager), dim=-1)
        recent = torch.cat([recent[:, self.config.goal :], self.psi(goal.detach())], 1)
        given = gates.index_select(0, inputs)
        worker, worker_cell = _next(self.worker.all_weights[0], given, worker, worker_cell)
        following = (place + 1, sums, best, manager, manager_cell, recent, worker, worker_cell)
        return self._actions(worker, wanted), following

    def _actions(self, hidden: Tensor, wanted: Tensor) -> Tensor:
        """Return the products [...,k*(H+1)] of unit vectors along w [...,k] and hidden states [...,H]."""
        return products(F.normalize(wanted, dim=-1) / self.temperature, hidden)


def _next(
    weights: Sequence[Tensor], gates: Tensor, hidden: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the next state of an LSTM, given the product [B,4H] of its input and the weights for it."""
    _, into, bias, recurrent_bias = weights
    return lstm_cell(gates + F.linear(hidden, into, bias + recurrent_bias), cell)


@contextmanager
def at_temperature(generator: LeakGenerator, temperature: float) -> Iterator[None]:
    """Let samples and probabilities of the generator be those at a temperature."""
    before, generator.temperature = generator.temperature, generator.temperature * temperature
    try:
        yield
    finally:
        generator.temperature = before


def build_leak_generator(
    config: LeakConfig, vocabulary: int, length: int, *, bos: int, eos: int | None, pad: int | None
) -> LeakGenerator:
    """Build the generator for V tokens and T positions, if it fits into memory."""
    make = partial(LeakGenerator, config, vocabulary, length, bos=bos, eos=eos, pad=pad)
    check_training_memory(f"a LeakGAN generator on {vocabulary:,} tokens", make, config, vocabulary)
    return make()

"""Variance and cost of REINFORCE's estimates of the generator's gradient.

Variance is the sum over parameters of the variance of an estimate at fixed weights. An estimator with K
times the variance needs K times the batch for the same noise, so variance x cost measures efficiency.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgan_kit.bench.side_by_side import machine, timed
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Loss, Move
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.estimators.baselines import BASELINES, baseline_players, critic_loss
from seqgan_kit.sequences.estimators.controls.controlled_reinforce import ControlledReinforce
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.maximum_likelihood import mle_loss
from seqgan_kit.sequences.worlds.oracle import open_oracle

Way = Reinforce | ControlledReinforce

CONTROLLED = (
    ControlledReinforce(Reinforce(0), "rebar"),
    ControlledReinforce(Reinforce(0), "relax"),
    ControlledReinforce(Reinforce(0, "batch"), "rebar"),
    ControlledReinforce(Reinforce(0, "batch"), "relax"),
)
# The paper's estimator first, then baselines with fewer rollouts, then the other baselines at N=4, then
# control variates without rollouts, beside none.
ESTIMATORS: tuple[Way, ...] = (
    Reinforce(16, "none"),
    *(Reinforce(rollouts, "batch") for rollouts in (16, 4, 1, 0)),
    *(Reinforce(4, baseline) for baseline in BASELINES if baseline not in ("none", "batch")),
    Reinforce(0, "none"),
    *CONTROLLED,
)
# Updates of controls and of baselines with a memory before the measurement.
_WARM_UP_MOVES = 100
# Train the discriminator to this accuracy (mean of ten updates). An untrained one rewards all
# samples alike, and then any baseline looks perfect.
_ENOUGH_ACCURACY = 0.85


@dataclass(frozen=True)
class VarianceSetting:
    """Settings of the benchmark; V and T are those of the SeqGAN paper's oracle world."""

    vocabulary: int = 5000
    length: int = 20
    hidden: int = 32
    """Width of embeddings and LSTM, in oracle and generator."""
    batch: int = 32
    """Sequences per estimate."""
    estimates: int = 10
    reals: int = 6400
    """Training sequences from the oracle."""
    mle_epochs: int = 2
    discriminator_moves: int = 200
    """Maximum number of updates of D; it stops when its accuracy is high enough."""
    seed: int = 0


@dataclass(frozen=True)
class Noise:
    """Result of an estimator."""

    estimator: Way
    variance: float
    error: float
    """Standard error of the variance."""
    seconds: float
    """Median seconds per estimate."""


class _World:
    """A generator after maximum likelihood and a discriminator trained against it."""

    def __init__(self, setting: VarianceSetting):
        torch.manual_seed(setting.seed)
        self.setting, self.rng = setting, torch.Generator().manual_seed(setting.seed)
        size = {"vocabulary": setting.vocabulary, "length": setting.length}
        widths = {"embedding": setting.hidden, "hidden": setting.hidden}
        oracle = open_oracle(f"seed:{setting.seed}", **size, **widths)
        self.reals = oracle.sample(setting.reals, rng=self.rng)
        self.generator = LSTMGenerator(
            LSTMConfig(**widths), **size, bos=0, eos=None, pad=None, rng=self.rng
        )
        trunk = TextCNN(TextCNNConfig(), **size, pad=None)
        others: dict[str, nn.Module] = {}
        for baseline in BASELINES:
            others |= baseline_players(baseline, self.generator, setting.batch)
        self.discriminator = Discriminator(trunk, trunk.features)
        self.game: AdversarialGame = AdversarialGame(
            self.generator,
            self.discriminator,
            expected_probability(),
            Reinforce(0),
            others=others,
        )
        self.move = Move("variance", 0, 1, self.rng)
        self.controls = {way: way.players(self.generator, setting.batch) for way in CONTROLLED}

    def batches(self, count: int) -> Iterator[Batch]:
        """Yield ``count`` batches of 64 oracle sequences."""
        for _ in range(count):
            rows = torch.randint(len(self.reals), (64,), generator=self.rng)
            yield {"real": self.reals[rows]}

    def learn(self) -> float:
        """Train both players, then controls and baselines with a memory; return D's final accuracy."""
        moves = self.setting.mle_epochs * len(self.reals) // 64
        losses = (mle_loss(self.generator, batch) for batch in self.batches(moves))
        _descend(self.generator, losses, 1e-2)
        batches = self.batches(self.setting.discriminator_moves)
        judged = (self.game.discriminator_loss(batch, self.move) for batch in batches)
        accuracy = _descend(self.discriminator, judged, 1e-3)
        _descend(self.game.players["critic"], self._remembered(), 1e-2)
        for way, players in self.controls.items():
            _descend(players["control"], self._controlled(way), 1e-2)
        return accuracy

    def _remembered(self) -> Iterator[Loss]:
        """Yield the critic's losses; rewards of whole sequences have the same mean as those of rollouts."""
        for _ in range(_WARM_UP_MOVES):
            for baseline in ("moving_average", "critic"):
                self.estimate(Reinforce(0, baseline))
            yield critic_loss(self.game)

    def _controlled(self, way: ControlledReinforce) -> Iterator[Loss]:
        """Yield a control's losses, each on the rows of a new estimate."""
        for _ in range(_WARM_UP_MOVES):
            self.estimate(way)
            yield way.control_loss(self.game, self.move)

    def estimate(self, estimator: Way) -> Tensor:
        """Return minus an estimate of the gradient, [parameters]."""
        if isinstance(estimator, ControlledReinforce):
            self.game.players.update(self.controls[estimator])
        batch = {"real": self.reals[: self.setting.batch]}
        loss = estimator.generator_loss(self.game, batch, self.move)
        gradients = torch.autograd.grad(loss.total, list(self.generator.parameters()))
        return torch.cat([gradient.flatten() for gradient in gradients])


def _descend(player: nn.Module, losses: Iterable[Loss], learning_rate: float) -> float:
    """Train with Adam; stop when D's logged accuracy is high enough, and return it."""
    optimizer = torch.optim.Adam(player.parameters(), learning_rate)
    recent: deque[float] = deque([0.0] * 10, maxlen=10)
    for loss in losses:
        optimizer.zero_grad()
        loss.total.backward()
        nn.utils.clip_grad_norm_(player.parameters(), 5.0)
        optimizer.step()
        recent.append(float(loss.logs.get("discriminator_accuracy", 0.0)))
        if statistics.fmean(recent) >= _ENOUGH_ACCURACY:
            break
    return statistics.fmean(recent)


def total_variance(estimates: Tensor) -> tuple[float, float]:
    """Return the total variance over parameters of ``estimates`` [K,P], K > 1, and its standard error."""
    count = len(estimates)
    distances = (estimates - estimates.mean(0)).double().square().sum(1) * (count / (count - 1))
    return distances.mean().item(), distances.std().item() / count**0.5


def measure_noise(
    setting: VarianceSetting, progress: Callable[[str], None] = lambda line: None
) -> list[Noise]:
    """Measure every estimator in turns, at the same weights."""
    world = _World(setting)
    accuracy, seconds = timed(world.learn)
    progress(f"trained in {seconds:.0f} s; discriminator accuracy {accuracy:.0%}")
    found: dict[Way, list[tuple[Tensor, float]]] = {way: [] for way in ESTIMATORS}
    for _ in range(setting.estimates):
        for way, results in found.items():
            results.append(timed(lambda way=way: world.estimate(way)))  # type: ignore[misc]
    return [
        Noise(
            way,
            *total_variance(torch.stack([estimate for estimate, _ in results])),
            statistics.median(seconds for _, seconds in results),
        )
        for way, results in found.items()
    ]


def report(setting: VarianceSetting, rows: list[Noise]) -> str:
    """Return the table as text; the last column is relative to the first row."""
    first = rows[0].variance * rows[0].seconds
    return "\n".join(
        [
            f"variance of the generator's gradient: V={setting.vocabulary}, T={setting.length}, batch "
            f"{setting.batch}, {setting.estimates} estimates each, {machine()}",
            f"  {'rollouts':<10}{'baseline':<16}{'control':<9}{'variance':>12}{'+-':>10}{'seconds':>10}"
            f"{'variance x cost':>18}",
            *(
                f"  {_named(row.estimator)}{row.variance:>12.4g}{row.error:>10.2g}{row.seconds:>10.3f}"
                f"{row.variance * row.seconds / first:>18.3f}"
                for row in rows
            ),
        ]
    )


def _named(way: Way) -> str:
    if isinstance(way, ControlledReinforce):
        return _columns(way.inner, way.control)
    return _columns(way, "none")


def _columns(plain: Reinforce, control: str) -> str:
    return f"N={plain.rollouts:<8}{plain.baseline:<16}{control:<9}"

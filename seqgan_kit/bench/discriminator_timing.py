"""Time training steps of the discriminator against a plain TextCNN, in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.bench.plain_textcnn import PlainTextCNN
from seqgan_kit.bench.side_by_side import (
    Seconds,
    machine,
    matrix_flops_per_second,
    ratio_line,
    seconds_line,
    time_in_turns,
)
from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.game import Batch, Move
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, score_penalty
from seqgan_kit.sequences.discriminators.weight_penalty import ScoreDecay


@dataclass(frozen=True)
class DiscriminatorSetting:
    """Settings of the benchmark; the defaults are those of the SeqGAN paper."""

    batch: int = 64
    """Real sequences per step, and as many generated ones."""
    length: int = 20
    vocabulary: int = 5000
    repeats: int = 20
    seed: int = 0


class _Given(Pathwise):
    """An estimator that takes the fakes from the batch."""

    def fakes(self, game: AdversarialGame, batch: Batch, n: int, move: Move) -> Tensor:
        return batch["fake"]


class _Players:
    """The paper's discriminator with initial weights, a plain one with the same weights, and their losses."""

    def __init__(self, setting: DiscriminatorSetting):
        torch.manual_seed(setting.seed)
        size = (setting.vocabulary, setting.length)
        self.ours = build_discriminator(DiscriminatorChoice(), *size, pad=None)
        self.plain = PlainTextCNN(_trunk(self.ours), cast(nn.Linear, self.ours.score))
        penalties = (ScoreDecay(),)
        self.game: AdversarialGame = AdversarialGame(
            nn.Identity(), self.ours, expected_probability(), _Given(), penalties
        )
        tokens = torch.randint(setting.vocabulary, (2, setting.batch, setting.length))
        self.batch = {"real": tokens[0], "fake": tokens[1]}
        self.move = Move("measurement", 0, 1, torch.Generator().manual_seed(setting.seed))

    def our_loss(self) -> Tensor:
        return self.game.discriminator_loss(self.batch, self.move).total

    def plain_loss(self) -> Tensor:
        real, fake = self.plain(self.batch["real"]), self.plain(self.batch["fake"])
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        return loss + 2 * ScoreDecay().weight * score_penalty(self.plain.score)

    def difference(self) -> float:
        """Return the difference of the filters' gradients relative to their norm, without dropout."""
        with evaluating(self.game, self.plain):
            ours, plain = (
                torch.cat([g.flatten() for g in torch.autograd.grad(loss(), list(parameters))])
                for loss, parameters in (
                    (self.our_loss, _trunk(self.ours).convolutions.parameters()),
                    (self.plain_loss, self.plain.convolutions.parameters()),
                )
            )
        return ((ours - plain).norm() / plain.norm()).item()


def discriminator_report(setting: DiscriminatorSetting) -> str:
    """Time steps of the discriminator: loss on reals and fakes, gradients, Adam."""
    players = _Players(setting)
    difference = players.difference()
    trunk = _trunk(players.ours)
    seconds = time_in_turns(
        {
            "plain": _training_step(players.plain_loss, torch.optim.Adam, players.plain),
            "library": _training_step(
                players.our_loss,
                lambda parameters, rate: Optimizer(rate).build(parameters),
                players.ours,
            ),
        },
        setting.repeats,
    )
    rows = 2 * setting.batch
    return "\n".join(
        [
            f"discriminator: TextCNN of {trunk.features} filters, V={setting.vocabulary}, "
            f"T={setting.length}, {setting.batch} reals and {setting.batch} fakes per step, "
            f"{machine()}",
            seconds_line("plain, Conv1d and autograd", seconds["plain"], rows),
            seconds_line("library, winning windows", seconds["library"], rows),
            ratio_line(seconds["plain"], seconds["library"]),
            _floor_line(trunk, rows, seconds["library"]),
            f"  the filters' gradients differ by {difference:.1e} of their norm",
        ]
    )


def step_flops(trunk: TextCNN, rows: int, *, sparse: bool) -> float:
    """Return the floating-point operations of a training step on ``rows`` sequences.

    Both ways read all windows in the forward pass and compute three products in the highway layer. In the
    backward pass the plain way reads all windows twice more, although only the winning ones matter.
    """
    windows = sum(width * count * (trunk.length - width + 1) for width, count in trunk.filters)
    winners = sum(width * count for width, count in trunk.filters)
    size = trunk.config.embedding
    convolutions = size * (windows + 2 * (winners if sparse else windows))
    return 2 * rows * (convolutions + 3 * 2 * trunk.features**2)


def _floor_line(trunk: TextCNN, rows: int, seconds: Seconds) -> str:
    sparse, dense = (step_flops(trunk, rows, sparse=sparse) for sparse in (True, False))
    rate = matrix_flops_per_second(rows, trunk.features)
    return (
        f"  floor: {sparse / 1e9:.1f} GFLOP (plain: {dense / 1e9:.1f}) at "
        f"{rate / 1e9:.0f} GFLOP/s {1000 * sparse / rate:.1f} ms, which is "
        f"1/{statistics.median(seconds) * rate / sparse:.1f} of the measured time"
    )


def _training_step(
    loss: Callable[[], Tensor],
    optimizer_of: Callable[[list[nn.Parameter], float], torch.optim.Optimizer],
    network: nn.Module,
) -> Callable[[], None]:
    optimizer = optimizer_of(list(network.parameters()), 1e-4)

    def step() -> None:
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _trunk(discriminator: Discriminator) -> TextCNN:
    assert isinstance(discriminator.trunk, TextCNN)
    return discriminator.trunk

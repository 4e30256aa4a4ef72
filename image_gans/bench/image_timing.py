"""Time the trainer's rounds against hand-written loops, alternating between them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from image_gans.bench.bare_loops import BareDCGAN, BareLoop, BareWGANGP
from image_gans.bench.bare_pix2pix import BarePix2Pix
from image_gans.bench.image_setting import ImageSetting
from image_gans.methods.translation.pix2pix import Pix2PixMethod
from seqgan_kit.bench.side_by_side import (
    Seconds,
    machine,
    matrix_flops_per_second,
    seconds_line,
    time_in_turns,
)
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.image_corpus import normalised

_ROUNDS = 1_000_000  # length of the phase; the measurement ends earlier
_MATRIX = 1024


class HandWritten(Protocol):
    """A hand-written loop."""

    players: nn.ModuleDict

    def play_round(self) -> None:
        """Make the updates of a round."""


class WatchedFeed(TensorFeed):
    """A feed that measures the time of its batches."""

    seconds = 0.0

    def next_batch(self) -> dict[str, Tensor]:
        begin = time.perf_counter()
        batch = super().next_batch()
        self.seconds += time.perf_counter() - begin
        return batch


@dataclass(frozen=True)
class _RunConfig:
    run: RunSettings


@contextmanager
def trainer_of(
    setting: ImageSetting, *, channels_last: bool = True, **run_settings: Any
) -> Iterator[Trainer]:
    """Return a trainer as in a recipe, in a temporary folder."""
    with TemporaryDirectory() as folder:
        settings = RunSettings(
            out=Path(folder) / "run", seed=setting.seed, quiet=True, device=setting.device,
            save_every_minutes=1e6, **run_settings,
        )  # fmt: skip
        with open_run("bench", _RunConfig(settings)) as run:
            game = setting.game()
            if not channels_last:
                game = game.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
            tensors = {"real": setting.pictures()}
            feed = WatchedFeed(tensors, setting.batch, transform=normalised, **run.share())
            yield Trainer(run, game, [setting.phase()], feed)


def bare_loop(setting: ImageSetting, trainer: Trainer) -> HandWritten:
    """Return the hand-written loop with the trainer's present state."""
    feed = trainer.feeds["train"]
    assert isinstance(feed, TensorFeed)
    if setting.method == "pix2pix":
        method = Pix2PixMethod()
        return BarePix2Pix(
            trainer.game.players, setting.pair_training(), method.generator.learning_rate,
            method.distance_weight, feed.tensors["real"], feed._order,
        )  # fmt: skip
    loop: type[BareLoop] = BareDCGAN if setting.method == "dcgan" else BareWGANGP
    players = trainer.game.players
    rng = trainer.state.runtime.generator("moves")
    return loop(
        players["generator"], players["discriminator"],  # type: ignore[arg-type]
        setting.training(), feed.tensors["real"], feed._order, rng,
    )  # fmt: skip


def image_report(setting: ImageSetting) -> str:
    """Report the time of the trainer, the bare loop, data loading, the floor and requested options."""
    with ExitStack() as stack:
        trainer = stack.enter_context(trainer_of(setting))
        bare = bare_loop(setting, trainer)
        ways: dict[str, Callable[[], object]] = {
            "bare": bare.play_round,
            "trainer": lambda: trainer.play_round(trainer.phases[0], _ROUNDS),
        }
        for way in ways.values():
            way()
        apart = difference(trainer.game, bare)
        others = dict(_options(setting, stack)) if setting.options else {}
        refused = {name: why for name, other in others.items() if (why := _refusal(other))}
        ways |= {name: other for name, other in others.items() if name not in refused}
        watched = trainer.feeds["train"]
        assert isinstance(watched, WatchedFeed)
        seconds = time_in_turns(ways, setting.repeats)
        feeding = watched.seconds / (setting.repeats + 2)
        flops = round_flops(bare)
        lines = [*_lines(setting, seconds, feeding, flops, apart)]
        return "\n".join(
            [*lines, *(f"  {name}: unavailable ({why})" for name, why in refused.items())]
        )


def difference(game: AdversarialGame | nn.Module, bare: HandWritten) -> float:
    """Return the difference between the two sets of parameters, relative to their norm."""
    ours = torch.cat([p.detach().flatten() for p in game.players.parameters()])  # type: ignore[union-attr]
    theirs = torch.cat([p.detach().flatten() for p in bare.players.parameters()])
    return ((ours - theirs).norm() / theirs.norm()).item()


class FlopCount(TorchDispatchMode):
    """Counts the operations of convolutions and matrix products, forwards and backwards.

    torch's own counter also tracks modules, which fails for gradients inside a loss.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=result)
        return result


def round_flops(bare: HandWritten) -> int:
    """Return the floating-point operations of a round."""
    with FlopCount() as counter:
        bare.play_round()
    return counter.total


def _options(setting: ImageSetting, stack: ExitStack) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield trainers with one option changed at a time."""
    changed: dict[str, dict[str, Any]] = {
        "trainer, channels in front": {"channels_last": False},
        "trainer, bf16": {"precision": "bf16"},
        "trainer, compile": {"compile": True},
    }
    for name, changes in changed.items():
        other = stack.enter_context(trainer_of(setting, **changes))
        yield name, lambda other=other: other.play_round(other.phases[0], _ROUNDS)  # type: ignore[misc]


def _refusal(way: Callable[[], object]) -> str:
    """Return why an option is unavailable on this machine (no compiler, no bf16), or an empty text."""
    try:
        way()
    except (RuntimeError, NotImplementedError) as error:
        return str(error).strip().splitlines()[0]
    return ""


def _lines(
    setting: ImageSetting,
    seconds: Mapping[str, Seconds],
    feeding: float,
    flops: int,
    apart: float,
) -> Iterator[str]:
    yield (
        f"{setting.method}: {setting.size}x{setting.size} pixels, width {setting.width}, batch "
        f"{setting.batch}, a round is {setting.turns}, {machine()}"
    )
    for name, times in seconds.items():
        yield seconds_line(name, times, setting.images_a_round, "images") + _beside(
            times, seconds["trainer"]
        )
    ratios = sorted(
        ours / bare for ours, bare in zip(seconds["trainer"], seconds["bare"], strict=True)
    )
    yield (
        f"  {'trainer / bare, turn by turn':<34}{statistics.median(ratios):8.3f}     "
        f"(smallest {ratios[0]:.3f}, largest {ratios[-1]:.3f})"
    )
    own = statistics.median(seconds["trainer"])
    yield f"  {'data feeding':<34}{1000 * feeding:8.2f} ms, {100 * feeding / own:.1f} % of a round"
    rate = matrix_flops_per_second(_MATRIX, _MATRIX)
    yield (
        f"  floor: {flops / 1e9:.1f} GFLOP at {rate / 1e9:.0f} GFLOP/s of a matrix product "
        f"{1000 * flops / rate:.0f} ms, {100 * flops / rate / own:.0f} % of the trainer's time"
    )
    yield f"  after the first round the parameters differ by {apart:.1e} of their norm"


def _beside(times: Seconds, trainer: Seconds) -> str:
    """Return the time as a multiple of the trainer's, or nothing for the trainer itself."""
    if times is trainer:
        return ""
    ratios = [other / own for other, own in zip(times, trainer, strict=True)]
    return f"   {statistics.median(ratios):.2f} of the trainer's time"

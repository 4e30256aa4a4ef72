"""Time several ways to do the same work, in turns within one run, so that other load affects them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

from seqgan_kit.core.products import library, linear

Result = TypeVar("Result")
Seconds = list[float]


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return the result of the work and its seconds; on a GPU it waits for all kernels."""
    _wait()
    begin = time.perf_counter()
    result = work()
    _wait()
    return result, time.perf_counter() - begin


def _wait() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def time_in_turns(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Seconds]:
    """Return the seconds of every repetition of every way, after one warm-up of each."""
    for way in ways.values():
        way()
    seconds: dict[str, Seconds] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            seconds[name].append(timed(way)[1])
    return seconds


def ratio_line(slow: Seconds, fast: Seconds) -> str:
    """Format the speedup per turn: median, smallest, largest."""
    ratios = sorted(one / other for one, other in zip(slow, fast, strict=True))
    return (
        f"  {'ratio':<34}{statistics.median(ratios):8.1f}     "
        f"(smallest {ratios[0]:.1f}, largest {ratios[-1]:.1f})"
    )


def seconds_line(name: str, seconds: Seconds, items: int = 0, what: str = "sequences") -> str:
    """Format a way's median time, and the items per second if given."""
    median = statistics.median(seconds)
    unit = f"{median:8.2f} s" if median >= 1 else f"{1000 * median:8.1f} ms"
    return f"  {name:<34}{unit}" + (f"{items / median:10.0f} {what}/s" if items else "")


def machine() -> str:
    """Return the conditions of a measurement besides the machine itself."""
    return f"{torch.get_num_threads()} threads, torch {torch.__version__}, products by {library()}"


def matrix_flops_per_second(rows: int, features: int) -> float:
    """Measure float32 operations per second of a linear layer [rows,F] -> [rows,2F]; return the best of
    five.
    """
    inputs, weight = torch.randn(rows, features), torch.randn(2 * features, features)
    seconds = [timed(lambda: linear(inputs, weight))[1] for _ in range(6)][1:]
    return 4 * rows * features**2 / min(seconds)


def floor_line(flops: float, features: int, seconds: Seconds, rows: int = 1024) -> str:
    """Format the least time of so many operations in products of width F, beside the median time taken."""
    rate = matrix_flops_per_second(rows, features)
    floor = flops / rate
    return (
        f"  floor: {flops / 1e9:.0f} GFLOP of matrix products at {rate / 1e9:.0f} GFLOP/s take "
        f"{floor:.2f} s, 1/{statistics.median(seconds) / floor:.1f} of the library's time"
    )

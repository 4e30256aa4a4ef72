"""How the temperature of relaxed samples falls over the rounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

Course = Literal[
    "geometric",
    "linear",
    "constant",
    "inverse_linear",
    "inverse_log",
    "inverse_sigmoid",
    "inverse_quadratic",
    "inverse_root",
]

POLICIES: tuple[Course, ...] = (
    "geometric",
    "inverse_linear",
    "inverse_log",
    "inverse_sigmoid",
    "inverse_quadratic",
    "inverse_root",
)
"""The policies of RelGAN's code; its own is the first."""

_RISES: Mapping[str, Callable[[float, int], float]] = {
    "inverse_linear": lambda p, rounds: p,
    "inverse_log": lambda p, rounds: math.log1p(p * (rounds - 1)) / math.log(rounds),
    "inverse_sigmoid": lambda p, rounds: 1 / (1 + math.exp(20 * (0.5 - p))),
    "inverse_quadratic": lambda p, rounds: p**2,
    "inverse_root": lambda p, rounds: math.sqrt(p),
}


def temperature_at(
    progress: float, start: float, end: float, course: Course, rounds: int = 2
) -> float:
    """Return the temperature: ``start`` at progress 0, exactly ``end`` at 1.

        geometric  tau = start^(1-p) end^p      linear  tau = (1-p) start + p end      constant  tau = end
        inverse_*  1/tau = 1/start + (1/end - 1/start) s,  with the share s of the rise:
            linear p         log ln(1 + p(N-1)) / ln N         sigmoid 1 / (1 + e^(20(1/2 - p)))
            quadratic p^2    root sqrt p

    The inverse courses, and the geometric one from 1, are the policies of RelGAN's code (Nie et al. 2019). A
    sigmoid begins and ends at 0.00005 and 0.99995 of the rise, as there.

    Args:
        progress: p, the share of the rounds that is over.
        start: temperature in the first round.
        end: temperature in the last round.
        course: the curve in between.
        rounds: N, which the logarithm alone reads.
    """
    if course == "constant":
        return end
    if course == "linear":
        return (1 - progress) * start + progress * end
    if course == "geometric":
        return float(start ** (1 - progress) * end**progress)
    share = _RISES[course](progress, max(2, rounds))
    return end if share == 1 else 1 / (1 / start + (1 / end - 1 / start) * share)

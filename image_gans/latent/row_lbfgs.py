r"""L-BFGS of many small problems at once (Nocedal 1980, "Updating quasi-Newton matrices with limited
storage").

Each row x_i of [N,d] minimises its own f_i, with its own curvature, direction and step:

    p = -H grad f(x)              H from the last m pairs s = x' - x, y = grad f(x') - grad f(x)
    x' = x + t p                  t = 1, 1/2, 1/4, ... until f(x') <= f(x) + c t p . grad f(x)

torch.optim.LBFGS would take the rows for one problem, with one step for all of them. A row whose line search
fails stays where it is and forgets its pairs; it goes on along the gradient, and rests if that fails too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError

Objective = Callable[[Tensor, Tensor], Tensor]
"""Function of rows [M,d] and their numbers [M] to values [M]; no value depends on another row."""
_DECREASE = 1e-4
_HALVINGS = 12
_TOLERANCE = 1e-9
"""A row rests after a step that lowers its value by less, as a share of the value or of 1."""
_LEAST_CURVATURE = 1e-10


class MinimisedRows(NamedTuple):
    """Where the rows ended."""

    rows: Tensor
    """[N,d]."""
    values: Tensor
    """[N]."""


def minimised(
    objective: Objective, starts: Tensor, *, moves: int = 50, memory: int = 8
) -> MinimisedRows:
    """Minimise the objective of each row from its start; no row ends above it.

    Args:
        objective: see above; it must have a gradient.
        starts: [N,d].
        moves: largest number of steps of each row.
        memory: number of pairs (m).
    """
    if moves < 1 or memory < 1 or not len(starts):
        raise UsageError(
            f"a search of {moves} moves with a memory of {memory} from {len(starts)} starts goes nowhere; "
            "it needs at least 1 of each."
        )
    everyone = torch.arange(len(starts), device=starts.device)
    x = starts.detach().clone()
    value, slope = _evaluated(objective, x, everyone)
    active = torch.ones_like(everyone, dtype=torch.bool)
    pairs = list[tuple[Tensor, Tensor, Tensor]]()
    for _ in range(moves):
        way, downhill = -_curved(slope, pairs), -slope * _unit_step(slope)[:, None]
        way = torch.where(((way * slope).sum(1) >= 0)[:, None], downhill, way)
        after, after_value, after_slope = _line_search(objective, x, value, slope, way, active)
        moved, bent = after - x, after_slope - slope
        curvature = (moved * bent).sum(1)
        scale = torch.where(curvature > _LEAST_CURVATURE, 1 / curvature, 0.0)
        stuck = (moved == 0).all(1)
        gained = value - after_value > _TOLERANCE * value.abs().clamp_min(1.0)
        active = active & (gained | (stuck & (way != downhill).any(1)))
        if not active.any():
            return MinimisedRows(after, after_value)
        kept = [(s, y, torch.where(stuck, 0.0, rho)) for s, y, rho in pairs]
        pairs = [*kept, (moved, bent, scale)][-memory:]
        x, value, slope = after, after_value, after_slope
    return MinimisedRows(x, value)


def _curved(slope: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Return H grad f [N,d] by the recursion of two loops; a pair with scale 0 counts for nothing."""
    q, weights = slope.clone(), list[Tensor]()
    for s, y, rho in reversed(pairs):
        weights.append(rho * (s * q).sum(1))
        q -= weights[-1][:, None] * y
    q = q * _first_guess(slope, pairs)[:, None]
    for (s, y, rho), weight in zip(pairs, reversed(weights), strict=True):
        q += (weight - rho * (y * q).sum(1))[:, None] * s
    return q


def _first_guess(slope: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Return s.y / y.y [N] of each row's last pair that counts, and 1/|grad f|, at most 1, without one."""
    found = _unit_step(slope)
    for _, y, rho in pairs:
        usable = rho > 0
        found = torch.where(usable, 1 / (rho * (y * y).sum(1)).clamp_min(_LEAST_CURVATURE), found)
    return found


def _unit_step(slope: Tensor) -> Tensor:
    """Return the factors [N] that shorten gradients [N,d] to length 1; shorter ones stay."""
    return 1 / slope.norm(dim=1).clamp_min(1.0)


def _line_search(
    objective: Objective, x: Tensor, value: Tensor, slope: Tensor, way: Tensor, active: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows, values and gradients after a step of each active row; only those that failed are tried
    again."""
    found, values, slopes = x.clone(), value.clone(), slope.clone()
    wanted = _DECREASE * (way * slope).sum(1)
    left, step = active.nonzero().flatten(), 1.0
    for _ in range(_HALVINGS):
        tried = x[left] + step * way[left]
        tried_value, tried_slope = _evaluated(objective, tried, left)
        good = tried_value <= value[left] + step * wanted[left]
        done = left[good]
        found[done], values[done], slopes[done] = tried[good], tried_value[good], tried_slope[good]
        left, step = left[~good], step / 2
        if not len(left):
            break
    return found, values, slopes


def _evaluated(objective: Objective, x: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Return values [M] and gradients [M,d] at rows x."""
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        values = objective(x, numbers)
        (slopes,) = torch.autograd.grad(values.sum(), x)
    return values.detach(), slopes

"""Paths between latent vectors, images along them, and projection of images to latent vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from seqgan_kit.errors import UsageError

Interpolation = Callable[[Tensor, Tensor, Tensor], Tensor]


class LatentGenerator(Protocol):
    """A generator of images from latent vectors."""

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        """Sample latent vectors [n,d] as in training."""

    def __call__(self, z: Tensor) -> Tensor:
        """Generate images: [n,d] -> [n,C,H,W]."""


def linear(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """Interpolate linearly, (1-t) start + t end: [R,d], [R,d], [S] -> [S,R,d].

    Between normal latent vectors, the path has shorter vectors than G saw in training; see :func:`spherical`.
    """
    t = shares.to(start).view(-1, 1, 1)
    return torch.lerp(start.expand(len(t), -1, -1), end.expand(len(t), -1, -1), t)


def spherical(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """Interpolate along the great circle: [R,d], [R,d], [S] -> [S,R,d] (White 2016, "Sampling generative
    networks").

        r(t) (cos(t w) u + sin(t w) v)

    with u the direction of ``start``, v the unit vector at a right angle to u in the plane of both, w the
    angle between them, and r(t) going from one length to the other. Equal steps of t are equal angles, and
    between vectors of equal length every vector on the path has that length. Normal vectors of d dimensions
    lie close to the sphere of radius sqrt(d), so the path stays where G was trained. The ends are exact.

    Opposite vectors have no unique great circle, so a fixed one is used. The zero vector has no direction,
    so the path to it is straight.
    """
    a, b = start.double(), end.double()
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    u = torch.where(length_a > 0, a, b)
    u = u / u.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(u.dtype).tiny)
    along = torch.where(length_b > 0, b / length_b, u)
    cosine = (u * along).sum(-1, keepdim=True)
    across = along - cosine * u
    angle = torch.atan2(across.norm(dim=-1, keepdim=True), cosine)
    # Nearly opposite vectors leave only rounding errors across, so any fixed right angle is as good.
    opposite = (cosine < 0) & (across.norm(dim=-1, keepdim=True) < 1e-9)
    v = _unit(torch.where(opposite, _right_angle(u), across))
    t = shares.to(a).view(-1, 1, 1)
    way = torch.lerp(length_a, length_b, t) * (torch.cos(t * angle) * u + torch.sin(t * angle) * v)
    way = torch.where(t == 0, a, torch.where(t == 1, b, way))
    return way.to(start)


def strip(
    generate: Callable[[Tensor], Tensor],
    starts: Tensor,
    ends: Tensor,
    steps: int,
    way: Interpolation = spherical,
) -> Tensor:
    """Generate images on the paths from ``starts`` to ``ends``: [R,d], [R,d] -> [R*steps,C,H,W], row by row.

    In a grid with ``steps`` columns, each row is one path with both ends.
    """
    if steps < 2:
        raise UsageError(f"a path of {steps} steps has no two ends: give 2 or more.")
    shares = torch.linspace(0, 1, steps, dtype=torch.float64, device=starts.device)
    latents = way(starts, ends, shares)
    return generate(latents.transpose(0, 1).flatten(0, 1))


def _unit(x: Tensor) -> Tensor:
    """Return x / |x| along the last dimension, and 0 for 0."""
    return x / x.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)


def _right_angle(u: Tensor) -> Tensor:
    """Return a vector orthogonal to each unit vector u [R,d], from the axis where u is smallest."""
    axis = torch.zeros_like(u).scatter_(-1, u.abs().argmin(-1, keepdim=True), 1.0)
    return axis - (axis * u).sum(-1, keepdim=True) * u


@dataclass(frozen=True)
class Projection:
    """Latent vectors whose images are near a given image."""

    latents: Tensor
    """The nearest latent vector [R,d] found from each start."""
    distances: Tensor
    """Root mean square pixel difference [R] at these vectors, for pixels in [-1,1]."""
    before: Tensor
    """Distances [R] at the starts."""

    @property
    def best(self) -> int:
        """Return the index of the best start."""
        return int(self.distances.argmin())


def project(
    generate: Callable[[Tensor], Tensor],
    picture: Tensor,
    starts: Tensor,
    *,
    moves: int = 300,
    learning_rate: float = 0.1,
) -> Projection:
    """Search for latent vectors z with G(z) near a given image [C,H,W], from starts [R,d].

        z <- z - Adam(d/dz mean (G(z) - x)^2),   its learning rate falling to 0 along a half cosine

    All starts run in parallel, because a single one often ends in a local minimum. The nearest vector on
    each path is kept. G must be in evaluation mode, so that its images do not depend on each other.
    """
    if moves < 1 or learning_rate <= 0 or not len(starts):
        raise UsageError(
            f"a projection by {moves} moves of size {learning_rate:g} from {len(starts)} starts goes "
            "nowhere; it needs at least 1 move, a learning rate above 0 and at least 1 start."
        )
    with torch.enable_grad():
        z = starts.detach().clone().requires_grad_(True)
        optimizer = torch.optim.Adam([z], learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, moves)
        nearest, least = z.detach().clone(), torch.full((len(z),), float("inf")).to(z)
        before = least
        for move in range(moves + 1):
            squares = _mean_squares(generate(z), picture)
            before = squares.detach() if move == 0 else before
            better = squares.detach() < least
            least = torch.where(better, squares.detach(), least)
            nearest[better] = z.detach()[better]
            if move < moves:
                (z.grad,) = torch.autograd.grad(squares.sum(), z)
                optimizer.step()
                schedule.step()
    return Projection(nearest, least.sqrt(), before.sqrt())


def _mean_squares(pictures: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared differences [R] of images [R,C,H,W] from one image [C,H,W]."""
    if pictures.shape[1:] != target.shape:
        raise UsageError(
            f"the generator's images are {list(pictures.shape[1:])} and the given one is "
            f"{list(target.shape)}: give it in that size and number of channels."
        )
    return (pictures - target.to(pictures)).square().flatten(1).mean(1)

"""Modes that a generator covers, by the protocol of PacGAN and VEEGAN.

A sample is of high quality if it lies within three deviations of the nearest mode's centre. A mode is covered
if at least one sample of high quality is its own. With q the shares of the modes among the samples of high
quality and M modes,

    reverse KL = sum_m q_m log(q_m M)        (nats; KL(q || uniform), 0 log 0 = 0)

as in the authors' code (Lin et al. 2018, "PacGAN: The power of two samples in generative adversarial
networks"), which counts samples of high quality alone. The uniform distribution stands for the data, so a
perfect generator's value is above 0 by the chance of a finite sample: :func:`perfect_modes` says by how much.
For classes in place of places (Stacked-MNIST) every sample counts: :func:`mode_scores` takes counts.

None of these scores shows whether a mode has shrunk to a point, which :func:`spread_within` measures:

    spread^2 = (sum_m sum_i |x_mi - mean_m|^2 / sum_m (n_m - 1)) / v

with x_mi the n_m samples of high quality in mode m, and v what the quotient is expected to be for the world's
own samples: E[r^2 | r < 3 sd].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from image_gans.metrics.worlds import PointWorld
from seqgan_kit.errors import UsageError

DEVIATIONS = 3.0
"""A sample this many deviations from a centre, or nearer, is of high quality."""


@dataclass(frozen=True)
class ModeScores:
    """Scores of the protocol.

    Attributes:
        modes: how many are covered.
        high_quality: share of the samples that belong to a mode.
        reverse_kl: nats; absent (None) where no sample belongs to any.
        spread: of the samples within a mode, 1 if as wide as the world's; absent for classes, and where no
            mode has two samples.
    """

    modes: float
    high_quality: float
    reverse_kl: float | None
    spread: float | None = None

    def values(self) -> dict[str, float]:
        """Return the available scores by name."""
        found = {
            "modes": self.modes,
            "high_quality": 100 * self.high_quality,
            "reverse_kl": self.reverse_kl,
            "spread": self.spread,
        }
        return {name: value for name, value in found.items() if value is not None}


def nearest_modes(points: Tensor, world: PointWorld) -> tuple[Tensor, Tensor]:
    """Points [N,2] -> the nearest mode of each [N] and whether it is of high quality [N]."""
    # In float64: a deviation of 0.01 beside coordinates of 4 is near the end of float32's products.
    offsets = points.double()[:, None] - world.centres.to(points.device).double()
    distances, modes = offsets.norm(dim=2).min(1)
    return modes, distances <= DEVIATIONS * world.deviation


def mode_counts(points: Tensor, world: PointWorld) -> Tensor:
    """Points [N,2] -> [M] int64: samples of high quality by mode."""
    modes, good = nearest_modes(points, world)
    return modes[good].bincount(minlength=len(world.centres))


def mode_scores(counts: Tensor, samples: int) -> ModeScores:
    """Scores of ``samples`` samples from how many each mode got, [M]."""
    belonging = int(counts.sum())
    if samples < 1 or belonging > samples:
        raise UsageError(
            f"{belonging} samples in modes of {samples} in all cannot be; counts are of samples drawn."
        )
    covered = int((counts > 0).sum())
    if belonging == 0:
        return ModeScores(covered, 0.0, None)
    shares = counts.double() / belonging
    divergence = torch.special.xlogy(shares, shares * len(counts)).sum()
    return ModeScores(covered, belonging / samples, float(divergence))


def point_scores(points: Tensor, world: PointWorld) -> ModeScores:
    """Scores of points [N,2] in a world of round modes."""
    scores = mode_scores(mode_counts(points, world), len(points))
    return replace(scores, spread=spread_within(points, world))


def spread_within(points: Tensor, world: PointWorld) -> float | None:
    """Return the spread of high-quality samples within their mode, relative to the world's: 1 if equal."""
    modes, good = nearest_modes(points, world)
    modes, points = modes[good], points[good].double()
    counts = modes.bincount(minlength=len(world.centres))
    freedom = len(modes) - int((counts > 0).sum())
    if not freedom:
        return None
    sums = points.new_zeros(len(counts), 2).index_add_(0, modes, points)
    offsets = points - (sums / counts.clamp(min=1)[:, None])[modes]
    # In the plane r^2 / (2 sd^2) is exponential with mean 1, here cut off at ``cut``.
    cut = DEVIATIONS**2 / 2
    expected = 2 * world.deviation**2 * (1 - cut / math.expm1(cut))
    return math.sqrt(float(offsets.square().sum()) / freedom / expected)


def perfect_modes(modes: int, samples: int, high_quality: float = 1.0) -> ModeScores:
    """Return the expected scores of a perfect generator with ``samples`` samples.

    A mode is missed with probability (1 - p/M)^n, p the share of high quality. The number X of the N = n p
    samples of high quality that fall into one mode is binomial, so E[KL] = M E[(X/N) log(M X/N)], an exact
    sum; it is near (M-1)/(2N).
    """
    if modes < 1 or samples < 1 or not 0 < high_quality <= 1:
        raise UsageError(
            f"no generator has {modes} modes, {samples} samples and a high-quality share of {high_quality}; "
            "use at least 1 mode and sample, and a share above 0 and up to 1."
        )
    covered = modes * (1 - (1 - high_quality / modes) ** samples)
    belonging = max(1, round(samples * high_quality))
    return ModeScores(covered, high_quality, _expected_divergence(modes, belonging))


def high_quality_ceiling(deviations: float = DEVIATIONS, dimensions: int = 2) -> float:
    """Return the share of a normal distribution within ``deviations`` standard deviations of its centre.

    1 - exp(-r^2/2) in the plane: 98.89 % within three deviations.
    """
    half = torch.tensor([dimensions / 2, deviations**2 / 2], dtype=torch.float64)
    return float(torch.special.gammainc(half[0], half[1]))


def _expected_divergence(modes: int, samples: int) -> float:
    counts = torch.arange(1, samples + 1, dtype=torch.float64)
    if modes == 1:
        return 0.0
    log_probability = (
        math.lgamma(samples + 1)
        - torch.lgamma(counts + 1)
        - torch.lgamma(samples - counts + 1)
        - counts * math.log(modes)
        + (samples - counts) * math.log1p(-1 / modes)
    )
    shares = counts / samples
    return float(modes * (log_probability.exp() * shares * (shares * modes).log()).sum())

r"""Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003), and the lack of diversity that its
mean over pairs of samples shows (Odena et al. 2017, "Conditional image synthesis with auxiliary classifier
GANs").

With local means m, variances s^2 and covariance s_xy under a Gaussian window of 11 pixels, deviation 1.5:

    l  = (2 m_x m_y + c1) / (m_x^2 + m_y^2 + c1)          c1 = (0.01 L)^2, L the range of the pixels
    cs = (2 s_xy + c2) / (s_x^2 + s_y^2 + c2)             c2 = (0.03 L)^2
    MS-SSIM = mean(l cs at the last scale)^w_K  prod_{k<K} mean(cs at scale k)^w_k

each scale half the size of the one before, and w = (.0448, .2856, .3001, .2363, .1333) for five scales.

Images below 176 pixels have no five scales that hold a window: as many are taken as do, and the weights
scaled to sum 1 (two at 32 and 40 pixels). Below 11 pixels the window is the largest odd number that fits. A
mean cs below 0 (opposite structure) counts as 0, since it has no real root. Colours: the mean over channels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from seqgan_kit.errors import DataError
from seqgan_kit.metrics.statistics.divergences import Estimate

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW_PIXELS, _WINDOW_DEVIATION = 11, 1.5
_K1, _K2 = 0.01, 0.03
_CHUNK = 128


def ms_ssim(x: Tensor, y: Tensor, pixel_range: float = 2.0) -> Tensor:
    """Return the similarity [N] of pairs of images [N,C,H,W]: 1 if they are equal.

    Args:
        x: images.
        y: as many of the same shape.
        pixel_range: L; 2 for pixels in [-1,1].
    """
    if x.shape != y.shape or x.dim() != 4:
        raise DataError(f"pairs of images are needed; got {list(x.shape)} and {list(y.shape)}.")
    scales = scales_of(min(x.shape[2:]))
    weights = [weight / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales]]
    # In [0, L], as c1 and c2 are meant; the luminance term is not blind to a shift.
    x, y = x.double() + pixel_range / 2, y.double() + pixel_range / 2
    similarity = torch.ones(x.shape[:2], dtype=torch.float64, device=x.device)
    for scale, weight in enumerate(weights):
        luminance, structure = _ssim_parts(x, y, pixel_range)
        last = scale == scales - 1
        mean = (luminance * structure if last else structure).mean((2, 3))
        similarity = similarity * mean.clamp_min(0.0) ** weight
        if not last:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
    return similarity.mean(1)


def ssim(x: Tensor, y: Tensor, pixel_range: float = 2.0) -> Tensor:
    """Return the structural similarity [N] at one scale (Wang et al. 2004), differentiable in both.

    Args:
        x: images [N,C,H,W].
        y: as many of the same shape.
        pixel_range: L; 2 for pixels in [-1,1].
    """
    x, y = x.double() + pixel_range / 2, y.double() + pixel_range / 2
    luminance, structure = _ssim_parts(x, y, pixel_range)
    return (luminance * structure).mean((1, 2, 3))


def scales_of(side: int) -> int:
    """Return the number of scales that contain a window, from 1 to 5."""
    scales = 1
    while scales < len(WEIGHTS) and side // 2**scales >= _WINDOW_PIXELS:
        scales += 1
    return scales


def similarity_of_pairs(pictures: Tensor, rng: torch.Generator) -> Estimate:
    """Return the mean MS-SSIM of random pairs: near 1 if all images are alike.

    No image is in two pairs, so they are independent and the standard error is that of a mean. Compare with
    real images: what is much above them is collapse.

    Args:
        pictures: [N,C,H,W] in [-1,1], N at least 4.
        rng: makes the pairs.
    """
    if pictures.dim() != 4 or len(pictures) < 4:
        raise DataError(f"at least 4 images [N,C,H,W] make two pairs; got {list(pictures.shape)}.")
    order = torch.randperm(len(pictures), generator=rng)[: len(pictures) // 2 * 2]
    left, right = pictures[order[::2]], pictures[order[1::2]]
    pairs = zip(left.split(_CHUNK), right.split(_CHUNK), strict=True)
    values = torch.cat([ms_ssim(a, b) for a, b in pairs])
    return Estimate(float(values.mean()), float(values.std()) / len(values) ** 0.5)


def _ssim_parts(x: Tensor, y: Tensor, pixel_range: float) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure terms [N,C,h,w], wherever the whole window fits."""
    c1, c2 = (_K1 * pixel_range) ** 2, (_K2 * pixel_range) ** 2
    mean_x, mean_y = _windowed(x), _windowed(y)
    variances = _windowed(x * x) - mean_x**2 + _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _windowed(x: Tensor) -> Tensor:
    """Local means under the Gaussian window, along one axis and then the other."""
    pixels = min(_WINDOW_PIXELS, (min(x.shape[2:]) - 1) // 2 * 2 + 1)
    places = torch.arange(pixels, dtype=x.dtype, device=x.device) - pixels // 2
    window = torch.exp(-(places**2) / (2 * _WINDOW_DEVIATION**2))
    window = window / window.sum()
    channels = x.shape[1]
    for shape in ((pixels, 1), (1, pixels)):
        x = functional.conv2d(
            x, window.view(1, 1, *shape).expand(channels, 1, *shape), groups=channels
        )
    return x

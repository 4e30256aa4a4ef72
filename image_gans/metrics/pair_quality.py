"""How near images are to the truth, one by one: PSNR, SSIM, and PSNR and error inside and outside of a mask.

    PSNR = mean over images of -10 log10(mean squared error / 4)       in decibels, for pixels in [-1,1]

Images are rounded to 8 bits first, as they would be stored; an image without an error counts 100 dB.
"""

from __future__ import annotations

from torch import Tensor

from image_gans.metrics.ms_ssim import ssim
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.errors import DataError
from seqgan_kit.metrics.statistics.divergences import Estimate

_LARGEST_DECIBELS = 100.0


def pair_quality(
    outputs: Tensor, targets: Tensor, masks: Tensor | None = None
) -> dict[str, Estimate]:
    """Return ``psnr``, ``ssim`` and, with masks, both parts' ``error_`` and ``psnr_``, by key.

    Args:
        outputs: [N,C,H,W] in [-1,1].
        targets: the truth, as many of the same shape.
        masks: [N,1,H,W] bool, where a target may differ from its source. The errors are mean absolute
            ones, in steps of 255. An image is left out of a part of which it has no pixel, and so is PSNR
            if the masks cover all images, for it is the images' own.
    """
    if outputs.shape != targets.shape or len(outputs) < 1:
        raise DataError(
            f"outputs of shape {list(outputs.shape)} cannot be compared with targets of "
            f"{list(targets.shape)}."
        )
    outputs, targets = (to_float(to_uint8(images.cpu())) for images in (outputs, targets))
    found = {"psnr": mean_of(psnr(outputs, targets)), "ssim": mean_of(ssim(outputs, targets))}
    if masks is not None:
        apart = outputs - targets
        for where, part in (("inside", masks), ("outside", ~masks)):
            if (some := part.flatten(1).any(1)).any():
                found[f"error_{where}"] = mean_of(_over(apart.abs(), part)[some] * 127.5)
                if not masks.all():
                    found[f"psnr_{where}"] = mean_of(_decibels(_over(apart.square(), part)[some]))
    return found


def _over(values: Tensor, part: Tensor) -> Tensor:
    """Return the mean of [N,C,H,W] over the pixels of [N,1,H,W], for each image [N]."""
    shares = part.double().flatten(1)
    return (values.double().mean(1).flatten(1) * shares).sum(1) / shares.sum(1)


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio [N] of images [N,C,H,W] in [-1,1], in decibels."""
    mse = (x.double() - y.double()).square().flatten(1).mean(1)
    return _decibels(mse)


def _decibels(mse: Tensor) -> Tensor:
    return (-10 * (mse / 4).log10()).clamp_max(_LARGEST_DECIBELS)


def mean_of(values: Tensor) -> Estimate:
    """Return the mean of [N] and its standard error."""
    count = len(values)
    error = float(values.std()) / count**0.5 if count > 1 else float("inf")
    return Estimate(float(values.mean()), error)


def error_maps(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error of each pixel as images [N,C,H,W] in [-1,1]: black is none, white
    is 1 or more."""
    error = (outputs - targets).abs().mean(1, keepdim=True).clamp_max(1)
    return (2 * error - 1).expand_as(outputs).contiguous()

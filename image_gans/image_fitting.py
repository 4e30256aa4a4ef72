"""An image preset's epochs on more or larger images than the bundled faces."""

from __future__ import annotations

from typing import Any

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.runs.fitting import fitted, told
from seqgan_kit.core.runs.run import Run

_IMAGES, _SIDE = 3_000, 32
"""The bundled faces: how many, and their side in pixels."""


def work_ratio(images: int, side: int) -> float:
    """Work of an epoch, as a multiple of that on the bundled faces: images times pixels."""
    return images / _IMAGES * (side / _SIDE) ** 2


def fit_to_images(run: Run, config: Any, preset: Any, feed: Feed) -> Any:
    """The training settings with the epochs that end in minutes on these images; says so if they changed.

    Args:
        run: says it.
        config: a recipe's, with ``training`` and ``data``.
        preset: the same of the preset that the run was started from.
        feed: says how many images an epoch has.
    """
    training = config.training
    images = feed.batches_per_epoch * training.batch_size * run.runtime.world_size
    ratio, side = work_ratio(images, config.data.size), config.data.size
    shorter, changes = fitted(training, preset.training, {"epochs": ratio})
    if changes:
        data = f"{images:,} images of {side} x {side} pixels"
        run.say(told(training, changes, {"epochs": "epochs"}, data, ratio))
    return shorter

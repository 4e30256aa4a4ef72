"""Seeded random Inception weights and images to compare; only NumPy generates them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from image_gans.metrics.inception.inception_network import FIDInception

IMAGES = 4


@functools.cache
def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights of the layout that keep the scale of the signal: He et al.'s for convolutions."""
    rng = np.random.default_rng(seed)
    state = {}
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in FIDInception().state_dict().items()}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            continue
        values = rng.standard_normal(shape, dtype=np.float32)
        if name.endswith("conv.weight"):
            values *= np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
        elif name.endswith(("bn.weight", "running_var")):
            values = 0.75 + 0.3 * np.abs(values)
        elif name == "fc.weight":
            values *= np.float32(0.04)
        elif name.endswith(("bn.bias", "running_mean")):
            values *= np.float32(0.1)
        state[name] = torch.from_numpy(values)
    return state


def random_file(path: Path, seed: int = 0) -> Path:
    """The same as a file that torch writes."""
    torch.save(random_state(seed), path)
    return path


def images(kind: str, n: int = IMAGES, size: int = 40) -> NDArray[np.uint8]:
    """[n,3,size,size] blocks of colour with noise, darker and lighter; ``plain`` or ``loud`` by contrast."""
    rng = np.random.default_rng({"plain": 1, "loud": 2}[kind])
    contrast = {"plain": 60, "loud": 200}[kind]
    middle = rng.integers(0, 256, (n, 3, 1, 1))
    blocks = middle + rng.integers(-contrast, contrast, (n, 3, 5, 5))
    large = blocks.repeat(-(-size // 5), 2).repeat(-(-size // 5), 3)[:, :, :size, :size]
    return np.clip(large + rng.integers(-20, 21, large.shape), 0, 255).astype(np.uint8)

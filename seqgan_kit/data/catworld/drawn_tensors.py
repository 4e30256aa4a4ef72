"""Tensors that are drawn from the cat world once and then read from the cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from torch import Tensor

from seqgan_kit.data.cache import cache_key, load_entry, store_entry
from seqgan_kit.data.catworld.build import BUNDLED_SEED
from seqgan_kit.errors import UsageError


def drawn_tensors(
    kind: str,
    what: Mapping[str, Any],
    channels: int,
    draw: Callable[[], Mapping[str, Tensor]],
) -> dict[str, Tensor]:
    """Return the tensors that ``draw`` makes, from the cache if they were drawn before.

    Args:
        kind: name of the entry in the cache.
        what: everything that the images depend on, such as side and counts.
        channels: what the user asked for; the cat world has 3.
        draw: makes the tensors.
    """
    if channels != 3:
        raise UsageError(
            f"the cat world is in colour, and channels is {channels}: leave --channels at 3."
        )
    versions = {name: version(name) for name in ("numpy", "pillow")}
    key = cache_key(kind, {**what, "seed": BUNDLED_SEED, "drawing": 1, "versions": versions})
    stored = load_entry(key, lambda tensors, _: dict(tensors))
    if stored is None:
        stored = dict(draw())
        store_entry(key, stored, {})
    return stored

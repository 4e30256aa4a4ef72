"""Images that a visitor asks of an image model: samples, paths, shifted samples, translations, paintings.

Models come from other packages by entry point and are known here by what they offer: ``images`` and
``explore`` (samples), ``input_shape`` and a verb (translation), ``paint`` (images of sentences).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import UsageError
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.uploaded_image import read_upload

MOST_IMAGES = 144
AXES = 6
UPLOAD_VERBS = ("edit", "translate", "reverse", "rebuild")
_ANY = "any"


def verbs_of(model: Any) -> tuple[str, ...]:
    """Return the verbs of an image model."""
    return tuple(getattr(model, "verbs", ("sample",)))


def draws_pixels(model: Any) -> bool:
    """Return whether a model samples images, and not points in the plane, which have no latent tools here."""
    return "sample" in verbs_of(model) and model.images(1).dim() == 4


def condition_menus(model: Any) -> dict[str, tuple[str, ...]]:
    """Return the labels of a class-conditional model with their classes; empty for others."""
    config = getattr(getattr(model, "generator", None), "config", None)
    conditions = getattr(config, "conditions", None)
    if conditions is None:
        return {}
    return dict(zip(conditions.names, conditions.classes, strict=True))


def condition_of(chosen: Mapping[str, str | None]) -> str | None:
    """Return the chosen classes as ``label=class,...``; None if every menu says "any"."""
    wanted = [f"{label}={name}" for label, name in chosen.items() if name and name != _ANY]
    return ",".join(wanted) or None


def sampled(
    model: Any, n: int, *, seed: int = 0, temperature: float = 1.0, condition: str | None = None
) -> Tensor:
    """Return samples [n,C,H,W] in [-1,1]; for points in the plane, one plot of n points [1,C,H,W]."""
    if not 1 <= n <= MOST_IMAGES:
        raise UsageError(f"{n} images: ask for 1 to {MOST_IMAGES}.")
    drawn = model.images(n, temperature=temperature, seed=seed, condition=condition)
    if drawn.dim() == 4:
        return cast(Tensor, drawn)
    with tempfile.TemporaryDirectory() as folder:
        path = model.sample(n, seed=seed, temperature=temperature, out=Path(folder) / "points.png")
        return _read(path)


def walk(run: OpenedRun, first: int, second: int, steps: int, condition: str | None) -> Tensor:
    """Return images [steps,C,H,W] on the path between the samples of two seeds."""
    with run.model():
        explorer = run.derived("explorer", lambda model: model.explore())
        return cast(Tensor, explorer.between(first, second, steps, condition=condition))


def shifted(run: OpenedRun, seed: int, shifts: Sequence[float], condition: str | None) -> Tensor:
    """Return the first sample [1,C,H,W] of a seed, shifted along the strongest directions of its noise."""
    with run.model():
        explorer = run.derived("explorer", lambda model: model.explore())
        axes = run.derived("axes", lambda model: explorer.axes(AXES, noise_dimensions(model)))
        amounts = torch.tensor(list(shifts)[: len(axes)])
        return cast(
            Tensor, explorer.moved(seed, amounts, axes[: len(amounts)], condition=condition)
        )


def arithmetic(run: OpenedRun, formula: str, rows: int, seed: int) -> Tensor:
    """Return one sheet [1,C,H,W] with A, B, C and C + A - B, a row for each sample of C."""
    with run.model(), tempfile.TemporaryDirectory() as folder:
        explorer = run.derived("explorer", lambda model: model.explore())
        path = Path(folder) / "arithmetic.png"
        return _read(explorer.arithmetic(formula, rows=rows, seed=seed, out=path))


def made_of(model: Any, verb: str, file: str | Path | None) -> tuple[Tensor, Tensor]:
    """Return an uploaded image as the model reads it, and what the model makes of it: [1,C,H,W] each."""
    size, channels = model.input_shape(verb)
    image = read_upload(file, size, channels)
    return image, cast(Tensor, getattr(model, verb)(image))


def label_edits(model: Any, file: str | Path | None, carry: bool) -> list[tuple[str, Tensor]]:
    """Return an uploaded image [C,H,W] as the model reads it, and its edit to each class, with captions.

    Args:
        model: offers ``edit`` and an ``editor`` that knows the classes of one label.
        file: the upload.
        carry: add the change to the upload, in place of showing the model's own image.
    """
    size, channels = model.input_shape("edit")
    conditions = model.editor.conditions
    strip = model.edit(read_upload(file, size, channels), carry=carry)[0]
    names = [f"{conditions.names[0]}: {name}" for name in conditions.classes[0]]
    return list(zip(["as the model reads it", *names], strip.split(size, 2), strict=True))


def painted(model: Any, caption: str, n: int, seed: int, condition_noise: float = 1.0) -> Tensor:
    """Return ``n`` images [n,C,H,W] of a sentence."""
    words = caption.strip()
    if not words:
        raise UsageError("no sentence was given: type one with words of the training captions.")
    if not 1 <= n <= MOST_IMAGES:
        raise UsageError(f"{n} images: ask for 1 to {MOST_IMAGES}.")
    return cast(Tensor, model.paint([words] * n, seed=seed, condition_noise=condition_noise))


def noise_dimensions(model: Any) -> int:
    """Return the number of noise dimensions, which come first in a latent vector."""
    return int(getattr(model, "sampler", model).noise_dimensions)


def _read(path: Path) -> Tensor:
    """Return a PNG of any shape as [1,C,H,W] in [-1,1]."""
    with Image.open(path) as opened:
        pixels = torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1)
    return to_float(pixels[None])

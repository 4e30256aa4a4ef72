"""What a model finds in an uploaded image: an anomaly score, or its class before and after an attack.

Models are known by what they offer: ``detect`` and ``rebuild``, or ``probabilities`` and ``perturbed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from seqgan_kit.explorer.gallery_markup import gallery
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.token_markup import note_markup
from seqgan_kit.explorer.uploaded_image import read_upload

_USUAL = 64
"""Samples of the model itself that a score is compared with."""
_RARE = 0.95
LARGEST = {"linf": 32.0, "l2": 512.0}
"""Largest perturbation on the page in grey levels, by the norm that limits it."""


def anomaly_markup(run: OpenedRun, file: str | Path | None) -> str:
    """Return an uploaded image, its reconstruction, and what is left of each pixel, with the score."""
    with run.model() as model:
        image = _read(file, model.generator.config)
        scores, pixels = model.detect(image)
        rebuilt = cast(Tensor, model.rebuild(image))
        usual = run.derived("usual scores", _usual_scores)
    score = float(scores[0])
    below = float((usual < score).double().mean())
    rare = " sk-rare" if below >= _RARE else ""
    told = (
        f'<p class="sk-verdict{rare}">score {score:.4f}: higher than that of {below:.0%} of {len(usual)} '
        f"samples of the model, whose median is {float(usual.median()):.4f}</p>"
    )
    shown = [image[0], rebuilt[0], (2 * pixels / pixels.max().clamp_min(1e-6) - 1)[0]]
    names = ["as the model reads it", "rebuilt", "residual, brightest where largest"]
    return told + gallery(shown, names, columns=3)


def _usual_scores(model: Any) -> Tensor:
    """Return the scores of samples of the model."""
    with torch.no_grad():
        return cast(Tensor, model.detect(model.images(_USUAL, seed=0))[0])


def attack_markup(
    run: OpenedRun, file: str | Path | None, *, norm: str, epsilon: float, steps: int, seed: int
) -> str:
    """Return an uploaded image before and after an attack, with the classes' probabilities."""
    with run.model() as model:
        config = model.classifier.config
        image = _read(file, config)
        attacked = image
        if epsilon > 0:
            attacked = model.perturbed(image, norm=norm, epsilon=epsilon, steps=steps, seed=seed)
        before, after = (model.probabilities(x)[0] for x in (image, attacked))
    change = attacked - image
    largest = float(change.abs().max())
    told = [
        f"{config.label}: {_likeliest(before)} before, {_likeliest(after)} after a change of at most "
        f"{127.5 * largest:.1f} grey levels a pixel value."
    ]
    shown = [image[0], attacked[0], (change / max(largest, 1e-6))[0]]
    names = ["as the classifier reads it", "attacked", "the change, enlarged to full contrast"]
    return note_markup(told) + gallery(shown, names, columns=3) + _bars(before, after)


def _read(file: str | Path | None, config: Any) -> Tensor:
    return read_upload(file, config.size, config.channels)


def _likeliest(chances: Mapping[str, float]) -> str:
    name = max(chances, key=lambda name: chances[name])
    return f"{name} ({chances[name]:.0%})"


def _bars(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Return a table of the classes' probabilities, with bars."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{_bar(before[name])}{_bar(after[name])}</tr>"
        for name in before
    )
    return (
        '<table class="sk-chances"><tr><th>class</th><th>before</th><th>after</th></tr>'
        f"{rows}</table>"
    )


def _bar(chance: float) -> str:
    return (
        f'<td><span class="sk-bar"><i style="width:{100 * chance:.1f}%"></i></span>'
        f"<span>{chance:.1%}</span></td>"
    )

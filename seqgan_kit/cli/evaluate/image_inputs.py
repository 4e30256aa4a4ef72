"""What ``evaluate`` works on where it scores images: a run that draws them, or a folder of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqgan_kit.cli.evaluate.evaluation_inputs import (
    OF_ANSWERS,
    OF_IMAGES,
    Inputs,
    file_digests,
    hashed,
)
from seqgan_kit.cli.run_commands import note_unfinished
from seqgan_kit.core.runs.log import settings_of
from seqgan_kit.core.runs.settings import merged
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_rows import locate_images
from seqgan_kit.data.sources.resolve import file_digest
from seqgan_kit.errors import UsageError

EVALUATORS = "seqgan_kit.evaluators"
"""The entry-point group in which packages offer evaluations of a kind of samples."""
FORMAT = 1
"""Raised whenever the same inputs would give another record than before."""
_OF_TEXT = {
    "train": None, "tok": None, "lowercase": False, "encoder": "own", "lm": "kneser-ney",
    "top_k": None, "top_p": None, **OF_ANSWERS,
}  # fmt: skip
_SHARED = ("sample", "seed", "temperature")


def image_inputs(options: argparse.Namespace, *, is_run: bool) -> Inputs:
    """A run on images, or a folder of images."""
    for name, default in _OF_TEXT.items():
        if getattr(options, name) != default:
            raise UsageError(f"--{name.replace('_', '-')} is for text: leave it out for images.")
    what = Path(options.what)
    given = {name: _one(options, name) for name in ("refs", "held_out")}
    if given["held_out"] is not None and given["refs"] is None:
        raise UsageError("--held-out belongs to --refs: give the reference images too.")
    if not is_run and given["refs"] is None:
        raise UsageError(
            f"{what} is not a run directory, which holds config.json and model/. For a folder of images, "
            "give real images beside it with --refs FOLDER."
        )
    settings = {name: getattr(options, name) for name in (*OF_IMAGES, *_SHARED)}
    sources = {name: None if path is None else _digests(path) for name, path in given.items()}
    parts: dict[str, Any] = {"images": FORMAT, "settings": settings, "sources": sources}
    if is_run:
        note_unfinished(what)
        config = settings_of(what)
        parts |= {"config": config, "model": file_digests(what / "model")}
        if given["refs"] is None:
            if "images" not in config.get("data", {}):
                raise UsageError(
                    f"config.json of {what} names no images to compare with: give real images with "
                    "--refs FOLDER."
                )
            data = merged(ImageData(), config["data"])
            parts["data"] = {k: source.digest() for k, source in locate_images(data).items()}
    else:
        parts["samples"] = _digests(str(what))
    file = Path(str(options.features).partition(":")[2] or str(options.features))
    if file.is_file():
        parts["weights"] = file_digest(file).hex()

    def compute(say: Callable[[str], None]) -> dict[str, Any]:
        return find_evaluator("image")(what, say, **given, **settings)

    return Inputs(hashed(parts), compute)


def find_evaluator(kind: str) -> Callable[..., dict[str, Any]]:
    """The evaluation of a kind of samples, from the installed packages."""
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=EVALUATORS)}
    if kind not in offered:
        raise UsageError(
            f"no installed package evaluates samples of the kind {kind!r}: install seqgan-kit anew, "
            "for instance with 'pip install -e .'."
        )
    evaluator: Callable[..., dict[str, Any]] = offered[kind].load()
    return evaluator


def _one(options: argparse.Namespace, name: str) -> str | None:
    given: list[str] | None = getattr(options, name)
    if given is not None and len(given) > 1:
        raise UsageError(
            f"--{name.replace('_', '-')} names {len(given)} sources; for images give one folder or "
            "parquet file."
        )
    return given[0] if given else None


def _digests(images: str) -> dict[str, str]:
    return {split: source.digest() for split, source in locate_images(ImageData(images)).items()}

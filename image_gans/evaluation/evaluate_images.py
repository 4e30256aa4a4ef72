"""Evaluation of images, sampled from a run or read from a folder, against real images."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from image_gans.evaluation.condition_scores import add_told
from image_gans.evaluation.image_columns import OVER_FEATURES
from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.image_table import REAL, ScoredImages, image_table
from image_gans.metrics.comparison import MOST_REFERENCES, Comparison
from image_gans.networks.conditional import ConditionalGenerator
from seqgan_kit import __version__
from seqgan_kit.core.runs.log import settings_of
from seqgan_kit.core.runs.settings import merged
from seqgan_kit.data.images.image_rows import locate_images, open_images
from seqgan_kit.data.images.load_images import ImageCorpus, ImageData, load_images
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import DataError, UsageError

DRAWS = 1000
"""Default number of samples of a run."""
FEWEST = 16
"""Number of images below which scores are meaningless."""
SAMPLES = "samples"
_MEMORY_GIB = 64.0
_GREY = ("1", "L", "I", "I;16")
Say = Callable[[str], None]


@dataclass(frozen=True)
class ImageEvaluation:
    """Options of an image evaluation."""

    refs: str | None = None
    """Real images that samples are compared with; a run's own training split where None."""
    held_out: str | None = None
    """Further real images, for the row of real data."""
    sample: int | None = None
    """Score so many samples: of a folder a random part, of a run that many draws."""
    features: str = "auto"
    """What distances are taken over: see :func:`image_gans.metrics.features.chosen_features`."""
    seed: int = 0
    """Of everything that is drawn."""
    temperature: float = 1.0
    """Scales a run's latent vectors."""
    size: int | None = None
    """Side in pixels to which images are resized; that of the samples where None."""
    channels: int | None = None
    """1 for grey, 3 for colour; as the samples where None."""


def evaluate_images(what: Path, say: Say, **options: Any) -> dict[str, Any]:
    """Return the record of a run's samples or of a folder of images, in the form of scores.json.

    Args:
        what: a run's directory, or a folder of images.
        say: called with a line about each long step.
        options: the fields of :class:`ImageEvaluation`.
    """
    settings = ImageEvaluation(**options)
    is_run = (what / "model" / "model.json").is_file()
    samples, notes = (_drawn if is_run else _read)(what, settings, say)
    corpus = _real(what, settings, samples)
    for images, name in ((samples, f"samples in {what}"), (corpus.train, "reference images")):
        if len(images) < FEWEST:
            raise DataError(f"{len(images)} {name}: at least {FEWEST} are needed.")
    say(f"scoring {len(samples):,} samples beside {len(corpus.train):,} real images")
    rows, floor = _rows(samples, corpus, settings)
    table = image_table(f"{len(samples):,} samples and real images", rows)
    if is_run and settings.refs is None:
        _add_conditions(what, table, rows[0].comparison, settings)
    return {
        "kind": "evaluation",
        **_grouped(table, rows[0].comparison),
        "notes": [*notes, floor, *_changed(corpus, "Reference images"), *table["notes"]],
        "settings": vars(settings),
        "version": __version__,
    }


def _grouped(table: dict[str, Any], comparison: Comparison) -> dict[str, Any]:
    """Return the table with feature scores first, without scores that the samples' row lacks."""
    over = f"over {comparison.extractor.label}" if comparison.extractor is not None else ""
    known = table["rows"][0]["values"]  # halves tell near copies, which the samples' row does not
    columns = [
        {**column, "group": over if column["key"] in OVER_FEATURES else "images"}
        for column in table["columns"]
        if column["key"] in known
    ]
    rows = [
        {
            **row,
            **{
                part: {k: v for k, v in row[part].items() if k in known}
                for part in ("values", "errors")
            },
        }
        for row in table["rows"]
    ]
    in_order = sorted(columns, key=lambda column: column["group"] == "images")
    return {**table, "columns": in_order, "rows": rows}


def _add_conditions(
    run_dir: Path, table: dict[str, Any], comparison: Comparison, settings: ImageEvaluation
) -> None:
    """Add a conditional model's label accuracy, as in its final table; at temperature 1 only."""
    generator = load_image_model(run_dir).generator
    conditions = getattr(getattr(generator, "config", None), "conditions", None)
    if conditions is not None and settings.temperature == 1:
        told = cast(ConditionalGenerator, generator)
        add_told(table, comparison, conditions, {SAMPLES: told}, settings.seed)


def _drawn(run_dir: Path, settings: ImageEvaluation, say: Say) -> tuple[Tensor, list[str]]:
    """[N,C,H,W] in [-1,1] sampled from a run's model, and how they were sampled."""
    if settings.size is not None or settings.channels is not None:
        raise UsageError("a run draws images of one size: leave --size and --channels out.")
    count = settings.sample or DRAWS
    say(f"drawing {count:,} images")
    model = load_image_model(run_dir)
    images = model.images(count, temperature=settings.temperature, seed=settings.seed)
    if images.dim() != 4:
        raise UsageError(f"{run_dir} draws points, not images: evaluate has no scores for them.")
    how = f"{count:,} draws with seed {settings.seed} at temperature {settings.temperature:g}."
    return images.float().cpu(), [how]


def _read(folder: Path, settings: ImageEvaluation, say: Say) -> tuple[Tensor, list[str]]:
    """[N,C,H,W] in [-1,1] of a folder, or a random part of them; which, and how they were changed."""
    if settings.temperature != 1.0:
        raise UsageError("--temperature applies to runs only: leave it out for a folder of images.")
    say(f"reading {folder}")
    size, channels = _shape_of_first(folder)
    shape = ImageData(
        str(folder), size=settings.size or size, channels=settings.channels or channels
    )
    corpus = load_images(replace(shape, test_share=0.0, memory_gib=_MEMORY_GIB))
    images, changed = corpus.train, _changed(corpus, "Samples")
    count = settings.sample or len(images)
    if count > len(images):
        raise DataError(
            f"--sample {count}: {folder} has only {len(images)} images; give a smaller number."
        )
    if count == len(images):
        return to_float(images), [f"All {count:,} images of {folder}.", *changed]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(settings.seed))
    how = f"{count:,} of {len(images):,} images, drawn with seed {settings.seed}."
    return to_float(images[order[:count].sort().values]), [how, *changed]


def _shape_of_first(folder: Path) -> tuple[int, int]:
    """Return shorter side and channels of the first readable image; the loader reports unreadable ones."""
    data = ImageData(str(folder))
    for row in open_images(locate_images(data)["train"], data).read():
        try:
            with Image.open(io.BytesIO(row.data)) as image:
                return min(image.size), 1 if image.mode in _GREY else 3
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
            continue
    raise DataError(f"no image in {folder} can be read.")


def _real(what: Path, settings: ImageEvaluation, samples: Tensor) -> ImageCorpus:
    """The real images in the samples' shape: training images are the reference, test images the floor."""
    channels, size = samples.shape[1:3]
    if settings.refs is not None:
        data = ImageData(
            settings.refs, settings.held_out, size=size, channels=channels, test_share=0.0
        )
        return load_images(replace(data, memory_gib=_MEMORY_GIB))
    if not (what / "config.json").is_file():
        raise UsageError(f"{what} is no run: give real images beside it with --refs FOLDER.")
    if settings.held_out is not None:
        raise UsageError("--held-out belongs to --refs: a run has test images of its own.")
    data = merged(ImageData(), settings_of(what).get("data", {}))
    corpus = load_images(data)
    if corpus.train.shape[1:] != samples.shape[1:]:
        raise UsageError(
            f"{what} draws images of shape {list(samples.shape[1:])}, and its data have "
            f"{list(corpus.train.shape[1:])}: give real images of its kind with --refs FOLDER."
        )
    return corpus


def _rows(
    samples: Tensor, corpus: ImageCorpus, settings: ImageEvaluation
) -> tuple[list[ScoredImages], str]:
    """Return the samples' row, the row of real images, and a description of the real images."""
    choice = {"own": "classifier"}.get(settings.features, settings.features)
    most = MOST_REFERENCES if settings.refs is None else len(corpus.train)
    comparison = Comparison(corpus, choice, len(samples), settings.seed, most)
    comparison.check()
    first = ScoredImages(SAMPLES, samples, samples, comparison)
    if len(corpus.test):
        n = comparison.compared
        real = to_float(corpus.train[:: max(1, len(corpus.train) // len(samples))][: len(samples)])
        row = ScoredImages(REAL, real, comparison.held_out, comparison)
        left = len(samples) - n
        rest = (
            f"; {left:,} samples are left out, which count where nothing is held out"
            if left
            else ""
        )
        return [first, row], (
            f"Real data: held-out images beside the reference. Scores against the reference are of {n:,} "
            f"images in each row, as many as there are for both{rest}."
        )
    corpus = corpus.whole
    unlabelled = replace(corpus, train_labels={}, test_labels={}, label_names={})
    half = replace(unlabelled, train=corpus.train[::2], test=corpus.train[1::2], reference=None)
    halves = replace(comparison, corpus=half, given=comparison.extractor)
    row = ScoredImages(REAL, to_float(corpus.train), halves.held_out, halves)
    return [first, row], (
        f"Real data: {halves.compared:,} reference images beside the other {len(half.train):,}, for want of "
        "held-out ones. FD and FID of fewer images are larger; --held-out FOLDER gives a floor of equal "
        "numbers, near copies and attributes."
    )


def _changed(corpus: ImageCorpus, whose: str) -> list[str]:
    """Return notes on how images were changed before scoring."""
    size, notes = corpus.account.size, []
    split = corpus.account.splits["train"]
    if split.cropped or {split.smallest, split.largest} != {(size, size)}:
        notes.append(
            f"{whose} were cropped to squares or resized to {size} pixels first (Lanczos), as for training; "
            "published scores may be of images of another size."
        )
    if split.unreadable:
        notes.append(f"{whose}: {split.unreadable:,} could not be read and were skipped.")
    return notes

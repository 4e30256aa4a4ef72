"""Images of captions that somebody else wrote, and whether they show what the captions say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from image_gans.evaluation.captions.caption_truth import (
    Agreement,
    facts_of_caption,
    shown_facts,
)
from image_gans.evaluation.captions.painting import Painter
from image_gans.grids import save_each, save_grid
from image_gans.metrics.attributes import is_catworld, recognisable
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import recognise, recogniser_of
from seqgan_kit.core.runs.log import settings_of
from seqgan_kit.core.runs.settings import merged
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.load_images import ImageData, load_images
from seqgan_kit.data.images.pixels import to_float, to_uint8

DREAMT, REAL_PAINTED = "written captions, painted", "real captions, painted"
REAL_IMAGES, CHANCE = "real captions, their real images", "written captions, images of others"
_COLUMNS = (
    ("facts", "facts shown", "share-of-told-facts"),
    ("whole", "whole captions", "share-of-images-that-show-all-facts"),
    ("valid", "valid captions", "share-of-captions-of-the-world"),
)


@dataclass(frozen=True)
class Judge:
    """The recogniser of a run's images, and real captions with their images."""

    recogniser: Recogniser
    captions: Sequence[str]
    images: Tensor


def judge_of_run(run_dir: Path) -> Judge | None:
    """Return the judge of a run on images of the cat world; None for other images."""
    corpus = load_images(merged(ImageData(), settings_of(run_dir).get("data", {}), "data"))
    return judge_of(corpus)


def judge_of(corpus: ImageCorpus) -> Judge | None:
    """Return the judge of a corpus; None outside the cat world, where no exact facts are known."""
    if not is_catworld(corpus.label_names) or not corpus.test_captions:
        return None
    labels, names = recognisable(corpus.train_labels, corpus.label_names)
    recogniser = recogniser_of(corpus.train, labels, names)
    return Judge(recogniser, corpus.test_captions, to_float(corpus.test))


def dream(
    painter: Painter,
    captions: Sequence[str],
    shown: int,
    out: Path,
    judge: Judge | None,
    seed: int = 0,
) -> dict[str, Any]:
    """Paint captions; write the first of them into ``out``, with grid.png; return the record of the page.

    Args:
        painter: draws images of captions.
        captions: all captions to score; unknown words count as such.
        shown: number of images to write.
        out: folder, which exists.
        judge: recogniser and real captions; without it nothing is scored.
        seed: seed of the images.
    """

    def draw(wanted: Sequence[str]) -> Tensor:
        images = painter(wanted, torch.Generator().manual_seed(seed))
        return to_float(to_uint8(images))  # as they are written

    images = draw(captions)
    save_each(images[:shown], out)
    save_grid(images[:shown], out / "grid.png", scale=max(1, 96 // images.shape[-1]))
    digits = max(5, len(str(shown - 1)))
    files = [f"{number:0{digits}}.png" for number in range(shown)]
    told = _told(judge.recogniser, images[:shown], captions[:shown]) if judge else [None] * shown
    pictures = [
        {"file": file, "caption": caption, "facts": facts}
        for file, caption, facts in zip(files, captions, told, strict=False)
    ]
    record: dict[str, Any] = {"pictures": pictures}
    if judge is not None:
        record["scores"] = _scores(draw, judge, images, captions)
    return record


def _scores(
    draw: Callable[[Sequence[str]], Tensor],
    judge: Judge,
    images: Tensor,
    captions: Sequence[str],
) -> dict[str, Any]:
    """Return the table: written captions, real ones, real images, and chance."""
    recogniser, real = judge.recogniser, judge.captions[: len(captions)]
    rows = [
        (DREAMT, shown_facts(recogniser, images, captions), False),
        (REAL_PAINTED, shown_facts(recogniser, draw(real), real), True),
        (REAL_IMAGES, shown_facts(recogniser, judge.images[: len(real)], real), True),
        (CHANCE, shown_facts(recogniser, images.roll(1, 0), captions), True),
    ]
    counts = f"captions:{len(captions)}|real:{len(real)}"
    return {
        "title": "Do the images show what their captions say?",
        "columns": [
            {"key": key, "label": label, "better": "higher", "digits": 3,
             "signature": f"{how}|by:recogniser|{counts}"}
            for key, label, how in _COLUMNS
        ],
        "rows": [_row(*row) for row in rows],
        "notes": [
            "Facts shown: of all that valid captions tell (of the first cat and the scene), the share that "
            "the recogniser sees in the image. Whole captions: the share of images that show everything. "
            "Their real images: the recogniser's own accuracy. Images of others: chance."
        ],
    }  # fmt: skip


def _row(name: str, shown: Agreement | None, reference: bool) -> dict[str, Any]:
    """Return a row of the table; without valid captions only their share, 0."""
    if shown is None:
        return {"name": name, "values": {"valid": 0.0}, "errors": {}, "reference": reference}
    told = {"facts": shown.facts, "whole": shown.whole}
    return {
        "name": name,
        "values": {key: e.value for key, e in told.items()} | {"valid": shown.valid},
        "errors": {key: e.standard_error for key, e in told.items()},
        "reference": reference,
    }


def _told(
    recogniser: Recogniser, images: Tensor, captions: Sequence[str]
) -> list[list[dict[str, Any]] | None]:
    """Return the facts of each caption with what its image shows; None for invalid captions."""
    names = recogniser.config.label_names
    seen = {name: p.argmax(1).tolist() for name, p in recognise(recogniser, images).items()}
    found: list[list[dict[str, Any]] | None] = []
    for row, caption in enumerate(captions):
        facts = facts_of_caption(caption)
        if facts is None:
            found.append(None)
            continue
        shown = [(n, told, names[n][seen[n][row]]) for n, told in facts if n in seen]
        found.append([{"label": n, "told": told, "shown": is_} for n, told, is_ in shown])
    return found

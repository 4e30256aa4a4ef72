"""The table of scores.json for images: a row for each set of samples, and one for real images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from image_gans.evaluation.image_columns import image_columns, image_notes
from image_gans.metrics.attributes import AttributeScores
from image_gans.metrics.comparison import Comparison
from image_gans.metrics.diversity import diversity
from seqgan_kit.metrics.statistics.divergences import Estimate

REAL = "real data"
"""Name of the row of real images."""


@dataclass(frozen=True)
class ScoredImages:
    """Images that are scored.

    Attributes:
        name: name of the row.
        images: [N,C,H,W] in [-1,1], whose diversity counts.
        compared: [M,C,H,W] in [-1,1], the images compared with the corpus.
        comparison: comparison with the corpus.
    """

    name: str
    images: Tensor
    compared: Tensor
    comparison: Comparison


def score_row(name: str, scores: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return the row of a table with these scores."""
    return {
        "name": name,
        "values": {key: estimate.value for key, estimate in scores.items()},
        "errors": {key: estimate.standard_error for key, estimate in scores.items()},
    }


def image_table(title: str, rows: Sequence[ScoredImages]) -> dict[str, Any]:
    """Score the rows; signatures and notes are those of the first row's comparison.

    Args:
        title: of the table.
        rows: samples first, real images last.
    """
    comparison = rows[0].comparison
    attributes = {row.name: row.comparison.attributes(row.compared) for row in rows}
    scored = [_scored(row, attributes[row.name]) for row in rows]
    counts = f"hyps:{len(rows[0].images)}|real:{len(rows[-1].images)}"
    column = {
        "key": "diversity",
        "label": "diversity",
        "better": None,
        "digits": 3,
        "signature": f"mean-pairwise-rms|range:-1..1|{counts}",
    }
    note = (
        "Diversity is the mean distance of two images: far below that of real data it means "
        "collapse; close to it, it says nothing about quality."
    )
    keys = {key for row in scored for key in row["values"]}
    return {
        "title": title,
        "columns": [*image_columns(comparison, keys), column],
        "rows": scored,
        "notes": [note, *image_notes(comparison, attributes)],
    }


def _scored(row: ScoredImages, attributes: AttributeScores | None) -> dict[str, Any]:
    scores = row.comparison.scores(row.compared) | (attributes.values() if attributes else {})
    scored = score_row(row.name, scores)
    return {**scored, "values": {"diversity": drawn_diversity(row.images), **scored["values"]}}


def drawn_diversity(images: Tensor) -> float:
    """Return the diversity of images [N,C,H,W] as files show them: what is beyond [-1,1] is no variety."""
    return diversity(images.clamp(-1, 1))

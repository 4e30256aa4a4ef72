"""Columns of an image table: label, better direction and signature of each score."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from image_gans.metrics.attributes import AttributeScores
from image_gans.metrics.comparison import BALLS, COPY_QUANTILE, DEEP_BALLS, Comparison
from image_gans.metrics.inception.inception_features import InceptionFeatures
from image_gans.metrics.inception.inception_input import TO_SIDE
from image_gans.metrics.inception.inception_network import SIDE
from image_gans.metrics.inception.inception_score import SPLITS
from image_gans.metrics.malformed import QUANTILE
from image_gans.metrics.ms_ssim import scales_of
from image_gans.metrics.swd import patches_per_picture
from seqgan_kit.metrics.signature import Signature

Column = dict[str, Any]
OVER_FEATURES = (
    "fd",
    "kid",
    "inception_score",
    "precision",
    "recall",
    "density",
    "coverage",
    "two_sample",
    "near_copies",
)

# Key: label, better end, digits, what the metric is, and what it compares with.
_About = tuple[str, str | None, int, str, str]
_COLUMNS: Mapping[str, _About] = {
    "fd": ("FD", "lower", 3, "frechet-squared", "reference"),
    "kid": ("KD", "lower", 4, "mmd2-unbiased|kernel:(xy/F+1)^3", "reference"),
    "inception_score": ("IS", "higher", 3, f"is|splits:{SPLITS}|logits:no-bias", ""),
    "precision": ("precision", "higher", 3, f"precision|k:{BALLS}", "as-many"),
    "recall": ("recall", "higher", 3, f"recall|k:{BALLS}", "as-many"),
    "density": ("density", None, 3, f"density|k:{DEEP_BALLS}", "as-many"),
    "coverage": ("coverage", "higher", 3, f"coverage|k:{DEEP_BALLS}", "as-many"),
    "swd": ("SWD", "lower", 2, "swd-x1000|mean-of-levels", "as-many"),
    "ms_ssim": ("MS-SSIM of pairs", None, 3, "ms-ssim|disjoint-pairs", ""),
    "near_copies": ("near copies", None, 3, f"share-nearer-than-q{COPY_QUANTILE}-of-test", "all"),
    "two_sample": (
        "two-sample accuracy",
        "lower",
        3,
        "accuracy-of-logistic-regression|half-held-out",
        "as-many",
    ),
    "attribute_tv": ("attributes' TV", "lower", 3, "mean-total-variation|of:decisions", "truth"),
    "odd_eyes": ("odd-eyed", None, 3, "mean-probability|where:open-eyes", ""),
    "malformed": (
        "malformed",
        "lower",
        3,
        f"share-less-sure-or-farther-than-q{QUANTILE}-of-test",
        "",
    ),
}


def image_columns(comparison: Comparison, keys: Collection[str]) -> list[Column]:
    """Return the columns of scores that at least one row has."""
    columns = []
    for key, (label, better, digits, metric, against) in _with_levels(keys).items():
        if key in keys:
            name = _label(comparison, key, label)
            signature = _signature(comparison, key, metric, against)
            columns.append(
                {
                    "key": key,
                    "label": name,
                    "better": better,
                    "digits": digits,
                    "signature": signature,
                }
            )
    return columns


def _with_levels(keys: Collection[str]) -> Mapping[str, _About]:
    """Return what is known of each key, with the SWD of each level, fine to coarse, behind its mean."""
    sides = sorted((int(key[4:]) for key in keys if key.startswith("swd_")), reverse=True)
    levels: dict[str, _About] = {
        f"swd_{side}": (f"SWD {side} px", "lower", 2, f"swd-x1000|level:{side}", "as-many")
        for side in sides
    }
    found: dict[str, _About] = {}
    for key, about in _COLUMNS.items():
        found |= {key: about, **(levels if key == "swd" else {})}
    return found


_NOTE_ON_COPIES = (
    f" Near copies: real images give {COPY_QUANTILE:.2f}; a much larger value indicates copying."
)


def image_notes(
    comparison: Comparison, attributes: Mapping[str, AttributeScores | None]
) -> list[str]:
    """Return notes on the columns, and the scores of single attributes.

    Args:
        comparison: what the rows were compared with.
        attributes: of each row by name.
    """
    notes = []
    if comparison.extractor is not None and comparison.extractor.is_inception:
        notes.append(_note_on_inception(comparison))
    elif comparison.extractor is not None:
        notes.append(
            f"FD and KD use features of {comparison.extractor.label} and are comparable for the "
            "same network only; they are not FID or KID. Real data: test images against "
            "training images, the best reachable value."
            + (_NOTE_ON_COPIES if comparison.finds_copies else "")
        )
    if comparison.accuracy:
        named = ", ".join(f"{n} {e.value:.0%}" for n, e in comparison.accuracy.items())
        notes.append(f"The recogniser's accuracy on test images: {named}.")
    for row, scores in attributes.items():
        if scores is None:
            continue
        off = sorted(scores.distances.items(), key=lambda item: -item[1].value)
        told = ", ".join(f"{name} {e.value:.2f}" for name, e in off)
        notes.append(f"Attributes of {row}, total variation to the truth: {told}.")
    return notes


def _label(comparison: Comparison, key: str, label: str) -> str:
    """FID and KID over the Inception network, FD and KD over any other."""
    if comparison.extractor is not None and comparison.extractor.is_inception:
        return {"fd": "FID", "kid": "KID"}.get(key, label)
    return f"{label}[{_extractor(comparison)}]" if key == "fd" else label


def _note_on_inception(comparison: Comparison) -> str:
    return (
        f"FID, KID and IS are over {_extractor(comparison)}: {comparison.compared:,} samples, "
        f"{len(comparison.reference):,} reference images. FID falls with the number of samples; published "
        "values mostly take 50,000. Compare with values of the same numbers, resizing and reference split "
        "only. The row of real data is the floor."
    )


def _signature(comparison: Comparison, key: str, metric: str, against: str) -> str:
    train = comparison.corpus.train
    _, channels, side, _ = train.shape
    parts = [metric]
    if key in OVER_FEATURES:
        parts.append(f"net:{_extractor(comparison)}")
    if key in ("attribute_tv", "odd_eyes", "malformed"):
        parts.append("by:recogniser")
    if key.startswith("swd"):
        of = int(key[4:] or side)
        parts.append(f"patches:{patches_per_picture(of, of)}")
    if key == "ms_ssim":
        parts.append(f"scales:{scales_of(side)}")
    parts += [f"px:{side}x{side}x{channels}", "resize:lanczos", "uint8"]
    network = comparison.extractor.network if comparison.extractor is not None else None
    if key in OVER_FEATURES and isinstance(network, InceptionFeatures):
        parts.append(f"to-{SIDE}:{TO_SIDE[network.resizing]}")
    n = comparison.compared
    counts = {
        "reference": len(comparison.reference),
        "as-many": min(n, len(comparison.reference)),
        "all": len(train),
    }
    refs = f"train-{counts[against]}" if against in counts else against or None
    return str(Signature("|".join(parts), refs=refs, hyps=n, seed=comparison.seed))


def _extractor(comparison: Comparison) -> str:
    return comparison.extractor.label if comparison.extractor is not None else "none"

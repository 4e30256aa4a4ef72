"""Columns and notes of the table of a translator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from image_gans.metrics.perception.feature_maps import Perception
from seqgan_kit.metrics.statistics.divergences import Estimate

EYE_LABELS = ("eyes", "left_eye", "right_eye")
"""Labels whose accuracy is also shown by itself, where images have them."""
_FACTS: Mapping[str, tuple[str, str, int, str]] = {
    "psnr": ("PSNR", "higher", 2, "mean-of-images|uint8|dB"),
    "ssim": ("SSIM", "higher", 3, "window:11|deviation:1.5|mean-of-channels"),
    "psnr_inside": ("PSNR inside", "higher", 2, "mean-of-images|uint8|dB|where:may-change"),
    "psnr_outside": ("PSNR outside", "higher", 2, "mean-of-images|uint8|dB|where:may-not-change"),
    "error_inside": ("error inside", "lower", 2, "mean-absolute|of:255|where:may-change"),
    "error_outside": ("error outside", "lower", 2, "mean-absolute|of:255|where:may-not-change"),
    "kept": ("attributes kept", "higher", 3, "accuracy|mean-of-labels|by:recogniser"),
    "eyes": ("eyes kept", "higher", 3, "accuracy|mean-of-eye-labels|by:recogniser"),
    "lpips": ("LPIPS-like", "lower", 3, "unit-features|sum-of-stages|mean-of-images"),
    "fd": ("FD", "lower", 3, "frechet-squared|reference:training-targets"),
}


def pair_columns(keys: set[str], size: str, perception: Perception | None) -> list[dict[str, Any]]:
    """Return the columns of these keys in their order.

    Args:
        keys: scores that some row has.
        size: end of every signature: image shape and number of pairs.
        perception: the network of the LPIPS-like score, which its name says.
    """
    facts = dict(_FACTS)
    if perception is not None:
        _, better, digits, fact = facts["lpips"]
        name = "LPIPS" if perception.heads is not None else f"LPIPS-like ({perception.name})"
        facts["lpips"] = name, better, digits, f"{fact}|network:{perception.label}"
    return [
        {
            "key": key,
            "label": label,
            "better": better,
            "digits": digits,
            "signature": f"{fact}|{size}",
        }
        for key, (label, better, digits, fact) in facts.items()
        if key in keys
    ]


def pair_notes(keys: set[str]) -> list[str]:
    """Return what a reader of the table must know."""
    notes = [
        "PSNR and SSIM reward the mean of all targets that a source may have, attributes and FD what "
        "an image shows: a translator may lose by the one and win by the other."
    ]
    if "kept" in keys:
        notes.append(
            "Attributes kept: share of the truth's labels that a recogniser names in the output; the "
            "truth's own row is its accuracy, the most that can be had."
        )
    return notes


def kept_attributes(seen: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Return ``kept``, and ``eyes`` if there are such labels, from the accuracy of each label."""
    found = {"kept": mean_estimate([*seen.values()])}
    if eyes := [seen[label] for label in EYE_LABELS if label in seen]:
        found["eyes"] = mean_estimate(eyes)
    return found


def mean_estimate(found: Sequence[Estimate]) -> Estimate:
    """Return the mean of several scores, with errors treated as independent."""
    error = sum(estimate.standard_error**2 for estimate in found) ** 0.5 / len(found)
    return Estimate(sum(estimate.value for estimate in found) / len(found), error)

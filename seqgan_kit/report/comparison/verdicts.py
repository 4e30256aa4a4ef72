"""Verdicts of the frontier on each arm, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ROUNDING = 1e-9


def verdict_sentences(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (side, sentences) for each arm of compare.json: the verdict in plain words, then the figures."""
    frontier = record["frontier"]
    if not frontier:
        return []
    moved = [verdict for verdict in frontier["verdicts"] if verdict["role"] != "start"]
    rival = _rival(frontier)
    return [(v["side"], f"{_plainly(v, rival)} It {_place(v)}{_gap(v, frontier)}") for v in moved]


def _rival(frontier: Mapping[str, Any]) -> str:
    """Return the name of the rival on MLE's curve: a colder MLE, or MLE at its best setting."""
    drawn = [point["at"] for point in frontier.get("points", []) if point["role"] == "baseline"]
    colder = all(not at.startswith("top") and float(at or 1) <= 1 for at in drawn)
    return "a colder MLE" if drawn and colder else "MLE at its best setting"


def _plainly(verdict: Mapping[str, Any], rival: str) -> str:
    """Return the verdict as a sentence without figures."""
    arm = verdict["arm"]
    if abs(verdict["distance"]) < _ROUNDING:
        return f"{arm} is exactly as good as {rival} here."
    if verdict["side"] == "inside":
        return f"{arm} is worse than {rival} here."
    if verdict["side"] == "beyond":
        return f"{arm} is better than {rival} here."
    if verdict["side"] == "on":
        return f"{arm} is as good as {rival} here, within the uncertainty."
    return f"Whether {arm} is better or worse than {rival} is uncertain here."


def _place(verdict: Mapping[str, Any]) -> str:
    if abs(verdict["distance"]) < _ROUNDING:
        return "lies exactly on MLE's curve."
    side, distance = verdict["side"], verdict["distance"]
    if side in ("beyond", "inside"):
        return f"lies {side} MLE's curve by {_size(distance)} ({_range(verdict)})."
    known = "cannot be distinguished from" if side == "on" else "lies somewhere near"
    return f"{known} MLE's curve: {_signed(distance)} it ({_range(verdict)})."


def _range(verdict: Mapping[str, Any]) -> str:
    by_seed = "by seed " + ", ".join(_signed(value) for value in verdict["by_seed"].values())
    if verdict["low"] is None:
        return by_seed
    over = "seeds" if verdict["interval_over"] == "seeds" else "sampling alone"
    low, high = _signed(verdict["high"]), _signed(verdict["low"])
    return f"95 % interval {low} to {high}, over {over}; {by_seed}"


def _signed(distance: float) -> str:
    """Format a distance with its side of the curve."""
    return f"{_size(distance)} {'inside' if distance > 0 else 'beyond'}"


def _gap(verdict: Mapping[str, Any], frontier: Mapping[str, Any]) -> str:
    """Return a sentence on the difference in quality from MLE at equal or greater diversity."""
    quality, diversity = frontier["quality"]["label"], frontier["diversity"]["label"]
    if verdict["gap"] is None:
        return f" MLE reaches this {diversity} at no temperature."
    if abs(verdict["gap"]) < _ROUNDING:
        return f" Its {quality} equals MLE's best at this {diversity} or lower."
    side = "lower" if verdict["gap"] < 0 else "higher"
    return (
        f" Its {quality} is {_size(verdict['gap'])} {side} than MLE's best at this "
        f"{diversity} or lower."
    )


def _size(value: float) -> str:
    return "0" if abs(value) < _ROUNDING else f"{abs(value):.3g}"

"""Differences between the settings of a checkpoint and the current ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_LEAVE_TRAINING_AS_IT_IS = {
    f"run.{name}"
    for name in (
        "out", "resume", "overwrite", "quiet", "device", "max_minutes", "save_every_minutes",
        "keep_checkpoints", "tensorboard", "report_to", "preset",
    )
}  # fmt: skip
"""Another kind of device is refused, so its name does not matter."""
OF_SCORES = "scores"
"""The group of settings that still applies to the scores of a finished run."""


def settings_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings and library versions of a run's record, by dotted names, as JSON."""
    groups = {**record.get("config", {}), "versions": record.get("versions", {})}
    flat = dict(_flat(groups, ""))
    return {name: value for name, value in flat.items() if name not in _LEAVE_TRAINING_AS_IT_IS}


def changed_settings(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str]]:
    """Return ``[then, now]`` by name for the settings that differ."""
    names = [*then, *(name for name in now if name not in then)]
    pairs = {name: [then.get(name, "absent"), now.get(name, "absent")] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def in_lines(changes: Mapping[str, list[str]]) -> str:
    """Return the changes, one per line."""
    return "\n".join(f"  {name}: {then} → {now}" for name, (then, now) in changes.items())


def _flat(group: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for key, value in group.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", json.dumps(value, ensure_ascii=False)

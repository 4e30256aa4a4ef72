"""The JSON of a run directory: always valid when written, read so that a kill does no harm."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqgan_kit.core.files.checked_json import check, read_checked, read_checked_lines
from seqgan_kit.core.files.json_kinds import anything
from seqgan_kit.core.runs.log.run_kinds import CONFIG, ROW, TABLE
from seqgan_kit.errors import UsageError


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of metrics.jsonl; a last line that a kill cut short is left out."""
    path = Path(folder) / "metrics.jsonl"
    try:
        return read_checked_lines(path, ROW)
    except FileNotFoundError:
        return []


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a run, or a UsageError that says this is no run directory."""
    path = Path(folder) / "config.json"
    try:
        record: dict[str, Any] = read_checked(path, anything, error=UsageError)
    except FileNotFoundError:
        raise UsageError(f"{folder} is not a run directory: it has no config.json.") from None
    versions = record.get("versions") if isinstance(record, dict) else None
    if not isinstance(versions, dict) or "seqgan_kit" not in versions:
        raise UsageError(f"{path} was not written by seqgan-kit.")
    check(record, CONFIG, str(path), error=UsageError)
    return record


def settings_of(folder: Path) -> dict[str, Any]:
    """Return the settings in a run's config.json, by the names of their groups."""
    config = read_config(folder)
    if "config" not in config:
        raise UsageError(f"{Path(folder) / 'config.json'} holds no settings: 'config' is missing.")
    settings: dict[str, Any] = config["config"]
    return settings


def read_scores(folder: Path) -> dict[str, Any] | None:
    """scores.json of a run, None where there is none; a UsageError if it holds no table."""
    path = Path(folder) / "scores.json"
    try:
        record: dict[str, Any] = read_checked(path, anything, error=UsageError)
    except FileNotFoundError:
        return None
    if not isinstance(record, dict) or not {"columns", "rows"} <= record.keys():
        raise UsageError(f"{path} holds no table of scores: it has no columns and rows.")
    check(record, TABLE, str(path), error=UsageError)
    return record


def as_json(value: Any) -> Any:
    """``value`` in JSON's own types: None for numbers that are not finite, text for the rest."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): as_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(entry) for entry in value]
    if isinstance(value, int):
        return int(value)
    try:
        number = value.item() if hasattr(value, "item") else value
        return number if isinstance(number, bool | int) else _finite(float(number))
    except (TypeError, ValueError, RuntimeError):
        return str(value)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def write_atomically(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON by :func:`write_whole`."""
    text = json.dumps(as_json(record), indent=2, allow_nan=False, ensure_ascii=False)
    write_whole(path, f"{text}\n".encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write beside ``path`` and renames: readers see the old file or the new one, never half of either.

    What is no file, such as a pipe or /dev/stdout, is written to as it is.
    """
    if path.exists() and not path.is_file():
        _write_device(path, content)
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    try:
        with partial.open("xb") as file:  # x: through no link
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        raise


def _write_device(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise

"""Read and write the JSON files of a run directory, robust to a process that is killed."""

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
    """Return the rows of metrics.jsonl, without an incomplete last line."""
    path = Path(folder) / "metrics.jsonl"
    try:
        return read_checked_lines(path, ROW)
    except FileNotFoundError:
        return []


def read_config(folder: Path) -> dict[str, Any]:
    """Return config.json of a run; raise UsageError if the folder is not a run directory."""
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
    """Return the settings in a run's config.json, by group name."""
    config = read_config(folder)
    if "config" not in config:
        raise UsageError(f"{Path(folder) / 'config.json'} has no settings: 'config' is missing.")
    settings: dict[str, Any] = config["config"]
    return settings


def read_scores(folder: Path) -> dict[str, Any] | None:
    """Return scores.json of a run, or None if it is missing; raise UsageError if it has no table."""
    path = Path(folder) / "scores.json"
    try:
        record: dict[str, Any] = read_checked(path, anything, error=UsageError)
    except FileNotFoundError:
        return None
    if not isinstance(record, dict) or not {"columns", "rows"} <= record.keys():
        raise UsageError(f"{path} has no table of scores: columns or rows are missing.")
    check(record, TABLE, str(path), error=UsageError)
    return record


def as_json(value: Any) -> Any:
    """Convert a value to JSON types: non-finite numbers become None, unknown types become text."""
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
    """Write a temporary file and rename it to ``path``, so that readers see the old file or the new one.

    Paths that are not regular files, such as a pipe or /dev/stdout, are written to directly.
    """
    if path.exists() and not path.is_file():
        _write_device(path, content)
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    try:
        with partial.open("xb") as file:  # Mode x does not follow links.
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

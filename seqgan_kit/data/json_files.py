"""JSON objects as files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqgan_kit.errors import DataError


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes JSON under a temporary name first: a reader never sees half a file."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except ValueError as error:
        raise DataError(f"{path} holds no valid JSON: {error}.") from None
    if not isinstance(value, Mapping):
        raise DataError(f"{path} holds no JSON object.")
    return value

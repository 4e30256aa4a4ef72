"""A cache keyed by content: the same bytes and settings are encoded once, changed ones never match.

An entry is a folder of one safetensors file and one JSON file. It appears by a rename, so a reader
sees all of it or nothing, and an unreadable or unwritable cache costs time, never a run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from seqgan_kit.data.sources.user_paths import expanded
from seqgan_kit.errors import SeqganKitError

T = TypeVar("T")

FORMAT = 1
"""Raised whenever the same source would be encoded differently than before."""
_TENSORS, _VALUES = "tensors.safetensors", "values.json"


def cache_dir() -> Path:
    """``$SEQGAN_KIT_CACHE``, else ``~/.cache/seqgan-kit`` (or below ``$XDG_CACHE_HOME``)."""
    chosen = os.environ.get("SEQGAN_KIT_CACHE")
    if chosen:
        return expanded(chosen)
    return expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "seqgan-kit"


def cache_key(kind: str, parts: Mapping[str, Any]) -> str:
    """A file-system name for ``parts``, which must hold all that the entry depends on."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, ensure_ascii=False)
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def load_entry(key: str, restore: Callable[[dict[str, Tensor], dict[str, Any]], T]) -> T | None:
    """What ``restore`` makes of the entry, or None where there is none that can be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = cache_dir() / key
    try:
        values = json.loads((folder / _VALUES).read_text(encoding="utf-8"))
        return restore(load_file(folder / _TENSORS), values)
    # An entry that was damaged or edited does not fit in one of many ways; it is made again in any case.
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        SafetensorError,
        SeqganKitError,
    ):
        return None


def store_entry(key: str, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Write an entry; a full or read-only disk only means that the next run encodes again."""
    from safetensors.torch import save_file

    folder = cache_dir() / key
    partial = None
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{key[:20]}-", dir=cache_dir()))
        save_file({name: t.contiguous() for name, t in tensors.items()}, partial / _TENSORS)
        text = json.dumps(values, ensure_ascii=False)
        (partial / _VALUES).write_text(text, encoding="utf-8")
        if folder.exists():  # unreadable, or written a moment ago by another process
            shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError:
        pass
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)

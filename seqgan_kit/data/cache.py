"""A cache keyed by content: the same bytes and settings are encoded only once.

An entry is a folder with one safetensors file and one JSON file. It is renamed into place, so a reader sees a
complete entry or none. A cache that cannot be read or written costs time, but never stops a run.
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

from seqgan_kit.core.files.user_paths import expanded
from seqgan_kit.errors import SeqganKitError

T = TypeVar("T")

FORMAT = 1
"""Version of the encoding; increase it when the same source would be encoded differently."""
_TENSORS, _VALUES = "tensors.safetensors", "values.json"


def cache_dir() -> Path:
    """Return the cache folder: ``$SEQGAN_KIT_CACHE``, else ``~/.cache/seqgan-kit`` (or below
    ``$XDG_CACHE_HOME``)."""
    chosen = os.environ.get("SEQGAN_KIT_CACHE")
    if chosen:
        return expanded(chosen)
    return expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "seqgan-kit"


def cache_key(kind: str, parts: Mapping[str, Any]) -> str:
    """Return a file name for ``parts``, which must contain everything that the entry depends on."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, ensure_ascii=False)
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def load_entry(key: str, restore: Callable[[dict[str, Tensor], dict[str, Any]], T]) -> T | None:
    """Return the entry restored by ``restore``; None if it is missing or cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = cache_dir() / key
    try:
        values = json.loads((folder / _VALUES).read_text(encoding="utf-8"))
        return restore(load_file(folder / _TENSORS), values)
    # A damaged or edited entry can fail in many ways; in every case it is built again.
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
    """Write an entry; if the disk is full or read-only, the next run encodes again."""
    from safetensors.torch import save_file

    folder = cache_dir() / key
    partial = None
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{key[:20]}-", dir=cache_dir()))
        save_file({name: t.contiguous() for name, t in tensors.items()}, partial / _TENSORS)
        text = json.dumps(values, ensure_ascii=False)
        (partial / _VALUES).write_text(text, encoding="utf-8")
        if folder.exists():  # The entry is unreadable, or another process has just written it.
            shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError:
        pass
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)

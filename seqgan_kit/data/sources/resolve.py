"""Resolve the name of a text or image source, without reading it.

A name is, in this order: ``hub:name[:config]``, a bundled name (``catworld``, or ``catworld:answer`` for
pairs), or a path. A path is a file (.txt .jsonl .csv .tsv .parquet .smi .abc) or a folder of such files
called train, valid and test.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqgan_kit.core.files.user_paths import expanded
from seqgan_kit.errors import DataError, unknown
from seqgan_kit.resources import data_dir

Format = Literal["txt", "smi", "abc", "json", "csv", "parquet", "imagefolder", "hub"]
TABLES: dict[str, Format] = {
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
PLAIN_FORMATS = ("txt", "smi", "abc")
"""Formats of text files without columns."""
NOTATION_SUFFIXES: dict[str, Format] = {".smi": "smi", ".smiles": "smi", ".abc": "abc"}
IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
)
SPLIT_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "eval"),
}
HUB = "hub:"


@dataclass(frozen=True)
class Source:
    """The source of one split: files of one format, or a split of a hub dataset."""

    format: Format
    files: tuple[Path, ...] = ()
    hub_name: str = ""
    hub_config: str | None = None
    hub_split: str = "train"
    revision: str | None = None
    label_root: Path | None = None

    def __str__(self) -> str:
        if self.format == "hub":
            config = f":{self.hub_config}" if self.hub_config else ""
            return f"{HUB}{self.hub_name}{config} [{self.hub_split}]"
        if self.label_root is not None:
            return str(self.label_root)
        return ", ".join(str(path) for path in self.files)

    def digest(self) -> str:
        """Return a hash of everything that the rows depend on: bytes of files, and names if they give
        labels."""
        total = hashlib.sha256(f"{self.format}\0".encode())
        for path in self.files:
            name = path.relative_to(self.label_root).as_posix() if self.label_root else path.suffix
            total.update(name.encode() + b"\0" + file_digest(path))
        return total.hexdigest()


def file_digest(path: Path) -> bytes:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def locate_text(
    name: str, *, split: str | None = None, revision: str | None = None
) -> dict[str, Source]:
    """Return the sources by split: ``train``, and ``valid`` and ``test`` if the name has them."""
    if name.startswith(HUB):
        return locate_hub(name, split, revision)
    bundled, _, part = name.partition(":")
    if part and bundled in bundled_names():
        return _bundled_part(bundled, part)
    path = bundled_or_path(name)
    if path.is_dir():
        return _split_files(
            path, lambda file: file.suffix.lower() in {".txt", *TABLES, *NOTATION_SUFFIXES}
        )
    return {"train": Source(text_format(path), (path,))}


def _bundled_part(bundled: str, part: str) -> dict[str, Source]:
    """Return the splits of ``bundled:part``: the tables part-train, part-valid and part-test."""
    files = sorted(p for p in (data_dir() / bundled).glob("*-*") if p.suffix in TABLES)
    found = {
        split: Source(text_format(path), (path,))
        for path in files
        for name, _, split in [path.stem.rpartition("-")]
        if name == part
    }
    if not found:
        parts = {path.stem.rpartition("-")[0] for path in files}
        raise unknown(f"part of {bundled}", part, parts)
    return found


def text_format(path: Path) -> Format:
    """Return the format by suffix; an unknown suffix (train.de, poems) means plain text."""
    return (TABLES | NOTATION_SUFFIXES).get(path.suffix.lower(), "txt")


def locate_hub(name: str, split: str | None, revision: str | None) -> dict[str, Source]:
    """Return the training split of ``hub:name[:config]``; other splits are looked up when reading."""
    repository, _, config = name.removeprefix(HUB).partition(":")
    if not repository:
        raise DataError(f"{name!r} has no dataset name: write hub:name or hub:name:config.")
    return {
        "train": Source(
            "hub",
            hub_name=repository,
            hub_config=config or None,
            hub_split=split or "train",
            revision=revision,
        )
    }


def bundled_or_path(name: str) -> Path:
    """Return the folder of a bundled name, or the path; the error for a missing path suggests similar
    names."""
    if not name.strip():
        raise DataError("the name of the data is empty: give a bundled name, a path or hub:name.")
    bundled = bundled_names()
    if name in bundled:
        return data_dir() / name
    path = expanded(name)
    if path.exists():
        return path
    raise DataError(_missing(path, bundled))


def bundled_names() -> list[str]:
    """Return the names of the bundled corpora."""
    return sorted(p.name for p in data_dir().iterdir() if p.is_dir() and p.name[0] not in "._")


def _missing(path: Path, bundled: list[str]) -> str:
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near_files = difflib.get_close_matches(path.name, beside, n=3, cutoff=0.6)
    near = [str(path.parent / name) for name in near_files]
    near += difflib.get_close_matches(str(path), bundled, n=1, cutoff=0.6)
    message = f"no such file or folder: {path}."
    if not path.parent.is_dir():
        message += f" There is no folder {path.parent} either."
    if near:
        message += f" Did you mean {' or '.join(near)}?"
    return f"{message} Bundled: {', '.join(bundled) or 'none'}; from the hub: hub:name."


def _split_files(folder: Path, wanted: Callable[[Path], bool]) -> dict[str, Source]:
    files = sorted(p for p in folder.iterdir() if p.is_file() and wanted(p))
    found: dict[str, Source] = {}
    for split, stems in SPLIT_NAMES.items():
        match = [p for p in files if p.stem.lower() in stems]
        # A folder may have the same captions as text and beside the images; plain text takes precedence.
        match.sort(key=lambda p: (p.suffix != ".txt", p.name))
        if match:
            found[split] = Source(text_format(match[0]), (match[0],))
    if "train" not in found:
        names = ", ".join(p.name for p in files[:5]) or "no text files"
        raise DataError(
            f"the folder {folder} has no train.txt (or .jsonl, .csv, .tsv, .parquet, .smi, .abc); it has "
            f"{names}. Give one file, or name the files train, valid and test."
        )
    return found

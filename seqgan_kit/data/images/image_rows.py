"""Rows of encoded images, labels and captions from folders, parquet files and hub datasets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_csv import CSV_SUFFIXES, csv_rows, csv_source
from seqgan_kit.data.sources.library import hub_splits, iterate, open_rows, quiet_datasets
from seqgan_kit.data.sources.resolve import (
    HUB,
    IMAGE_SUFFIXES,
    SPLIT_NAMES,
    Source,
    bundled_or_path,
    locate_hub,
)
from seqgan_kit.data.sources.text_rows import pick_column
from seqgan_kit.errors import DataError

_USUAL_IMAGES = ("image", "img", "picture", "photo", "face")
_USUAL_CAPTIONS = ("caption", "text", "captions")


@dataclass(frozen=True)
class ImageRow:
    """One encoded image; ``index`` is its row number in the source, from 0."""

    index: int
    name: str
    data: bytes
    labels: Mapping[str, Any]
    caption: str | None


@dataclass(frozen=True)
class ImageTable:
    """The rows of one split and its columns.

    Attributes:
        source: source of the rows.
        rows: a ``Dataset`` or ``IterableDataset`` whose image column is not decoded.
        image, caption: column names.
        labels: label columns, with class names if the source states them.
    """

    source: Source
    rows: Any
    image: str
    labels: Mapping[str, tuple[str, ...]]
    caption: str | None

    def read(self, start: int = 0) -> Iterator[ImageRow]:
        """Yield the rows in order, from row ``start`` on."""
        rows = self.rows.skip(start) if start else self.rows
        for index, row in enumerate(iterate(self.source, rows), start):
            name, data = _cell(self.source, self.image, row[self.image], index + 1)
            caption = row[self.caption] if self.caption else None
            labels = {label: row[label] for label in self.labels}
            yield ImageRow(index, name, data, labels, caption)


def locate_images(cfg: ImageData) -> dict[str, Source]:
    """Return the sources by split: ``train``, and ``test`` if there is one."""
    found = _locate(cfg.images, cfg)
    if found["train"].format == "hub":
        names = hub_splits(found["train"])
        for name in (
            n for n in SPLIT_NAMES["test"] if n in names and n != found["train"].hub_split
        ):
            found.setdefault("test", replace(found["train"], hub_split=name))
    if cfg.test_images is not None:
        given = _locate(cfg.test_images, cfg)
        found["test"] = given.get("test", given["train"])
    return found


def _locate(name: str, cfg: ImageData) -> dict[str, Source]:
    if name.startswith(HUB):
        return locate_hub(name, cfg.split, cfg.revision)
    path = bundled_or_path(name)
    if path.is_file():
        if path.suffix.lower() in CSV_SUFFIXES:
            return {"train": csv_source(path, cfg.column)}
        if path.suffix.lower() not in (".parquet", ".pq"):
            raise DataError(
                f"{path} is not a source of images: give a folder of images, a .parquet file with an image "
                "column, a .csv file with a column of file names, or hub:name."
            )
        return {"train": Source("parquet", (path,))}
    return _parquet_splits(path) or _folder_splits(path)


def _parquet_splits(folder: Path) -> dict[str, Source]:
    """Find train and test parquet files, also with a prefix or in shards (faces-train,
    train-00000-of-00002)."""
    by_prefix: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(folder.glob("*.parquet")):
        parts = re.split(r"[-_.]", path.stem.lower())
        for split in ("train", "test"):
            place = next((i for i, part in enumerate(parts) if part in SPLIT_NAMES[split]), None)
            if place is not None:
                prefix = "-".join(parts[:place])
                by_prefix.setdefault(prefix, {}).setdefault(split, []).append(path)
    sets = [splits for splits in by_prefix.values() if "train" in splits]
    if len(sets) > 1:
        names = ", ".join(str(splits["train"][0]) for splits in sets)
        raise DataError(f"{folder} has several training files; choose one of them: {names}.")
    return (
        {split: Source("parquet", tuple(paths)) for split, paths in sets[0].items()} if sets else {}
    )


def _folder_splits(folder: Path) -> dict[str, Source]:
    below = {p.name.lower(): p for p in folder.iterdir() if p.is_dir()}
    roots = {
        split: below[name]
        for split in ("train", "test")
        for name in SPLIT_NAMES[split]
        if name in below
    }
    if "train" not in roots:
        roots = {"train": folder}
    found = {split: image_folder(root) for split, root in roots.items()}
    empty = [str(source.label_root) for source in found.values() if not source.files]
    if empty:
        kinds = " ".join(sorted(IMAGE_SUFFIXES))
        raise DataError(
            f"the folder {empty[0]} and its sub-folders have no images ({kinds}): give another folder."
        )
    return found


def image_folder(root: Path) -> Source:
    """Return all images below a folder, sorted by name."""
    files = (p for p in root.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    # Hidden files and macOS's resource forks in archives have image suffixes but are not images.
    shown = (p for p in files if not any(map(_hidden, p.relative_to(root).parts)))
    return Source("imagefolder", tuple(sorted(shown)), label_root=root)


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def open_images(source: Source, cfg: ImageData) -> ImageTable:
    """Open a split and find its image, label and caption columns."""
    listed = source.format == "csv"
    if listed:
        rows = csv_rows(source, cfg.column)
    elif source.format == "imagefolder":
        rows = _folder_rows(source)
    else:
        rows = open_rows(source, streaming=cfg.streaming)
    library = quiet_datasets(online=source.format == "hub")
    features = rows.features or {}
    images = [name for name, kind in features.items() if isinstance(kind, library.Image)]
    image = _image_column(source, list(features), images, None if listed else cfg.column)
    if image in images:
        rows = rows.cast_column(image, library.Image(decode=False))
    caption = _caption_column(source, features, cfg.caption_column)
    labels = _label_columns(source, features, {image, caption}, cfg.label_column)
    wanted = [image, *labels, *([caption] if caption else [])]
    return ImageTable(source, rows.select_columns(wanted), image, labels, caption)


def empty_folders(source: Source) -> list[str]:
    """Return the sub-folders next to those of classes that have no images."""
    if source.label_root is None or not source.files:
        return []
    with_images = {path.relative_to(source.label_root).parts[0] for path in source.files}
    return sorted(
        below.name
        for below in source.label_root.iterdir()
        if below.is_dir() and not _hidden(below.name) and below.name not in with_images
    )


def _folder_rows(source: Source) -> Any:
    library = quiet_datasets(online=False)
    columns: dict[str, list[Any]] = {"image": [str(path) for path in source.files]}
    features: dict[str, Any] = {"image": library.Image(decode=False)}
    folders = [path.parent.name for path in source.files]
    if any(path.parent != source.label_root for path in source.files):
        names = sorted(set(folders))
        columns["label"] = [names.index(folder) for folder in folders]
        features["label"] = library.ClassLabel(names=names)
    return library.Dataset.from_dict(columns, features=library.Features(features))


def _image_column(
    source: Source, columns: Sequence[str], images: Sequence[str], wanted: str | None
) -> str:
    if wanted is None:
        for name in (*images, *(c for c in _USUAL_IMAGES if c in columns)):
            return name
        raise DataError(
            f"{source} has no image column; choose one with --column. "
            f"Columns: {', '.join(columns) or 'none'}."
        )
    return pick_column(source, columns, wanted)


def _caption_column(source: Source, features: Mapping[str, Any], wanted: str | None) -> str | None:
    if wanted is not None:
        return pick_column(source, list(features), wanted)
    return next(
        (c for c in _USUAL_CAPTIONS if c in features and _dtype(features[c]) == "string"), None
    )


def _label_columns(
    source: Source, features: Mapping[str, Any], taken: set[str | None], wanted: str | None
) -> dict[str, tuple[str, ...]]:
    """Return the label columns: integers, booleans, classes and short text, but not floats and lists."""
    if wanted is not None:
        names = [pick_column(source, list(features), wanted)]
    else:
        kinds = ("int", "uint", "bool", "string")
        names = [c for c, f in features.items() if c not in taken and _dtype(f).startswith(kinds)]
    return {name: tuple(getattr(features[name], "names", None) or ()) for name in names}


def _dtype(feature: Any) -> str:
    return str(getattr(feature, "dtype", ""))


def _cell(source: Source, column: str, value: Any, number: int) -> tuple[str, bytes]:
    """Return name and bytes of an image cell, which is bytes or a struct of bytes and path."""
    name = f"row {number} of {source}"
    if isinstance(value, bytes):
        return name, value
    if isinstance(value, dict) and value.get("bytes") is not None:
        return f"{name} ({value['path']})" if value.get("path") else name, value["bytes"]
    if isinstance(value, dict) and value.get("path"):
        try:
            return value["path"], Path(value["path"]).read_bytes()
        except OSError:
            return value["path"], b""
    if value is None or (isinstance(value, dict) and {"bytes", "path"} & value.keys()):
        return name, b""
    raise DataError(
        f"column {column!r} of {source} has {type(value).__name__} values, not encoded images: choose "
        "another with --column."
    )

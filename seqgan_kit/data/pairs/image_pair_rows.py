"""Pairs of encoded images from folders, side-by-side images and parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from seqgan_kit.data.images.image_rows import image_folder, open_images
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.sources.resolve import SPLIT_NAMES, TABLES, Source, bundled_or_path
from seqgan_kit.errors import DataError

_NAMED = 5


@dataclass(frozen=True)
class ImagePairRow:
    """One pair, still encoded."""

    name: str
    source: bytes
    target: bytes


def pair_rows(cfg: ImagePairData) -> dict[str, Iterator[ImagePairRow]]:
    """Return the pairs by split: ``train`` always, ``test`` if the data have one."""
    path = bundled_or_path(cfg.pairs)
    if path.is_file():
        if path.suffix.lower() not in TABLES or TABLES[path.suffix.lower()] != "parquet":
            raise DataError(
                f"{path} is no source of pairs: give catworld:VIEW, damage:CORRUPTION, a folder, or a "
                ".parquet file with two image columns."
            )
        return {"train": _parquet_rows(path, cfg)}
    sources = _split_folders(path)
    if cfg.targets is None:
        return {split: _halves(folder) for split, folder in sources.items()}
    targets = _split_folders(bundled_or_path(cfg.targets))
    if sources.keys() != targets.keys():
        raise DataError(
            f"{path} has the splits {', '.join(sources)}, and {cfg.targets} has {', '.join(targets)}: "
            "give both folders the same sub-folders train and test, or none."
        )
    return {split: _matched(sources[split], targets[split]) for split in sources}


def have_equal_names(cfg: ImagePairData) -> bool:
    """Return whether two folders hold images of the same file names, so that each has its partner."""
    sources, targets = (_split_folders(bundled_or_path(str(p))) for p in (cfg.pairs, cfg.targets))
    return sources.keys() == targets.keys() and all(
        _by_name(sources[split]).keys() == _by_name(targets[split]).keys() for split in sources
    )


def _split_folders(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder of images.")
    below = {p.name.lower(): p for p in folder.iterdir() if p.is_dir()}
    found = {
        split: below[name]
        for split in ("train", "test")
        for name in SPLIT_NAMES[split]
        if name in below
    }
    return found if "train" in found else {"train": folder}


def _by_name(folder: Path) -> dict[str, Path]:
    """Return the images of a folder by relative path without the suffix."""
    found: dict[str, Path] = {}
    for path in image_folder(folder).files:
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise DataError(
                f"{found[name]} and {path} have one name; a pair needs one image of a name."
            )
        found[name] = path
    if not found:
        raise DataError(f"the folder {folder} holds no images.")
    return found


def _matched(source_folder: Path, target_folder: Path) -> Iterator[ImagePairRow]:
    sources, targets = _by_name(source_folder), _by_name(target_folder)
    without = [
        f"{len(names):,} in {folder} without a partner: {_listed(names)}"
        for folder, names in (
            (source_folder, sorted(sources.keys() - targets.keys())),
            (target_folder, sorted(targets.keys() - sources.keys())),
        )
        if names
    ]
    if without:
        raise DataError(
            f"images are paired by their file names, and some have no partner: {'; '.join(without)}. Remove "
            "them, or give both images of a pair the same name."
        )
    for name in sources:
        yield ImagePairRow(name, sources[name].read_bytes(), targets[name].read_bytes())


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _halves(folder: Path) -> Iterator[ImagePairRow]:
    """Yield pairs from images whose left half is the source and whose right half is the target."""
    for name, path in _by_name(folder).items():
        data = path.read_bytes()
        try:
            with Image.open(io.BytesIO(data)) as whole:
                whole.load()
                width, height = whole.size
                if width % 2:
                    raise DataError(
                        f"{path} is {width} pixels wide, which is odd: its halves are to be the source "
                        "and the target of a pair, side by side. If these are single images, give the "
                        "folder of their targets with --targets."
                    )
                boxes = (0, 0, width // 2, height), (width // 2, 0, width, height)
                source, target = (_png(whole.crop(box)) for box in boxes)
        except DataError:
            raise
        except (
            Exception
        ):  # Pillow's decoders raise various errors; the pair is counted as unreadable
            source = target = data
        yield ImagePairRow(name, source, target)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=0)
    return file.getvalue()


def _parquet_rows(path: Path, cfg: ImagePairData) -> Iterator[ImagePairRow]:
    source = Source("parquet", (path,))
    names = _image_columns(path)
    given = cfg.source_column, cfg.target_column
    if None in given and len(names) < 2:
        raise DataError(
            f"{path} has {len(names)} image column{'s' * (len(names) != 1)} "
            f"({', '.join(names) or 'none'}); a pair needs two. Name them with --source-column and "
            "--target-column."
        )
    free = [name for name in names if name not in given]
    first, second = (name if name is not None else free.pop(0) for name in given)
    like = cfg.images_like()
    tables = [open_images(source, replace(like, column=column)) for column in (first, second)]
    for one, two in zip(*(table.read() for table in tables), strict=True):
        yield ImagePairRow(one.name, one.data, two.data)


def _image_columns(path: Path) -> list[str]:
    """Return the columns that hold encoded images: bytes, or records of bytes and path."""
    from pyarrow import ArrowInvalid, types
    from pyarrow.parquet import read_schema

    try:
        schema = read_schema(path)
    except (OSError, ArrowInvalid) as error:
        raise DataError(f"{path} is no parquet file: {str(error).splitlines()[0]}") from None
    return [
        field.name
        for field in schema
        if types.is_binary(field.type)
        or (types.is_struct(field.type) and any(part.name == "bytes" for part in field.type))
    ]

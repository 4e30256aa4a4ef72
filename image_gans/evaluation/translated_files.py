"""Translation of image files, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from image_gans.grids import save_one_of_many
from seqgan_kit.data.images.image_rows import image_folder
from seqgan_kit.data.images.pixels import decode, to_float, to_uint8
from seqgan_kit.errors import DataError, UsageError

_CHUNK = 64


@dataclass
class Translated:
    """Result of translating files."""

    written: int = 0
    skipped: list[str] = field(default_factory=list)
    """Each with the reason."""


def translate_files(
    act: Callable[[Tensor], Tensor],
    images: Path,
    out: Path,
    size: int,
    channels: int,
    *,
    strict: bool,
) -> Translated:
    """Write act(image) of every image as a PNG of the same name into a folder.

    Args:
        act: [N,C,H,W] in [-1,1] -> the same.
        images: a file or a folder.
        out: the folder; made if missing, with the sub-folders of ``images``.
        size: pixels a side that ``act`` takes; the middle square of each image is brought to it.
        channels: 1 or 3.
        strict: raise an error for an unreadable image.
    """
    check_target(images, out)
    done = Translated()
    for names, pixels in read_images(images, size, channels, done, strict=strict):
        outputs = to_uint8(act(pixels)).movedim(1, 3).cpu()
        for name, output in zip(names, outputs, strict=True):
            write_pixels(output.numpy(), out / name)
            done.written += 1
    return done


def read_images(
    images: Path, size: int, channels: int, done: Translated, *, strict: bool
) -> Iterator[tuple[list[Path], Tensor]]:
    """Yield the images of a folder a few at a time: names as PNG files, and pixels [N,C,H,W] in [-1,1].

    Args:
        images: a file or a folder.
        size: pixels a side; the middle square of each image is brought to it.
        channels: 1 or 3.
        done: unreadable images are entered here.
        strict: raise an error for an unreadable image.
    """
    files, found = iter(_named(images)), False
    while chunk := list(islice(files, _CHUNK)):
        if read := list(_readable(chunk, size, channels, done, strict)):
            found = True
            yield [name for name, _ in read], torch.stack([pixels for _, pixels in read])
    if not found:
        raise DataError(f"none of the images of {images} can be read: {done.skipped[0]}.")


def check_target(images: Path, out: Path) -> None:
    """Refuse an output that is a file, or the folder of the images that are read."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give --out the name of a folder.")
    if out.resolve() == (images if images.is_dir() else images.parent).resolve():
        raise UsageError(
            f"--out {out} would overwrite the images that are read: choose another folder."
        )


def _named(images: Path) -> list[tuple[Path, Path]]:
    """Return the files and the names of their outputs."""
    if not images.exists():
        raise UsageError(f"no such file or folder: {images}.")
    if images.is_file():
        return [(images, Path(images.name).with_suffix(".png"))]
    files = [(path, path.relative_to(images)) for path in image_folder(images).files]
    if not files:
        raise DataError(f"the folder {images} holds no images, nor do its sub-folders.")
    taken: set[Path] = set()
    named = []
    for path, name in files:
        short = name.with_suffix(".png")
        chosen = short if short not in taken else name.with_name(f"{name.name}.png")
        taken.add(chosen)
        named.append((path, chosen))
    return named


def _readable(
    files: list[tuple[Path, Path]], size: int, channels: int, done: Translated, strict: bool
) -> Iterator[tuple[Path, Tensor]]:
    for path, name in files:
        try:
            pixels = decode(path.read_bytes(), size=size, channels=channels, crop="centre").pixels
        except (DataError, OSError) as error:
            if strict:
                raise DataError(
                    f"cannot read the image {path} ({error}). Leave --strict out to skip such images."
                ) from None
            done.skipped.append(f"{path} ({error})")
            continue
        yield name, to_float(torch.from_numpy(pixels))


def write_pixels(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write an image [H,W,C], and the folder that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_one_of_many(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels), path)

"""Cases of image data: folders and tables of images in many formats, some of them damaged."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from fuzzing.damage import damaged_bytes
from PIL import Image

_FORMATS = (
    "AVIF",
    "BLP",
    "BMP",
    "DDS",
    "DIB",
    "EPS",
    "GIF",
    "ICNS",
    "ICO",
    "IM",
    "JPEG",
    "JPEG2000",
    "MSP",
    "PCX",
    "PNG",
    "PPM",
    "QOI",
    "SGI",
    "SPIDER",
    "TGA",
    "TIFF",
    "WEBP",
    "XBM",
)
_SUFFIXES = (".png", ".jpg", ".webp", ".tif", ".avif", ".dds", ".gif")


def image_case(folder: Path, rng: Random) -> Callable[[], object]:
    """Write images into the folder; gives the call that reads them."""
    from seqgan_kit.data.images.load_images import ImageData, load_images

    whole = [_encoded(rng.choice(("PNG", "JPEG", "WEBP")), rng.randrange(4)) for _ in range(3)]
    hurt = [_damaged(rng) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.25:
        source = _table(folder, [*whole, *hurt], rng)
    else:
        source = folder / "pictures"
        source.mkdir()
        for i, content in enumerate([*whole, *hurt]):
            below = source / rng.choice(("", "a", "b"))
            below.mkdir(exist_ok=True)
            (below / f"{i}{rng.choice(_SUFFIXES) if i > 2 else '.png'}").write_bytes(content)
    if rng.random() < 0.1:
        return lambda: _project(hurt[0], folder)
    crop, streaming = rng.choice(("centre", "smart")), rng.random() < 0.2
    config = ImageData(
        images=str(source),
        size=8,
        channels=rng.choice((1, 3)),
        crop=crop,
        streaming=streaming,
        test_share=rng.choice((0.0, 0.3)),
        strict=rng.random() < 0.1,
    )

    def act() -> None:
        corpus = load_images(config)
        corpus.feed(1, seed=0).next_batch()

    return act


def _project(content: bytes, folder: Path) -> None:
    from image_gans.latent.exploring import read_picture

    (folder / "one.png").write_bytes(content)
    read_picture(folder / "one.png", 3, 16)


def _damaged(rng: Random) -> bytes:
    content = _encoded(rng.choice(_FORMATS), rng.randrange(4))
    return damaged_bytes(content, rng) if rng.random() < 0.8 else content


@cache
def _encoded(kind: str, which: int) -> bytes:
    """An image in a format; in black and white, or as PNG, where the format has no colours."""
    pixels = np.random.default_rng(which).integers(0, 256, (20 + 4 * which, 32, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    for mode in ("RGB", "P", "1", "F"):
        file = io.BytesIO()
        try:
            picture.convert(mode).save(file, kind)
        except (OSError, ValueError, KeyError):
            continue
        return file.getvalue()
    return _encoded("PNG", which)


def _table(folder: Path, contents: list[bytes], rng: Random) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    cells = contents if rng.random() < 0.5 else [{"bytes": c, "path": None} for c in contents]
    columns = {"image": cells, "label": rng.choices([0, 1, -1, None], k=len(cells))}
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    content = file.getvalue()
    path = folder / "pictures.parquet"
    path.write_bytes(damaged_bytes(content, rng) if rng.random() < 0.5 else content)
    return path

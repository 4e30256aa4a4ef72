"""Write the cat world to files: captions as text, pairs as tables, faces for HuggingFace datasets.

    python -m seqgan_kit.data.catworld.build data/catworld      the bundled files, byte for byte

Every face has its own random generator, seeded by (seed, split, number), so the first faces of a large world
are those of a small one.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.captions.caption import CatWorld
from seqgan_kit.data.catworld.planted import KINDS, planted_lines
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES
from seqgan_kit.data.catworld.tasks.task_choice import TASKS, task_of
from seqgan_kit.data.catworld.tasks.world_task import Task
from seqgan_kit.errors import UsageError

BUNDLED_SEED = 20170209
BUNDLED_CAPTIONS = {"train": 10_000, "valid": 1_000, "test": 10_000}
BUNDLED_PAIRS = {"train": 10_000, "valid": 1_000, "test": 2_000}
BUNDLED_FACES = {"train": 3_000, "test": 500}
BUNDLED_FACE_PIXELS = 32
# Six of eight bits per channel look the same at 32 pixels and save a third of the size.
BUNDLED_COLOUR_BITS = 6

_ROWS_IN_A_GROUP = 500
# One number per stream of random numbers, so that no two files share one.
_STREAMS = {"train": 1, "valid": 2, "test": 3}
_TASK_STREAMS = {
    "describe": 10,
    "answer": 20,
    "translate": 30,
    "entail": 40,
}  # added to the split's
_PLANTED_STREAM = 50  # and the number of the kind


def build_bundled(out: Path) -> None:
    """Write the files of data/catworld."""
    _write_captions(out, BUNDLED_CAPTIONS, BUNDLED_SEED)
    for task in TASKS.values():
        _write_pairs(out, task, BUNDLED_PAIRS, BUNDLED_SEED)
    _write_faces(out, BUNDLED_FACES, BUNDLED_FACE_PIXELS, BUNDLED_SEED, BUNDLED_COLOUR_BITS)


def write_world(
    out: Path,
    images: int = 0,
    size: int = 32,
    captions: int = 0,
    seed: int = 0,
    pairs: int = 0,
    task: str = "",
    planted: int = 0,
) -> None:
    """Write a world of any size; a tenth of the faces is the test split, captions and pairs are split 8:1:1.

    Args:
        out: the folder to write to, created if missing.
        images: number of faces, for ``faces-train.parquet`` and ``faces-test.parquet``.
        size: height and width of a face in pixels, 16 to 256.
        captions: number of captions, for ``train.txt``, ``valid.txt`` and ``test.txt``.
        seed: the same seed gives the same files.
        pairs: number of pairs of ``task``, for ``translate-train.tsv`` and so on.
        task: what is done with the first text of a pair: describe, answer, translate or entail.
        planted: number of captions for every kind of planted error, for ``planted-word.txt``,
            ``planted-word.labels`` and so on; half of the captions have an error.

    Raises:
        UsageError: for a negative number, a size out of range or an unknown task.
    """
    if min(images, captions, seed, pairs, planted) < 0:
        raise UsageError(
            f"images={images}, captions={captions}, seed={seed}, pairs={pairs} and planted={planted} must "
            "not be negative."
        )
    if not 16 <= size <= 256:
        raise UsageError(f"faces of {size} pixels: give a size from 16 to 256.")
    made_of = task_of(task) if pairs else None
    if captions:
        _write_captions(out, _split(captions), seed)
    if made_of is not None:
        _write_pairs(out, made_of, _split(pairs), seed)
    if planted:
        _write_planted(out, planted, seed)
    if images:
        _write_faces(out, {"train": images - images // 10, "test": images // 10}, size, seed)


def _split(count: int) -> dict[str, int]:
    held_out = count // 10
    return {"train": count - 2 * held_out, "valid": held_out, "test": held_out}


def _write_captions(out: Path, counts: dict[str, int], seed: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    world = CatWorld()
    for split, count in counts.items():
        if count:
            lines = world.sample_many(count, np.random.default_rng((seed, _STREAMS[split])))
            text = "".join(f"{line}\n" for line in lines)
            (out / f"{split}.txt").write_bytes(text.encode("utf-8"))


def _write_pairs(out: Path, task: Task, counts: dict[str, int], seed: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for split, count in counts.items():
        rng = np.random.default_rng((seed, _TASK_STREAMS[task.name] + _STREAMS[split]))
        rows = ["source\ttarget", *("\t".join(task.pair(rng)) for _ in range(count))]
        text = "".join(f"{row}\n" for row in rows)
        (out / f"{task.name}-{split}.tsv").write_bytes(text.encode("utf-8"))


def _write_planted(out: Path, count: int, seed: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for number, kind in enumerate(KINDS):
        rng = np.random.default_rng((seed, _PLANTED_STREAM + number))
        lines = planted_lines(kind, count, rng)
        for ending, rows in (
            ("txt", [x.text for x in lines]),
            ("labels", [x.label for x in lines]),
        ):
            text = "".join(f"{row}\n" for row in rows)
            (out / f"planted-{kind}.{ending}").write_bytes(text.encode("utf-8"))


def _write_faces(
    out: Path, counts: dict[str, int], size: int, seed: int, colour_bits: int = 8
) -> None:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ParquetWriter

    out.mkdir(parents=True, exist_ok=True)
    schema = _schema()
    for split, count in counts.items():
        if not count:
            continue
        path = out / f"faces-{split}.parquet"
        # The PNGs are uncompressed: zstd over many images compresses better than deflate per image.
        with ParquetWriter(path, schema, compression="zstd", compression_level=19) as writer:
            for first in range(0, count, _ROWS_IN_A_GROUP):
                rows = [
                    _face((seed, _STREAMS[split], number), size, colour_bits)
                    for number in range(first, min(first + _ROWS_IN_A_GROUP, count))
                ]
                writer.write_batch(RecordBatch.from_pylist(rows, schema=schema))


def _face(seeds: Sequence[int], size: int, colour_bits: int) -> dict[str, Any]:
    """Return a row: the image, the labels of its scene, and a true caption."""
    from seqgan_kit.data.catworld.drawing.draw_scene import draw

    rng = np.random.default_rng(tuple(seeds))
    scene, caption = CatWorld().sample_pair(rng)
    picture = _coarsened(draw(scene, size, rng), colour_bits)
    image = {"bytes": png(picture), "path": None}
    return {"image": image, **scene.labels(), "caption": caption}


def _coarsened(picture: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Reduce the colours to 2^bits levels per channel."""
    lost = 8 - bits
    middle = np.uint8((1 << lost) >> 1)
    return ((picture >> lost) << lost).astype(np.uint8) + middle


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return the image as a PNG file without compression."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=0)
    return file.getvalue()


def _schema() -> Any:
    """Return the parquet schema, with metadata that tells ``datasets`` about images and label names."""
    import pyarrow as pa

    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features |= {name: {"names": list(v), "_type": "ClassLabel"} for name, v in LABEL_NAMES.items()}
    features["caption"] = {"dtype": "string", "_type": "Value"}
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = [("image", picture), *((name, pa.int64()) for name in LABEL_NAMES)]
    schema = pa.schema([*columns, ("caption", pa.string())])
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def main(words: Sequence[str]) -> int:
    """Run the command, whose only argument is the folder to write to."""
    if len(words) != 1 or words[0].startswith("-"):
        print("usage: python -m seqgan_kit.data.catworld.build FOLDER", file=sys.stderr)
        return 2
    build_bundled(Path(words[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

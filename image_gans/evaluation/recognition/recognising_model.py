"""A saved classifier of far objects, and what it says of image files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from image_gans.evaluation.image_parts import ImageParts
from image_gans.evaluation.translated_files import Translated, read_images
from image_gans.metrics.recogniser import Recogniser
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.errors import UsageError

Said = dict[str, tuple[str, float]]
"""The most probable class of each label, and its probability."""


class RecognisingModel(ImageParts):
    """A model of parts with the verb ``recognise``: a classifier, in evaluation mode."""

    def recognise(self, images: Tensor) -> list[Said]:
        """Return what the classifier says of each of the images [N,C,H,W] in [-1,1]."""
        self.need("recognise")
        names = cast(Recogniser, cast(Any, self.parts["classifier"]).inner).config.label_names
        with torch.no_grad():
            logits = self.parts["classifier"](images)
        best = {label: values.softmax(1).max(1) for label, values in logits.items()}
        return [
            {
                label: (names[label][int(b.indices[i])], float(b.values[i]))
                for label, b in best.items()
            }
            for i in range(len(images))
        ]

    def recognise_files(
        self, images: Path, out: Path | None = None, *, strict: bool = False
    ) -> tuple[list[tuple[Path, Said]], Translated]:
        """Name the images of a folder; write a CSV file of the names if one is given.

        Args:
            images: a file or a folder.
            out: file with a row for each image: its name, then for each label the class and its probability.
            strict: raise an error for an unreadable image.

        Returns:
            What is said of each image, and how many were read.
        """
        if out is not None and out.is_dir():
            raise UsageError(f"--out {out} is a folder: give the name of a CSV file.")
        size, channels = self.input_shape("recognise")
        done, found = Translated(), list[tuple[Path, Said]]()
        for names, x in read_images(images, size, channels, done, strict=strict):
            found += zip(names, self.recognise(x), strict=True)
        done.written = len(found)
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_whole(out, _table(found).encode())
        return found, done


def _table(found: list[tuple[Path, Said]]) -> str:
    file = io.StringIO()
    writer, labels = csv.writer(file), list(found[0][1])
    writer.writerow(["image", *(c for label in labels for c in (label, f"p_{label}"))])
    for name, said in found:
        cells = [cell for label in labels for cell in (said[label][0], f"{said[label][1]:.4f}")]
        writer.writerow([name.as_posix(), *cells])
    return file.getvalue()

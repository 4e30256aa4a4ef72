"""Settings of an image corpus; the fields become command-line flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seqgan_kit.core.bounds import Above0, Positive, Several, Share, Units, bounded
from seqgan_kit.errors import UsageError

SMALLEST_PIXELS, LARGEST_PIXELS = 8, 1024


@dataclass(frozen=True)
@bounded
class ImageData:
    """Settings of the training images and their preprocessing."""

    images: str = "catworld"
    """Training images: a bundled name (catworld), a folder of images (sub-folders are labels), a
    parquet file with an image column, a folder with train and test parquet files, a CSV file with a column
    of file names (file_name) and columns of labels, or hub:name[:config]."""
    test_images: str | None = None
    """Test images (default: the source's own split, or images cut from the training images)."""
    size: int = 32
    """Height and width of the square images in pixels."""
    channels: int = 3
    """Number of colour channels: 3 for RGB, 1 for grey."""
    crop: Literal["centre", "smart"] = "centre"
    """Square crop of images that are not square. centre: the middle. smart: the window along the longer side
    with the most gradient energy, that is, with the most edges and texture."""
    column: str | None = None
    """Column with the images, or with their file names in a CSV file, if the source has several columns."""
    label_column: str | None = None
    """Column with the label (default: every column that looks like a label)."""
    caption_column: str | None = None
    """Column with captions (default: a column called caption or text)."""
    split: str | None = None
    """Training split of a hub dataset (default: train)."""
    revision: str | None = None
    """Revision (branch, tag or commit) of a hub dataset."""
    test_share: Share = 0.1
    """Share of the training images used as test images, if the source has no such split."""
    train_images: Units = 0
    """Number of training images to learn from, evenly spaced over the data, to see what fewer data do (0:
    all). Scores still compare with all of them."""
    strict: bool = False
    """Strict reading: stop with an error at an unreadable image instead of skipping it."""
    memory_gib: Above0 = 4.0
    """Largest memory for decoded images, in GiB."""
    streaming: bool = False
    """Streaming: read the images during training, for images that do not fit in memory."""
    shuffle_buffer: Positive = 2048
    """Streaming: number of images in the shuffle buffer."""
    sample_images: Several = 4096
    """Streaming: number of first images kept in memory for labels, samples and scores."""

    def __post_init__(self) -> None:
        if not SMALLEST_PIXELS <= self.size <= LARGEST_PIXELS:
            raise UsageError(
                f"size is {self.size} pixels; it must be {SMALLEST_PIXELS} to {LARGEST_PIXELS}."
            )
        if self.channels not in (1, 3):
            raise UsageError(f"channels is {self.channels}; it must be 1 (grey) or 3 (colour).")

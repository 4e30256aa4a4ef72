"""The options of an image corpus; the fields become command line flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seqgan_kit.core.bounds import Above0, Positive, Several, Share, bounded
from seqgan_kit.errors import UsageError

SMALLEST_PIXELS, LARGEST_PIXELS = 8, 1024


@dataclass(frozen=True)
@bounded
class ImageData:
    """The pictures to learn from, and how they become pixels."""

    images: str = "catworld"
    """What to learn from: a bundled name (catworld), a folder of pictures (sub-folders are labels), a
    parquet file with an image column, a folder with train and test parquet files, or hub:name[:config]."""
    test_images: str | None = None
    """Test pictures; without them the source's own split is taken, or one is cut from the training ones."""
    size: int = 32
    """Side of the square pictures in pixels."""
    channels: int = 3
    """3 for colour, 1 for grey."""
    crop: Literal["centre", "smart"] = "centre"
    """Which square of a picture that is not square: the centre, or (smart) the one along the longer side
    with the most gradient energy, that is with the most edges and texture."""
    column: str | None = None
    """Column that holds the pictures, where the source has several."""
    label_column: str | None = None
    """Column that holds the label (default: every column that looks like one)."""
    caption_column: str | None = None
    """Column that holds a caption (default: one called caption or text)."""
    split: str | None = None
    """Training split of a hub dataset (default: train)."""
    revision: str | None = None
    """Revision (branch, tag or commit) of a hub dataset."""
    test_share: Share = 0.1
    """Share of the training pictures kept for the test where the source has no such split."""
    strict: bool = False
    """Stop at a picture that cannot be read instead of skipping and counting it."""
    memory_gib: Above0 = 4.0
    """Memory that the decoded pictures may take."""
    streaming: bool = False
    """Read while training, for pictures that do not fit in memory."""
    shuffle_buffer: Positive = 2048
    """Streaming: pictures shuffled together."""
    sample_images: Several = 4096
    """Streaming: pictures at the start that are held in memory for labels, samples and scores."""

    def __post_init__(self) -> None:
        if not SMALLEST_PIXELS <= self.size <= LARGEST_PIXELS:
            raise UsageError(
                f"size is {self.size} pixels; allowed are {SMALLEST_PIXELS} to {LARGEST_PIXELS}."
            )
        if self.channels not in (1, 3):
            raise UsageError(f"channels is {self.channels}; allowed are 1 (grey) and 3 (colour).")

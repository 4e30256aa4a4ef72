"""The options of pairs of images; the fields become command line flags."""

from __future__ import annotations

from dataclasses import dataclass

from seqgan_kit.core.bounds import Positive, Share, bounded
from seqgan_kit.data.images.image_config import ImageData

CATWORLD, DAMAGE = "catworld:", "damage:"


@dataclass(frozen=True)
@bounded
class ImagePairData:
    """The pairs of images to learn from, and how they become pixels."""

    pairs: str = "catworld:parts"
    """What to learn from: catworld:VIEW (parts, outline, unlit, near, glasses, hat, kitten, old, hand,
    or an edit such as coat=ginger), damage:CORRUPTION (of the images of --targets, fresh at every draw), a
    folder of source images (with --targets), a folder of images that hold source and target side by
    side, or a parquet file with two image columns."""
    targets: str | None = None
    """Folder of the target images, matched with the sources by file name; for damage: the images to damage
    (default: catworld)."""
    source_column: str | None = None
    """Parquet: column of the source images (default: the first image column)."""
    target_column: str | None = None
    """Parquet: column of the target images (default: the second image column)."""
    reverse: bool = False
    """Swap source and target."""
    size: int = 32
    """Side of the square images in pixels."""
    channels: int = 3
    """3 for colour, 1 for grey."""
    world_pairs: Positive = 3000
    """catworld: training pairs; a sixth as many are drawn for the test."""
    test_share: Share = 0.1
    """Share of the training pairs kept for the test where there is no such split."""
    strict: bool = False
    """Stop at an image that cannot be read instead of skipping its pair."""

    def __post_init__(self) -> None:
        self.images_like()

    @property
    def reduction(self) -> int | None:
        """Return how many pixels of a target, in each direction, are one of its source; None if unknown."""
        return {f"{DAMAGE}low2": 2, f"{DAMAGE}low4": 4}.get(self.pairs)

    def images_like(self, images: str = "catworld") -> ImageData:
        """Return settings for single images of this size; raise UsageError for an invalid size."""
        return ImageData(
            images=images,
            size=self.size,
            channels=self.channels,
            test_share=self.test_share,
            strict=self.strict,
        )

"""Load two sets of images for training without pairs."""

from __future__ import annotations

from seqgan_kit.data.images.load_images import load_images
from seqgan_kit.data.pairs.image_pair_config import CATWORLD, DAMAGE, ImagePairData
from seqgan_kit.data.pairs.image_pair_rows import have_equal_names
from seqgan_kit.data.pairs.image_pairs import ImagePairs, load_image_pairs
from seqgan_kit.data.pairs.world_pairs import PairSplit


def load_image_sets(cfg: ImagePairData) -> ImagePairs:
    """Read two sets of images: pairs where the data have them, so that they can be scored, or two folders.

    Folders whose images have equal file names are pairs. Others are two sets of any sizes.
    """
    named = cfg.pairs.startswith((CATWORLD, DAMAGE))
    if named or cfg.targets is None or have_equal_names(cfg):
        return load_image_pairs(cfg)
    folders = (cfg.targets, cfg.pairs) if cfg.reverse else (cfg.pairs, cfg.targets)
    sources, targets = (load_images(cfg.images_like(folder)) for folder in folders)
    lines = (
        *(f"sources: {line}" for line in sources.account.lines()[1:]),
        *(f"targets: {line}" for line in targets.account.lines()[1:]),
        "the file names differ, so no pair is known: PSNR and SSIM are left out",
    )
    return ImagePairs(
        PairSplit(sources.train, targets.train), PairSplit(sources.test, targets.test),
        {}, None, lines, matched=False,
    )  # fmt: skip

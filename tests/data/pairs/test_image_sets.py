"""Two folders of images without pairs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_sets import load_image_sets


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path / "cache"))


def folder(path: Path, names: list[str], shade: int) -> str:
    path.mkdir(parents=True)
    for number, name in enumerate(names):
        pixels = np.full((16, 16, 3), shade + number, np.uint8)
        pixels[..., 0] += 1  # grey images are refused as colour
        Image.fromarray(pixels).save(path / f"{name}.png")
    return str(path)


def sets(tmp_path: Path, targets: list[str], **options: object) -> ImagePairData:
    sources = folder(tmp_path / "a", [f"s{n}" for n in range(8)], 0)
    return ImagePairData(
        sources, targets=folder(tmp_path / "b", targets, 100), size=16, test_share=0.3, **options
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("reverse", [False, True])
def test_folders_of_other_names_are_two_whole_sets(tmp_path: Path, reverse: bool) -> None:
    found = load_image_sets(sets(tmp_path, [f"t{n}" for n in range(12)], reverse=reverse))
    assert not found.matched
    sources, targets = found.unpaired()
    counts = [len(sources) + len(found.test.sources), len(targets) + len(found.test.targets)]
    assert counts == ([12, 8] if reverse else [8, 12])
    assert (sources.max() < 100) is not reverse
    feed = found.unpaired_feed(4, seed=0)
    batch = feed.next_batch()
    assert batch["source"].shape == batch["real"].shape == (4, 3, 16, 16)
    assert any("no pair is known" in line for line in found.lines)


def test_folders_of_equal_names_are_pairs_whose_halves_are_trained_on(tmp_path: Path) -> None:
    found = load_image_sets(sets(tmp_path, [f"s{n}" for n in range(8)]))
    assert found.matched
    assert torch.equal(found.test.targets, found.test.sources + 100)
    sources, targets = found.unpaired()
    assert len(sources) + len(targets) == len(found.train)

"""The map of two-dimensional codes: which labels it shows, and that dots have their class's colour."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from image_gans.evaluation.translation.code_map import (
    _PALETTE,
    _SIDE,
    between_classes,
    draw_code_map,
)


def test_the_share_between_classes_is_that_of_an_analysis_of_variance() -> None:
    """Means -1 and 1, deviation 1 within: between 1, within 1, so a half. Unlabelled rows do not count."""
    codes = torch.tensor([[-2.0], [0.0], [0.0], [2.0], [99.0]])
    classes = torch.tensor([0, 0, 1, 1, -1])
    assert between_classes(codes, classes) == pytest.approx(0.5)
    assert between_classes(codes[:4], torch.zeros(4, dtype=torch.int64)) == 0
    assert between_classes(torch.ones(4, 2), classes[:4]) == 0


def test_the_map_shows_the_labels_that_the_codes_tell_most_of(tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(0)
    told = torch.arange(40) % 2
    codes = torch.stack([told.float(), torch.rand(40, generator=rng)], 1)
    other = torch.randint(2, (40,), generator=rng)
    labels = {"other": other, "told": told}
    names = {"other": ("a", "b"), "told": ("left", "right")}
    path = draw_code_map(codes, labels, names, tmp_path / "map.png")
    pixels = np.asarray(Image.open(path))
    assert pixels.shape[1] == 2 * _SIDE
    first = pixels[60:, :_SIDE]  # without the legend; the left panel shows the label told
    for colour, half in zip(
        _PALETTE[:2], (first[:, : _SIDE // 2], first[:, _SIDE // 2 :]), strict=True
    ):
        assert (half == colour).all(2).any()
        others = {c for c in _PALETTE if (half == c).all(2).any()}
        assert others == {colour}


def test_codes_without_labels_have_a_map_too(tmp_path: Path) -> None:
    path = draw_code_map(torch.rand(5, 2), {}, {}, tmp_path / "map.png")
    with Image.open(path) as drawn:
        assert drawn.size[0] == _SIDE

"""Grids, read back from the PNG pixel by pixel."""

import errno
import os

import numpy as np
import pytest
import torch
from PIL import Image

from image_gans.grids import save_each, save_grid
from seqgan_kit.errors import UsageError


def pictures(n: int, channels: int, height: int = 5, width: int = 4) -> torch.Tensor:
    rng = torch.Generator().manual_seed(n)
    return torch.randint(0, 256, (n, channels, height, width), generator=rng, dtype=torch.uint8)


def read(path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("padding", "scale"), [(0, 1), (2, 1), (1, 3)])
def test_every_pixel_is_where_it_belongs(tmp_path, channels, padding, scale):
    images = pictures(5, channels)
    path = save_grid(images, tmp_path / "new" / "grid.png", columns=3, padding=padding, scale=scale)
    sheet = read(path)
    height, width = 5 * scale, 4 * scale
    assert sheet.shape == (
        2 * (height + padding) + padding,
        3 * (width + padding) + padding,
        channels,
    )
    seen = np.zeros(sheet.shape[:2], dtype=bool)
    for number in range(5):
        for y in range(height):
            for x in range(width):
                row = padding + (number // 3) * (height + padding) + y
                column = padding + (number % 3) * (width + padding) + x
                expected = images[number, :, y // scale, x // scale].numpy()
                assert (sheet[row, column] == expected).all()
                seen[row, column] = True
    assert seen.sum() == 5 * height * width
    assert (sheet[~seen] == 255).all()


def test_without_columns_the_grid_is_as_square_as_can_be(tmp_path):
    sheet = read(save_grid(pictures(10, 3, 2, 2), tmp_path / "a.png", padding=0))
    assert sheet.shape == (6, 8, 3)


def test_unit_range_becomes_bytes_by_rounding_and_clipping(tmp_path):
    values = torch.tensor([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]).view(1, 1, 1, 7)
    sheet = read(save_grid(values, tmp_path / "a.png", padding=0))
    assert sheet.ravel().tolist() == [0, 0, 64, 128, 191, 255, 255]
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    sheet = read(save_grid(every.float() / 127.5 - 1, tmp_path / "b.png", padding=0))
    assert sheet.ravel().tolist() == list(range(256))


def test_floats_with_a_gradient_are_written_too(tmp_path):
    images = torch.zeros(1, 1, 2, 2, requires_grad=True)
    assert (read(save_grid(images, tmp_path / "a.png", padding=0)) == 128).all()


def test_what_is_no_set_of_pictures_is_refused(tmp_path):
    for shape in ((3, 4, 4), (2, 2, 4, 4), (0, 3, 4, 4)):
        with pytest.raises(UsageError, match=r"images of shape \[N,1,H,W\]"):
            save_grid(torch.zeros(shape), tmp_path / "a.png")
    with pytest.raises(UsageError, match="got 0, 2 and 1"):
        save_grid(torch.zeros(1, 1, 2, 2), tmp_path / "a.png", columns=0)
    with pytest.raises(UsageError, match=r"does not end in \.png"):
        save_grid(torch.zeros(1, 1, 2, 2), tmp_path / "a.jpg")


def test_a_full_disk_is_told_with_the_file_and_leaves_no_half(tmp_path, monkeypatch):
    def full(self, path, kind):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match=r"No space left on device.*00000\.png"):
        save_each(pictures(2, 3), tmp_path)
    assert not list(tmp_path.iterdir())

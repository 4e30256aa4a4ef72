import io

import numpy as np
import pytest
import torch
from PIL import Image

from seqgan_kit.data.images.pixels import busiest_window, crop_box, decode, to_float, to_uint8


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width, height, seed=0, mode="RGB"):
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def pixels(image, size=8, channels=3, crop="centre", kind="PNG"):
    return decode(encoded(image, kind), size=size, channels=channels, crop=crop).pixels


def test_a_picture_of_the_right_size_keeps_every_pixel():
    image = noise(8, 8)
    assert np.array_equal(pixels(image), np.asarray(image).transpose(2, 0, 1))
    grey = noise(8, 8, mode="L")
    assert np.array_equal(pixels(grey, channels=1)[0], np.asarray(grey))
    assert np.array_equal(pixels(grey, channels=3), np.stack([np.asarray(grey)] * 3))


def test_shrinking_averages_instead_of_skipping():
    """A fine checkerboard is grey from afar; picking single pixels would leave it black or white."""
    board = np.indices((128, 128)).sum(0) % 2 * 255
    small = pixels(Image.fromarray(board.astype(np.uint8)), size=16, channels=1)
    assert np.abs(small.astype(int) - 127.5).max() < 4


def test_grey_is_luma():
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    assert np.unique(pixels(red, channels=1)).tolist() == [76]  # 0.299 * 255


def test_transparency_goes_over_white():
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    assert np.unique(pixels(half)).tolist() == [127]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    assert pixels(palette)[:, 0, 0].tolist() == [0, 0, 255]
    clear = encoded(palette, transparency=1)
    assert decode(clear, size=8, channels=3, crop="centre").pixels.min() == 255
    assert np.unique(pixels(Image.new("LA", (8, 8), (0, 0)), channels=1)).tolist() == [255]


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64).round().astype(np.uint16).reshape(8, 8)
    small = pixels(Image.fromarray(ramp), channels=1)[0]
    assert np.abs(small - ramp / 257.0).max() <= 0.5
    assert len(np.unique(small)) == 64


def test_cmyk_and_one_bit_pictures():
    assert pixels(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), kind="TIFF")[:, 0, 0].tolist() == [
        255,
        0,
        0,
    ]
    assert np.unique(pixels(Image.new("1", (8, 8), 1), channels=1)).tolist() == [255]


def test_a_photograph_is_turned_upright():
    image = Image.new("RGB", (8, 8), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 8, 4))  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = decode(encoded(image, exif=exif), size=8, channels=1, crop="centre").pixels[0]
    assert turned[:, 4:].min() == 255
    assert turned[:, :4].max() == 0


def test_large_photographs_look_the_same_through_the_fast_path():
    smooth = noise(24, 16, seed=4).resize((960, 640), Image.Resampling.BICUBIC)
    fast = decode(encoded(smooth, "JPEG", quality=95), size=32, channels=3, crop="centre").pixels
    box = (160, 0, 800, 640)
    plain = smooth.resize((32, 32), Image.Resampling.LANCZOS, box=box)
    difference = np.abs(fast.astype(int) - np.asarray(plain).transpose(2, 0, 1).astype(int))
    assert difference.mean() < 2.5


@pytest.mark.parametrize("crop", ["centre", "smart"])
def test_a_crop_is_a_square_inside_the_picture(crop):
    for width, height in ((40, 16), (16, 40), (17, 16), (500, 3), (16, 16)):
        left, upper, right, lower = crop_box(noise(width, height), crop)
        assert right - left == lower - upper == min(width, height)
        assert 0 <= left <= right <= width
        assert 0 <= upper <= lower <= height


def test_the_centre_crop_is_the_centre():
    assert crop_box(noise(40, 16), "centre") == (12, 0, 28, 16)
    assert crop_box(noise(16, 40), "centre") == (0, 12, 16, 28)


@pytest.mark.parametrize("scale", [1, 10])
@pytest.mark.parametrize("upright", [False, True])
def test_the_smart_crop_finds_the_busy_part(scale, upright):
    """An even picture 200 wide with one busy square at 150..182: only a window around it has all edges."""
    image = np.full((40, 200), 90, dtype=np.uint8)
    image[4:36, 150:182] = np.random.default_rng(0).integers(0, 256, (32, 32))
    picture = Image.fromarray(image.T if upright else image)
    picture = picture.resize(
        (picture.width * scale, picture.height * scale), Image.Resampling.NEAREST
    )
    box = crop_box(picture, "smart")
    start = (box[1] if upright else box[0]) / scale
    assert 182 + 1 - 40 - 1 <= start <= 150


def test_the_busiest_window_by_brute_force():
    grey = np.random.default_rng(1).random((5, 17))
    energy = np.gradient(grey, axis=0) ** 2 + np.gradient(grey, axis=1) ** 2
    sums = [energy[:, i : i + 5].sum() for i in range(13)]
    assert busiest_window(grey) == int(np.argmax(sums))
    assert busiest_window(np.full((4, 11), 7.0)) in (3, 4)  # nothing to see: the centre


def test_float_and_back():
    everything = torch.arange(256, dtype=torch.uint8)
    floats = to_float(everything)
    assert (floats[0], floats[-1]) == (-1.0, 1.0)
    assert floats.diff().std() < 1e-6
    assert torch.equal(to_uint8(floats), everything)
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]
    assert everything.dtype == torch.uint8

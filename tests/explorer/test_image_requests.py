"""Images on request, uploads, and their HTML."""

import io
import struct
import zlib

import pytest
import torch
from PIL import Image

from image_gans.evaluation.image_export import save_image_model
from image_gans.networks.mlp import MLPConfig, MLPGenerator
from seqgan_kit.cli.explore.explore_command import opened
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.explorer import image_request as images
from seqgan_kit.explorer.gallery_markup import data_uri, gallery
from seqgan_kit.explorer.uploaded_image import MOST_BYTES, read_upload


def test_samples_are_the_models(image_run):
    with image_run.model() as model:
        drawn = images.sampled(model, 5, seed=2, temperature=0.5)
        assert torch.equal(drawn, model.images(5, seed=2, temperature=0.5))
        assert images.draws_pixels(model)
        with pytest.raises(UsageError, match="145 images: ask for 1 to 144"):
            images.sampled(model, 145)


def test_points_are_plotted_and_have_no_latent_tools(tmp_path):
    torch.manual_seed(0)
    save_image_model(tmp_path / "model", MLPGenerator(MLPConfig(latent=4, width=4, layers=1)))
    with opened(tmp_path).model() as model:
        assert not images.draws_pixels(model)
        plot = images.sampled(model, 20)
        assert plot.dim() == 4
        assert plot.std() > 0


def test_a_walk_has_the_samples_of_two_seeds_at_its_ends(image_run):
    path = images.walk(image_run, 3, 7, 5, None)
    with image_run.model() as model:
        for place, seed in ((0, 3), (-1, 7)):
            torch.testing.assert_close(path[place], model.images(1, seed=seed)[0])


def test_sliders_at_zero_show_the_sample_and_move_it_otherwise(image_run):
    still = images.shifted(image_run, 4, [0.0] * images.AXES, None)
    with image_run.model() as model:
        torch.testing.assert_close(still, model.images(1, seed=4))
    first = (images.shifted(image_run, 4, [2.0, 0, 0, 0, 0, 0], None) - still).square().mean()
    last = (images.shifted(image_run, 4, [0, 0, 0, 0, 2.0, 0], None) - still).square().mean()
    assert first > last > 0


def test_menus_make_a_condition():
    assert images.condition_of({"coat": "any", "eyes": None}) is None
    assert images.condition_of({"coat": "black", "eyes": "any", "ears": "folded"}) == (
        "coat=black,ears=folded"
    )


def test_a_vae_rebuilds_an_upload_and_samples(vae_run, tmp_path):
    path = tmp_path / "wide.png"
    Image.new("RGB", (40, 20), (200, 10, 10)).save(path)
    with vae_run.model() as model:
        assert images.verbs_of(model) == ("rebuild", "sample")
        source, output = images.made_of(model, "rebuild", path)
        assert source.shape == output.shape == (1, 3, 16, 16)
        assert torch.equal(output, model.rebuild(source))
    assert images.shifted(vae_run, 0, [1.0], None).shape == (1, 3, 16, 16)


def test_good_uploads_are_read(tmp_path):
    path = tmp_path / "grey.png"
    Image.new("L", (16, 16), 51).save(path)
    read = read_upload(path, 16, 1)
    assert torch.equal(read, to_float(torch.full((1, 1, 16, 16), 51, dtype=torch.uint8)))


def bomb(side: int) -> bytes:
    """A small PNG file whose header promises side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def cut() -> bytes:
    content = io.BytesIO()
    noise = torch.randint(0, 256, (64, 64, 3), dtype=torch.uint8).numpy()
    Image.fromarray(noise).save(content, "PNG")
    return content.getvalue()[:2000]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not an image", "the file is not an image"),
        (b"", "the file is not an image"),
        (bytes(MOST_BYTES + 1), "upload an image of 10 MB or less"),
        (bomb(9000), "more than 40 million pixels"),
        (bomb(100_000), "more than 40 million pixels"),
        (cut(), "the image is damaged"),
    ],
    ids=["text", "empty", "bytes", "pixels", "more pixels", "cut"],
)
def test_bad_uploads_are_refused_in_a_sentence(tmp_path, content, problem):
    (tmp_path / "upload").write_bytes(content)
    with pytest.raises(DataError, match=problem):
        read_upload(tmp_path / "upload", 16, 3)


def test_a_missing_upload_is_asked_for():
    with pytest.raises(DataError, match="no image was given"):
        read_upload(None, 16, 3)


def test_the_gallery_embeds_its_images():
    page = gallery(torch.zeros(2, 3, 4, 4), ["<one>", "two"], columns=2)
    assert page.count('<img src="data:image/png;base64,') == 2
    assert "&lt;one&gt;" in page
    assert "<one>" not in page
    assert data_uri(torch.zeros(1, 4, 4)).startswith("data:image/png;base64,")

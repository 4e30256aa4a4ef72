"""Strokes of a canvas as constraints, and what they do to an image."""

import base64
import io

import pytest
import torch
from PIL import Image, ImageDraw

from image_gans.latent.brushes import Outline, Strokes
from seqgan_kit.errors import DataError
from seqgan_kit.explorer.edit_request import (
    edited_images,
    start_from_seed,
    start_from_upload,
    strokes_in,
)


def painted(colour, box=(0, 0, 95, 47), side=192) -> str:
    """A canvas with a rectangle of one colour, as the browser sends it."""
    canvas = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).rectangle(box, fill=(*colour, 255))
    content = io.BytesIO()
    canvas.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


@pytest.mark.parametrize("channels", [1, 3])
def test_strokes_are_read_at_the_size_of_the_image(channels):
    colours, mask = strokes_in(painted((255, 0, 51)), torch.zeros(1, channels, 16, 16))
    expected = torch.zeros(16, 16, dtype=torch.bool)
    expected[:4, :8] = True
    assert torch.equal(mask, expected)
    paint = torch.tensor([1.0, -1.0, -0.6])
    wanted = paint if channels == 3 else paint.mean(0, keepdim=True)
    torch.testing.assert_close(colours[:, mask], wanted[:, None].expand(-1, 32))


def test_a_pixel_needs_a_quarter_of_paint():
    _, little = strokes_in(painted((9, 9, 9), box=(0, 0, 1, 11)), torch.zeros(1, 3, 16, 16))
    _, enough = strokes_in(painted((9, 9, 9), box=(0, 0, 3, 11)), torch.zeros(1, 3, 16, 16))
    assert (int(little.sum()), int(enough.sum())) == (0, 1)


@pytest.mark.parametrize(
    "text",
    ["", "data:,", "data:image/png;base64,!!", "data:image/png;base64,AAAA", "x" * 3_000_000],
)
def test_what_is_no_canvas_is_refused(text):
    with pytest.raises(DataError, match="strokes cannot be read"):
        strokes_in(text, torch.zeros(1, 3, 16, 16))


def test_a_canvas_is_bounded():
    with pytest.raises(DataError, match="strokes cannot be read"):
        strokes_in(painted((0, 0, 0), side=2000), torch.zeros(1, 3, 16, 16))


def test_the_edited_image_has_the_colours_of_the_strokes(image_run):
    start = start_from_seed(image_run, 3)
    strokes = strokes_in(painted((250, 120, 20)), start.image)
    (name, after), (_, before) = edited_images(image_run, start, strokes, 0.0)
    assert name == "edited"
    assert torch.equal(before, start.image[0])
    wanted = Strokes(*strokes)
    assert wanted.loss(after[None]) < 0.9 * wanted.loss(before[None])
    with image_run.model() as model:
        torch.testing.assert_close(start.image, model.images(1, seed=3))
    nothing = (strokes[0], torch.zeros_like(strokes[1]))
    assert [name for name, _ in edited_images(image_run, start, nothing, 0.0)] == ["before"]


def test_an_outline_asks_for_edges_and_not_for_colours(image_run):
    start = start_from_seed(image_run, 3)
    red, blue = (strokes_in(painted(colour), start.image) for colour in ((250, 9, 9), (9, 9, 250)))
    found = [edited_images(image_run, start, s, 0.0, outline=True)[0][1] for s in (red, blue)]
    assert torch.equal(*found)
    wanted = Outline.of_lines(red[1])
    assert wanted.loss(found[0][None]) < 0.9 * wanted.loss(start.image)


def test_an_upload_keeps_what_the_model_cannot_draw(image_run, tmp_path):
    """Upload + edited - nearest: where the edit changes nothing, the upload is untouched."""
    Image.new("RGB", (20, 20), (30, 200, 60)).save(tmp_path / "green.png")
    start = start_from_upload(image_run, tmp_path / "green.png")
    assert torch.equal(start.shown, start.original)
    strokes = strokes_in(painted((250, 120, 20)), start.image)
    found = dict(edited_images(image_run, start, strokes, 0.01))
    assert list(found) == ["edited", "your image with the edit", "nearest image of the model"]
    expected = start.original[0] + found["edited"] - start.image[0]
    torch.testing.assert_close(found["your image with the edit"], expected.clamp(-1, 1))


def test_the_encoders_code_is_a_start_of_the_projection(vae_run):
    """So an image that the model rebuilds is found at least as well as it is rebuilt."""
    with vae_run.model() as model:
        explorer = model.explore()
        image = model.images(1, seed=9)
        found = explorer.generator(explorer.nearest(image, restarts=1, moves=2))
        rebuilt = model.rebuild(image)
    assert (found - image).square().mean() <= (rebuilt - image).square().mean()

"""Brushes of edits: directions of edges in closed form, and windows that are dragged."""

import math

import pytest
import torch

from image_gans.latent.brushes import Outline, Strokes, directions, shifted, warped
from image_gans.latent.editing import edited
from seqgan_kit.errors import UsageError


def ramp(angle, slope=0.1, size=8):
    """An image [1,1,H,W] whose brightness rises by ``slope`` a pixel in a direction."""
    down, across = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return slope * (math.cos(angle) * across + math.sin(angle) * down)[None, None].float()


@pytest.mark.parametrize("angle", [0.0, 0.4, math.pi / 2, 3.0])
def test_directions_of_a_ramp(angle):
    """h_k = m max(0, cos 2 (phi - pi k / 8)), over the root of its squared length and 0.05 squared."""
    found = directions(ramp(angle), 2)[0, :, 1, 1]  # a cell that touches no border
    h = torch.tensor([max(0.0, 0.1 * math.cos(2 * (angle - math.pi * k / 8))) for k in range(8)])
    torch.testing.assert_close(found, h / (h.square().sum() + 0.05**2).sqrt(), atol=1e-5, rtol=0)


def test_directions_know_neither_sign_nor_brightness():
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(directions(-image, 4), directions(image, 4))
    torch.testing.assert_close(directions(image + 0.3, 4), directions(image, 4), atol=1e-5, rtol=0)
    turned = directions(image.transpose(2, 3), 4).transpose(2, 3)  # phi -> pi/2 - phi
    places = [(4 - k) % 8 for k in range(8)]
    torch.testing.assert_close(turned[:, places], directions(image, 4))


def test_a_drawn_line_turns_the_edges_of_an_image():
    """G(z) is a plane of slope z; a vertical line asks for a gradient across, z_1 = 0."""
    down, across = ramp(math.pi / 2, 1.0), ramp(0.0, 1.0)

    def generate(z):
        return z[:, 0, None, None, None] * across + z[:, 1, None, None, None] * down

    lines = torch.zeros(8, 8)
    lines[:, 2] = 1
    outline = Outline.of_lines(lines, 4)
    assert outline.cells.tolist() == [[True, False], [True, False]]
    start = torch.tensor([[0.2, 0.3]])
    found = edited(generate, start, [outline], smoothness=0.0, moves=300, learning_rate=0.05)[0]
    assert abs(found[1]) < 0.02 < 0.2 < abs(found[0])
    assert outline.loss(generate(found[None])) < 0.1 * outline.loss(generate(start))


def test_the_edges_of_an_image_are_at_no_distance_from_itself():
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[:5, :4] = True
    outline = Outline.of_part(image, mask, 4)
    assert outline.cells.tolist() == [[True, False], [False, False]]
    assert float(outline.loss(image[None])) == 0.0
    elsewhere, there = image.clone(), image.clone()
    elsewhere[:, 5:], there[:, 1:3] = 0, 0
    assert float(outline.loss(elsewhere[None])) == 0.0
    assert float(outline.loss(there[None])) > 0.01


@pytest.mark.parametrize(("down", "across"), [(0, 2), (-2, 1), (0, 0)])
def test_a_window_is_at_its_new_place(down, across):
    image = torch.rand(2, 6, 6, generator=torch.Generator().manual_seed(2))
    window = torch.zeros(6, 6, dtype=torch.bool)
    window[2:5, 1:4] = True
    colours, outline = warped(image, window, down, across, cell=2)
    moved = torch.roll(image, (down, across), (1, 2))
    assert torch.equal(colours.mask, torch.roll(window, (down, across), (0, 1)))
    assert torch.equal(colours.colours[:, colours.mask], moved[:, colours.mask])
    assert float(colours.loss(moved[None])) == 0.0
    assert isinstance(outline, Outline)


def test_what_is_dragged_out_of_the_image_is_lost():
    image = torch.arange(9.0).view(1, 3, 3)
    assert shifted(image, 1, -1)[0].tolist() == [[0, 0, 0], [1, 2, 0], [4, 5, 0]]
    assert torch.equal(shifted(shifted(image, 0, 2), 0, -2)[:, :, :1], image[:, :, :1])


def test_mistakes_are_told():
    window = torch.zeros(6, 6, dtype=torch.bool)
    window[:2, :2] = True
    with pytest.raises(UsageError, match="the whole window is dragged out"):
        warped(torch.zeros(1, 6, 6), window, -3, 0)
    with pytest.raises(UsageError, match="drag it by less"):
        warped(torch.zeros(1, 6, 6), window, 0, 6)
    with pytest.raises(UsageError, match="no line is drawn"):
        Outline.of_lines(torch.zeros(8, 8))
    with pytest.raises(UsageError, match="draw in the size of the model"):
        Outline.of_lines(torch.eye(8)).loss(torch.zeros(1, 1, 16, 16))
    with pytest.raises(UsageError, match="cells of 9 pixels do not fit"):
        directions(torch.zeros(1, 1, 8, 8), 9)
    with pytest.raises(UsageError, match="no pixel is stroked"):
        Strokes(torch.zeros(1, 6, 6), ~window & window)

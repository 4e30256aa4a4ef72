"""Edits by strokes, against the closed form for a linear generator."""

import pytest
import torch

from image_gans.latent.brushes import Strokes
from image_gans.latent.editing import edited, transferred
from seqgan_kit.errors import UsageError


def test_an_edit_of_a_linear_generator_is_its_least_squares_solution(rng):
    """G(z) = A z on m stroked values: z* = (A'A/m + s/d I)^-1 (A'v/m + s/d z_0)."""
    matrix = torch.randn(2 * 3 * 3, 4, generator=rng)
    start = torch.randn(1, 4, generator=rng)
    mask = torch.zeros(3, 3, dtype=torch.bool)
    mask[1, :2] = True
    strokes = Strokes(torch.randn(2, 3, 3, generator=rng), mask)
    found = edited(lambda z: (z @ matrix.T).view(-1, 2, 3, 3), start, [strokes],
                   smoothness=0.3, moves=2000, learning_rate=0.05)  # fmt: skip
    part, wanted = (
        matrix.view(2, 3, 3, 4)[:, mask].flatten(0, 1),
        strokes.colours[:, mask].flatten(),
    )
    left = part.T @ part / 4 + 0.3 / 4 * torch.eye(4)
    right = part.T @ wanted / 4 + 0.3 / 4 * start[0]
    torch.testing.assert_close(found[0], torch.linalg.solve(left, right), atol=1e-3, rtol=0)


def test_only_noise_dimensions_move_and_strokes_are_followed(rng):
    matrix = torch.randn(12, 5, generator=rng)
    start = torch.randn(2, 5, generator=rng)
    strokes = Strokes(torch.full((3, 2, 2), 0.5), torch.tensor([[True, False], [False, False]]))

    def generate(z):
        return (z @ matrix.T).view(-1, 3, 2, 2)

    found = edited(generate, start, [strokes], dimensions=3, smoothness=0.0, moves=400)
    assert torch.equal(found[:, 3:], start[:, 3:])
    assert strokes.loss(generate(found)).max() < 1e-3 < strokes.loss(generate(start)).min()
    stiff = edited(generate, start, [strokes], smoothness=1e4, moves=400)
    assert (stiff - start).abs().max() < 0.05 < (found - start).abs().max()


class Nothing:
    """A brush that asks for nothing."""

    def loss(self, images):
        return torch.zeros(len(images))


def test_a_discriminator_draws_an_edit_to_its_reals():
    """With the score w z and nothing to show, z* = z_0 + t w and 2 s t / d = mu sigma(w z*)."""
    weights, start = torch.tensor([1.0, -2.0]), torch.tensor([[0.3, 0.2]])

    def generate(z):
        return z[:, :, None, None]

    found = edited(generate, start, [Nothing()], smoothness=0.5, moves=1500, learning_rate=0.05,
                   score=lambda images: images.flatten(1) @ weights, realism=0.4)  # fmt: skip
    step = found - start
    slope = 0.4 * torch.sigmoid(found @ weights)
    torch.testing.assert_close(2 * 0.5 / 2 * step[0], slope * weights, atol=1e-4, rtol=0)


def test_an_edit_is_carried_over_to_the_original():
    original = torch.tensor([0.9, -0.2, 0.3]).view(1, 1, 1, 3)
    before, after = torch.zeros(1, 1, 1, 3), torch.tensor([0.5, 0.0, -0.1]).view(1, 1, 1, 3)
    torch.testing.assert_close(
        transferred(original, before, after), torch.tensor([1.0, -0.2, 0.2]).view(1, 1, 1, 3)
    )


def test_impossible_edits_are_refused():
    with pytest.raises(UsageError, match="no pixel is stroked"):
        Strokes(torch.zeros(3, 2, 2), torch.zeros(2, 2, dtype=torch.bool))
    with pytest.raises(UsageError, match="for the same pixels"):
        Strokes(torch.zeros(3, 2, 2), torch.ones(4, 4, dtype=torch.bool))
    strokes = Strokes(torch.zeros(3, 2, 2), torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(UsageError, match="paint in the size"):
        strokes.loss(torch.zeros(1, 3, 4, 4))
    with pytest.raises(UsageError, match="goes nowhere"):
        edited(lambda z: z, torch.zeros(1, 2), [strokes], moves=0)
    with pytest.raises(UsageError, match="nothing is asked of the edit"):
        edited(lambda z: z, torch.zeros(1, 2), [])
    with pytest.raises(UsageError, match="there is no discriminator"):
        edited(lambda z: z, torch.zeros(1, 2), [strokes], realism=0.1)

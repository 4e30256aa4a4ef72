"""Angles, ranks and simple tangents in closed form, and the true tangents of the cat world."""

import math

import numpy as np
import pytest
import torch

from image_gans.evaluation.local.tangent_spaces import (
    angles,
    effective_rank,
    local_tangents,
    random_tangents,
)
from image_gans.evaluation.translation.rebuilding_scores import principal_components
from seqgan_kit.data.catworld.build import BUNDLED_SEED
from seqgan_kit.data.catworld.drawing.draw_scene import draw_moment
from seqgan_kit.data.catworld.views.tangents import TANGENTS, tangent
from seqgan_kit.data.catworld.views.world_views import scene_of_face
from seqgan_kit.errors import UsageError


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_angles_in_the_plane_of_two_axes() -> None:
    """Rows span the first two axes, in any basis and scale; a parallel row adds nothing."""
    rows = torch.tensor([[3.0, 1.0, 0.0], [0.0, 1e-2, 0.0], [6.0, 2.0, 0.0]]).expand(4, 3, 3)
    vectors = torch.tensor([[1.0, -2.0, 0.0], [0.0, 0.0, 5.0], [0.0, 1.0, 1.0], [1.0, 0.0, 3**0.5]])
    found = angles(rows, vectors)
    assert found.tolist() == pytest.approx([0, 90, 45, 60], abs=1e-5)


def test_rank_of_orthonormal_of_parallel_and_of_unequal_rows() -> None:
    even, parallel = torch.eye(3, 5), torch.ones(3, 5)
    uneven = torch.zeros(3, 5)
    uneven[0, 0], uneven[1, 1] = 3**0.5, 1.0  # shares of 3/4 and 1/4
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    found = effective_rank(torch.stack([even, parallel, uneven, 7 * even]))
    assert found.tolist() == pytest.approx([3, 1, math.exp(entropy), 3])


def test_random_tangents_are_orthonormal_and_meet_a_vector_by_chance() -> None:
    rows = random_tangents(400, 6, 24, rng())
    torch.testing.assert_close(rows @ rows.transpose(1, 2), torch.eye(6).expand(400, 6, 6))
    cosines = torch.deg2rad(angles(rows, torch.eye(24)[:1].expand(400, -1))).cos()
    assert float(cosines.square().mean()) == pytest.approx(6 / 24, abs=0.02)


def test_principal_directions_of_a_plane_are_the_plane() -> None:
    """Images on a plane: of all, and of the neighbours of one; a far cluster is no neighbour."""
    plane = torch.randn(2, 7, generator=rng())
    images = torch.randn(50, 2, generator=rng()) @ plane + 1
    far = torch.randn(30, 7, generator=rng()) + 100
    inside, outside = plane.sum(0)[None], far[:1] - 100
    for rows in (
        principal_components(images, 2).T[None],
        local_tangents(images[:1], torch.cat([far, images]), 2, 10),
    ):
        assert float(angles(rows, inside)) == pytest.approx(0, abs=0.1)
        assert float(angles(rows, outside)) > 20


def test_more_light_is_a_brighter_image() -> None:
    """The derivative by a factor of all brightness is the image itself, up to clipped and rounded pixels."""
    shown = scene_of_face(BUNDLED_SEED, 3, 1)
    image = draw_moment(*shown, 32).astype(np.float64).transpose(2, 0, 1) / 127.5
    found = tangent(*shown, "light", 32)
    inside = image < 1.9
    np.testing.assert_allclose(found[inside], image[inside], atol=0.15)
    assert abs(found - image)[inside].mean() < 0.05


def test_tilt_and_size_leave_the_background_and_move_the_head() -> None:
    """Turning a head and enlarging it are different; both change edges of the head and no corner."""
    shown = scene_of_face(BUNDLED_SEED, 3, 1)
    tilt, size = (tangent(*shown, name, 32) for name in ("tilt", "size"))
    cosine = (tilt * size).sum() / (np.linalg.norm(tilt) * np.linalg.norm(size))
    assert abs(cosine) < 0.5
    for found in (tilt, size):
        assert np.abs(found[:, :3, :3]).max() == 0
        assert np.linalg.norm(found) > 1
    assert set(TANGENTS) == {"tilt", "size", "light"}
    with pytest.raises(UsageError, match="unknown parameter of a moment 'colour'"):
        tangent(*shown, "colour", 32)

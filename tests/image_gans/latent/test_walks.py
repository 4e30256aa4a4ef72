"""Paths through latent space agree with geometry."""

import math

import pytest
import torch

from image_gans.latent.walks import linear, project, spherical, strip
from seqgan_kit.errors import UsageError


def rows(seed: int, n: int = 4, d: int = 30) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


SHARES = torch.linspace(0, 1, 9, dtype=torch.float64)


def test_linear_is_the_weighted_mean_with_exact_ends():
    a, b = rows(1), rows(2)
    way = linear(a, b, SHARES)
    assert way.shape == (9, 4, 30)
    assert torch.equal(way[0], a)
    assert torch.equal(way[-1], b)
    torch.testing.assert_close(way[2], 0.75 * a + 0.25 * b)


def test_spherical_on_the_quarter_circle_is_cosine_and_sine():
    a, b = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[0.0, 2.0, 0.0]])
    way = spherical(a, b, SHARES)[:, 0]
    angles = SHARES * math.pi / 2
    expected = 2 * torch.stack([angles.cos(), angles.sin(), 0 * angles], 1)
    torch.testing.assert_close(way.double(), expected, atol=1e-6, rtol=0)


def test_spherical_stays_on_the_sphere_in_equal_angles_with_exact_ends():
    a, b = rows(3), rows(4)
    a, b = 5 * a / a.norm(dim=1, keepdim=True), 5 * b / b.norm(dim=1, keepdim=True)
    way = spherical(a, b, SHARES)
    assert torch.equal(way[0], a)
    assert torch.equal(way[-1], b)
    torch.testing.assert_close(way.norm(dim=-1), torch.full((9, 4), 5.0))
    cosines = (way[1:].double() * way[:-1].double()).sum(-1) / 25
    total = torch.acos((a.double() * b.double()).sum(-1) / 25)
    torch.testing.assert_close(torch.acos(cosines), (total / 8).expand(8, 4), atol=1e-5, rtol=0)


def test_spherical_length_goes_evenly_from_one_to_the_other():
    way = spherical(rows(5), rows(6) * 3, SHARES)
    lengths = torch.lerp(
        rows(5).norm(dim=1).double(), 3 * rows(6).norm(dim=1).double(), SHARES[:, None]
    )
    torch.testing.assert_close(way.norm(dim=-1).double(), lengths, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("closeness", [0.0, 1e-7, 1e-4])
def test_spherical_between_equal_and_nearly_equal_vectors_stays_there(closeness):
    a = rows(7)
    way = spherical(a, a + closeness, SHARES)
    torch.testing.assert_close(way, a.expand(9, 4, 30), atol=2 * closeness + 1e-6, rtol=0)


@pytest.mark.parametrize("away", [0.0, 1e-7])
def test_spherical_between_opposite_vectors_keeps_to_the_sphere(away):
    a = rows(8, n=3, d=5)
    b = -a + away * rows(9, n=3, d=5)
    way = spherical(a, b, SHARES)
    assert torch.equal(way[0], a)
    assert torch.equal(way[-1], b)
    lengths = a.norm(dim=1).expand(9, 3)
    torch.testing.assert_close(way.norm(dim=-1), lengths, atol=1e-4, rtol=0)
    middle = (way[4] * a).sum(-1)
    torch.testing.assert_close(middle, torch.zeros(3), atol=1e-4, rtol=0)


def test_spherical_from_and_to_the_zero_vector_is_straight():
    a, zero = rows(10), torch.zeros(4, 30)
    torch.testing.assert_close(spherical(zero, a, SHARES), linear(zero, a, SHARES))
    torch.testing.assert_close(spherical(a, zero, SHARES), linear(a, zero, SHARES))
    assert torch.equal(spherical(zero, zero, SHARES), torch.zeros(9, 4, 30))


def test_a_strip_has_a_way_in_each_row_with_both_ends():
    a, b = rows(11, n=2, d=4), rows(12, n=2, d=4)
    pictures = strip(lambda z: z.view(-1, 1, 2, 2), a, b, steps=5)
    assert pictures.shape == (10, 1, 2, 2)
    assert torch.equal(pictures[[0, 5]].flatten(1), a)
    assert torch.equal(pictures[[4, 9]].flatten(1), b)
    straight = strip(lambda z: z.view(-1, 1, 2, 2), a, b, steps=3, way=linear)
    torch.testing.assert_close(straight[[1, 4]].flatten(1), (a + b) / 2)


def test_a_strip_of_one_step_is_refused():
    with pytest.raises(UsageError, match="give 2 or more"):
        strip(lambda z: z, rows(1), rows(2), steps=1)


class Linear:
    """G(z) = A z + b as images of 2x4 pixels, whose inverse is known: A has orthonormal columns."""

    def __init__(self, d: int = 5):
        self.a = torch.linalg.qr(rows(20, n=8, d=d)).Q
        self.b = rows(21, n=1, d=8)[0]

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        return (z @ self.a.T + self.b).view(-1, 1, 2, 4)


def test_projection_recovers_the_vector_of_a_linear_generators_picture():
    generate, z = Linear(), rows(22, n=1, d=5)
    found = project(generate, generate(z)[0], rows(23, n=3, d=5), moves=400)
    torch.testing.assert_close(found.latents, z.expand(3, 5), atol=1e-3, rtol=0)
    assert found.distances.max() < 1e-3
    wanted = (generate(rows(23, n=3, d=5)) - generate(z)).square().mean((1, 2, 3)).sqrt()
    torch.testing.assert_close(found.before, wanted)


def test_projection_of_a_picture_that_cannot_be_made_ends_at_the_nearest_that_can():
    """The least squares solution z = A^T (x - b), whose distance is that of x to the plane."""
    generate = Linear()
    picture = rows(24, n=1, d=8).view(1, 2, 4)
    found = project(generate, picture, rows(25, n=2, d=5), moves=400)
    nearest = (picture.flatten() - generate.b) @ generate.a
    torch.testing.assert_close(found.latents, nearest.expand(2, 5), atol=1e-3, rtol=0)
    rest = (generate(nearest[None])[0] - picture).square().mean().sqrt()
    torch.testing.assert_close(found.distances, rest.expand(2), atol=1e-4, rtol=0)


def test_starts_go_their_own_ways_and_the_best_is_named():
    """Two valleys of G(z) = z^2: at z = 1 the image is met, from z < -1.5 only that of the bound is."""

    def generate(z: torch.Tensor) -> torch.Tensor:
        return torch.where(z > -1.2, z, z * 0 - 3).view(-1, 1, 1, 1)

    starts = torch.tensor([[-2.0], [0.2], [3.0]])
    together = project(generate, torch.ones(1, 1, 1), starts, moves=300)
    assert together.best in (1, 2)
    assert together.distances[0] == together.before[0] == 4
    for i in range(3):
        alone = project(generate, torch.ones(1, 1, 1), starts[i : i + 1], moves=300)
        torch.testing.assert_close(alone.distances[0], together.distances[i])


def test_a_projection_is_never_farther_than_its_start():
    found = project(Linear(), torch.zeros(1, 2, 4), rows(26, n=4, d=5), moves=3, learning_rate=50.0)
    assert (found.distances <= found.before).all()
    there = Linear()(found.latents).square().mean((1, 2, 3)).sqrt()
    torch.testing.assert_close(there, found.distances)


def test_projections_that_cannot_be():
    with pytest.raises(UsageError, match=r"are \[1, 2, 4\] and the given one is \[1, 4, 2\]"):
        project(Linear(), torch.zeros(1, 4, 2), rows(1, d=5))
    with pytest.raises(UsageError, match="goes nowhere"):
        project(Linear(), torch.zeros(1, 2, 4), rows(1, d=5), moves=0)

"""L-BFGS of many rows: closed forms of quadratics, rows that do not know each other, and no step uphill."""

import pytest
import torch

from image_gans.latent.row_lbfgs import minimised
from seqgan_kit.errors import UsageError


@pytest.fixture
def quadratics():
    """f_i(x) = 1/2 x A_i x - b_i x, least at A_i^-1 b_i, with A_i of condition numbers up to about 100."""
    rng = torch.Generator().manual_seed(0)
    factors = torch.randn(4, 6, 6, generator=rng, dtype=torch.double)
    curves = factors @ factors.transpose(1, 2) + 0.3 * torch.eye(6)
    slopes = torch.randn(4, 6, generator=rng, dtype=torch.double)
    return curves, slopes


def values(curves, slopes):
    def objective(x, numbers):
        bent = torch.einsum("ni,nij,nj->n", x, curves[numbers], x)
        return 0.5 * bent - (slopes[numbers] * x).sum(1)

    return objective


def test_quadratics_end_at_their_minimum(quadratics):
    curves, slopes = quadratics
    found = minimised(values(curves, slopes), torch.zeros(4, 6, dtype=torch.double), moves=60)
    exact = torch.linalg.solve(curves, slopes)
    torch.testing.assert_close(found.rows, exact, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.values, -0.5 * (slopes * exact).sum(1))


def test_curvature_is_used(quadratics):
    """Gradient descent with the same line search, a memory whose pairs are thrown away, is far behind."""
    curves, slopes = quadratics
    starts, moves = torch.zeros(4, 6, dtype=torch.double), 25
    exact = -0.5 * (slopes * torch.linalg.solve(curves, slopes)).sum(1)
    objective = values(curves, slopes)
    found = minimised(objective, starts, moves=moves).values - exact
    x = starts
    for _ in range(moves):
        x = minimised(objective, x, moves=1).rows
    plain = objective(x, torch.arange(4)) - exact
    assert (found < 0.02 * plain).all()


def test_a_row_does_not_know_the_others(quadratics):
    curves, slopes = quadratics
    starts = torch.ones(4, 6, dtype=torch.double)
    together = minimised(values(curves, slopes), starts, moves=7).rows
    alone = minimised(values(curves[2:3], slopes[2:3]), starts[2:3], moves=7).rows
    torch.testing.assert_close(together[2:3], alone)


def test_no_row_ends_above_its_start():
    """|x|_1 has a kink at its minimum, where line searches fail."""

    def objective(x, numbers):
        return (x.abs() * (1 + numbers[:, None])).sum(1)

    starts = torch.tensor([[3.0, -2.0], [0.0, 0.0], [1e-3, 5.0]])
    found = minimised(objective, starts, moves=30)
    assert (found.values <= objective(starts, torch.arange(3))).all()
    assert found.rows[1].tolist() == [0, 0]
    assert found.values.max() < 0.5
    assert minimised(objective, starts, moves=30, memory=1).values.max() < 0.5


@pytest.mark.parametrize("options", [{"moves": 0}, {"memory": 0}])
def test_a_search_that_goes_nowhere_is_refused(options):
    with pytest.raises(UsageError, match="at least 1 of each"):
        minimised(lambda x, _: x.sum(1), torch.zeros(1, 2), **options)

"""Directions along which images change most, against a linear generator's singular vectors."""

import pytest
import torch

from image_gans.latent.principal_axes import principal_axes
from seqgan_kit.errors import UsageError


def test_axes_of_a_linear_generator_are_its_right_singular_vectors(rng):
    """x = m + z B with B = U diag(9, 4, 1) V: the axes are the rows of V, in this order."""
    left, right = (torch.linalg.qr(torch.randn(n, n, generator=rng))[0] for n in (12, 3))
    mixing = right @ torch.diag(torch.tensor([9.0, 4.0, 1.0])) @ left[:3]
    latents = torch.randn(200, 3, generator=rng)
    images = (0.3 + latents @ mixing).view(200, 3, 2, 2)
    axes = principal_axes(latents, images, 3)
    assert axes.shape == (3, 3)
    torch.testing.assert_close((axes @ right).abs(), torch.eye(3), atol=1e-4, rtol=0)
    assert (axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all()
    torch.testing.assert_close(principal_axes(latents, images, 2), axes[:2])
    assert principal_axes(latents, images, 7).shape == (3, 3)


def test_too_few_samples_are_refused():
    with pytest.raises(UsageError, match="3 samples determine no 5 directions"):
        principal_axes(torch.zeros(3, 5), torch.zeros(3, 1, 2, 2), 1)

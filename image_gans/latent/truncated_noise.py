"""Truncated noise: less variety, more typical images (Brock et al. 2019, section 3.1).

Values of the noise beyond a threshold are drawn again until they are within it. Batch norm's statistics of
the training belong to untruncated noise; they can be gathered anew from images of truncated noise, as means
over several batches (the paper's standing statistics).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from seqgan_kit.errors import UsageError

_BATCHES, _BATCH, _SEED = 16, 64, 2**62 + 1  # of the standing statistics
_LEAST = 0.02  # Below it nearly all values would be drawn again and again.


def check_temperature(generator: nn.Module, temperature: float) -> None:
    """Refuse a factor of the noise that is negative or would change nothing."""
    if temperature < 0:
        raise UsageError(f"temperature {temperature} must be 0 or more; 1 is as trained.")
    if temperature != 1 and getattr(generator, "ignores_scale", False):
        raise UsageError(
            f"temperature {temperature:g} would change nothing: this generator normalises its latent "
            "vectors. Use --truncation (0.7 is usual) for more typical images."
        )


def noise_threshold(generator: nn.Module, threshold: float) -> float | None:
    """Return the threshold of the noise; None for a generator that truncates something else itself."""
    return None if callable(getattr(generator, "truncated", None)) else threshold


def truncated_generator(
    generator: nn.Module, threshold: float, latents: Callable[..., Tensor]
) -> nn.Module:
    """Return the generator for noise within ``threshold``.

    One with a method ``truncated`` (styles of StyleGAN2) says itself what is truncated. Where noise reaches
    the norms of a generator, their statistics are gathered anew. Elsewhere they stay: a norm after the first
    layer would scale truncated noise back to its old size.

    Args:
        generator: with its number of noise dimensions in ``config.latent``.
        threshold: largest absolute value of the noise, or what ``truncated`` takes.
        latents: (n, seed=) -> [n,d] truncated latent vectors.
    """
    own = getattr(generator, "truncated", None)
    if callable(own):
        return cast(nn.Module, own(threshold)).requires_grad_(False)
    config = getattr(generator, "config", None)
    if not isinstance(getattr(config, "latent", None), int):
        raise UsageError(
            f"--truncation cuts normal noise, and the generator {type(generator).__name__} does not say "
            "where its noise is. Leave it out."
        )
    if threshold < _LEAST:
        raise UsageError(
            f"--truncation {threshold:g} is too small: give the largest value of the noise, {_LEAST:g} or "
            "more (0.5 is usual; above 3 hardly anything is cut)."
        )
    if not getattr(config, "skip_noise", False):
        return generator
    batches = latents(_BATCHES * _BATCH, seed=_SEED).split(_BATCH)
    return with_standing_statistics(generator, batches).requires_grad_(False)


def truncated(noise: Tensor, threshold: float, rng: torch.Generator) -> Tensor:
    """Draw the values beyond ``threshold`` of standard normal ``noise`` again until all are within it."""
    while (beyond := noise.abs() > threshold).any():
        again = torch.randn(noise.shape, generator=rng, device=rng.device).to(noise)
        noise = torch.where(beyond, again, noise)
    return noise


@torch.no_grad()
def with_standing_statistics(generator: nn.Module, batches: Iterable[Tensor]) -> nn.Module:
    """Return a copy of a generator in evaluation mode, with batch norm's statistics from ``batches``.

    Args:
        generator: any generator; without batch norm the copy is equal to it.
        batches: latent vectors [N,d], whose statistics have equal weights.
    """
    twin = copy.deepcopy(generator).eval()
    norms = [part for part in twin.modules() if isinstance(part, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    for latents in batches if norms else ():
        twin(latents)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return twin.eval()

"""Spectral normalisation (Miyato et al. 2018, "Spectral normalization for generative adversarial networks").

    W_SN = W / sigma(W)        (eq. 8), sigma the largest singular value, a convolution's kernel [O,I,k,k]
                               read as a matrix [O, I k k] (section 2.1)
    v <- W'u / ||W'u||,  u <- Wv / ||Wv||,  sigma ~ u'Wv        (algorithm 1)

One power iteration a forward pass in training mode: the weights move little between two passes, so u and v
stay close to the singular vectors. They are buffers, so a checkpoint holds them, and in evaluation mode or
under :func:`~seqgan_kit.core.discriminator.frozen` they stand still.

What that bounds: a linear layer's slope is at most 1. Kernel k at stride s reads an input pixel up to
ceil(k/s)^2 times, so a convolution's slope is at most ceil(k/s), a sum pooling's over n pixels sqrt(n), and
a residual block's 1 more than its branch's. The constant is finite and does not depend on the weights; it
is 1 only for a network of linear layers.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm

Module = TypeVar("Module", bound=nn.Module)

_NORMALISED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)


class SpectralNorm(_SpectralNorm):
    """torch's, always in float32: with a sigma of two digits D's slope would jump between moves."""

    def forward(self, weight: Tensor) -> Tensor:
        """W -> W / sigma(W)."""
        with torch.autocast(weight.device.type, enabled=False):
            return super().forward(weight)


def spectrally_normalised(module: Module) -> Module:
    """Divides every weight matrix of the module, in place, by its largest singular value; returns the module.

    Weights that are so already are left as they are. What is exported goes through :func:`folded`.
    """
    for child in list(module.modules()):
        if isinstance(child, _NORMALISED) and not parametrize.is_parametrized(child, "weight"):
            outputs = 1 if isinstance(child, nn.ConvTranspose2d) else 0
            norm = SpectralNorm(child.weight, dim=outputs)
            parametrize.register_parametrization(child, "weight", norm)
    return module


def folded(module: nn.Module) -> nn.Module:
    """The module as it is in evaluation mode, with plain weights W_SN; itself if it has plain ones anyway."""
    if not any(parametrize.is_parametrized(child) for child in module.modules()):
        return module
    plain = copy.deepcopy(module).eval()  # in training mode to look at a weight moves u and v
    for child in list(plain.modules()):
        if parametrize.is_parametrized(child, "weight"):
            parametrize.remove_parametrizations(child, "weight", leave_parametrized=True)
    return plain

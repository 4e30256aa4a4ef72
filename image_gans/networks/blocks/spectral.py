"""Spectral normalisation (Miyato et al. 2018, "Spectral normalization for generative adversarial networks").

    W_SN = W / sigma(W)        (eq. 8), sigma the largest singular value, a convolution's kernel [O,I,k,k]
                               read as a matrix [O, I k k] (section 2.1)
    v <- W'u / ||W'u||,  u <- Wv / ||Wv||,  sigma ~ u'Wv        (algorithm 1)

Each forward pass in training mode makes one power iteration. The weights change little between passes, so u
and v stay close to the singular vectors. They are buffers, so a checkpoint holds them. In evaluation mode or
under :func:`~seqgan_kit.core.discriminator.frozen` they do not change.

What that bounds: a linear layer's slope is at most 1. Kernel k at stride s reads an input pixel up to
ceil(k/s)^2 times, so a convolution's slope is at most ceil(k/s), a sum pooling's over n pixels sqrt(n), and
a residual block's 1 more than its branch's. The constant is finite and does not depend on the weights,
except that self-attention has no such bound. It is 1 only for a network of linear layers.
"""

from __future__ import annotations

from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm

from seqgan_kit.core.discriminator import Discriminator, frozen
from seqgan_kit.errors import UsageError

Module = TypeVar("Module", bound=nn.Module)

_NORMALISED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)
UNBOUNDED = "its layer is not normalised, so D's Lipschitz constant would be unbounded."
"""Reason why layers of a technique are refused in a spectrally normalised D."""

_RESCALING = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)


class SpectralNorm(_SpectralNorm):
    """torch's spectral norm in float32: with a sigma of two digits D's slope would jump between updates."""

    def forward(self, weight: Tensor) -> Tensor:
        """W -> W / sigma(W)."""
        with torch.autocast(weight.device.type, enabled=False):
            return super().forward(weight)


def spectrally_normalised(module: Module) -> Module:
    """Divide every weight matrix of the module, in place, by its largest singular value; return the module.

    Weights that are already normalised stay as they are. For export see :func:`plain_weights`.
    """
    for child in list(module.modules()):
        if isinstance(child, _NORMALISED) and not parametrize.is_parametrized(child, "weight"):
            outputs = 1 if isinstance(child, nn.ConvTranspose2d) else 0
            norm = SpectralNorm(child.weight, dim=outputs)
            parametrize.register_parametrization(child, "weight", norm)
    return module


@torch.no_grad()
def plain_weights(module: nn.Module) -> dict[str, Tensor]:
    """Return the state of an equivalent network without spectral norm: W_SN in place of W, u and v."""
    state = dict(module.state_dict())
    with frozen(module):  # in training mode, reading a weight updates u and v
        for prefix, child in module.named_modules():
            if parametrize.is_parametrized(child, "weight"):
                dot = f"{prefix}." if prefix else ""
                for name in [n for n in state if n.startswith(f"{dot}parametrizations.weight.")]:
                    del state[name]
                state[f"{dot}weight"] = cast(Tensor, child.weight)
    return state


def spectral_discriminator(discriminator: Discriminator) -> Discriminator:
    """Normalise every weight of D; refuse layers that undo the bound."""
    for layer in discriminator.modules():
        if isinstance(layer, _RESCALING):
            raise UsageError(
                f"spectral normalisation bounds D's slope, and {type(layer).__name__} divides by the "
                "deviation of what it sees, which undoes that. Give D no other norm: "
                "--discriminator-norm spectral."
            )
    return spectrally_normalised(discriminator)

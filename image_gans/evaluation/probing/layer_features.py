"""Pooled features of every layer of a discriminator's trunk, and guided gradients of its filters.

Feature maps are pooled by maxima to a grid of 4 by 4 (Radford, Metz, Chintala 2016, section 5.1). A guided
gradient passes an activation only where its input and the gradient are positive (Springenberg, Dosovitskiy,
Brox, Riedmiller 2015, "Striving for simplicity: the all convolutional net", section 3.4).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_GRID = 4
_CHUNK = 128
_ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.SELU)
_NOT_LAYERS = (
    nn.Conv2d,
    nn.Linear,
    nn.Dropout,
    nn.Flatten,
    nn.Identity,
    nn.GroupNorm,
    nn.InstanceNorm2d,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.LayerNorm,
)


def trunk_layers(trunk: nn.Module) -> list[nn.Module]:
    """Return the parts of a trunk whose outputs are features: activations and residual blocks."""
    parts = cast(nn.Sequential, trunk.layers)
    return [part for part in parts if not isinstance(part, _NOT_LAYERS)]


@torch.no_grad()
def layer_features(trunk: nn.Module, images: Tensor) -> list[Tensor]:
    """Return the pooled features [N,F] of each layer for images [N,C,H,W]."""
    parts = [_hooked(trunk, part, pooled) for part in images.split(_CHUNK)]
    return [torch.cat(layers) for layers in zip(*parts, strict=True)]


def pooled(maps: Tensor) -> Tensor:
    """Return features [N,F]: maps [N,C,h,w] pooled by maxima to 4 by 4 at most, or vectors as they are."""
    if maps.dim() == 4:
        side = min(_GRID, maps.shape[-1])
        maps = functional.adaptive_max_pool2d(maps, side)
    return maps.flatten(1)


def _hooked(trunk: nn.Module, images: Tensor, keep: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Return what ``keep`` makes of each layer's output, before later layers may change it in place."""
    found: list[Tensor] = []
    with ExitStack() as hooks:
        for layer in trunk_layers(trunk):
            handle = layer.register_forward_hook(lambda _m, _i, output: found.append(keep(output)))
            hooks.callback(handle.remove)
        trunk(images)
    return found


class _GuidedReLU(torch.autograd.Function):
    """The activation's values; gradients only where input and gradient are positive."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, output: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gradients[0].clamp(min=0) * (x > 0), None


class GuidedActivation(nn.Module):
    """An activation with a guided gradient."""

    def __init__(self, activation: nn.Module):
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of ``x``, which stays as it is."""
        with torch.no_grad():
            output = self.activation(x.clone())
        return cast(Tensor, _GuidedReLU.apply(x, output))


def guided(trunk: nn.Module) -> nn.Module:
    """Return a copy of a trunk whose activations have guided gradients."""
    made = copy.deepcopy(trunk)
    for parent in list(made.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _ACTIVATIONS) and not isinstance(parent, GuidedActivation):
                setattr(parent, name, GuidedActivation(child))
    return made


@torch.enable_grad()
def guided_gradients(trunk: nn.Module, images: Tensor, layer: int, channels: Tensor) -> Tensor:
    """Return for each image [N,C,H,W] the guided gradient of the largest activation of its channel [N].

    Args:
        trunk: a trunk that :func:`guided` made.
        images: the images.
        layer: index among :func:`trunk_layers` of the trunk that it was made of.
        channels: a channel for each image.
    """
    x = images.detach().clone().requires_grad_()
    maps = _hooked(trunk, x, lambda output: output)[layer]
    rows = torch.arange(len(x), device=x.device)
    largest = maps.flatten(2).amax(2) if maps.dim() == 4 else maps
    (gradient,) = torch.autograd.grad(largest[rows, channels.to(x.device)].sum(), x)
    return gradient

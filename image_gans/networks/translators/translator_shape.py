"""Input checks, initialisation and norms that all translators share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqgan_kit.errors import UsageError

_DEVIATION = 0.02


def check_images(x: Tensor, channels: int, multiple: int, what: str) -> None:
    """Raise UsageError for images [N,C,H,W] that a translator cannot take.

    Args:
        x: the images.
        channels: number of channels that the translator takes.
        multiple: number that must divide both sides.
        what: name of the translator in the message.
    """
    if x.dim() != 4 or x.shape[1] != channels or x.shape[2] % multiple or x.shape[3] % multiple:
        raise UsageError(
            f"{what} takes images [N,{channels},H,W] whose sides are multiples of {multiple}; these are "
            f"{list(x.shape)}. Load the images with that size and number of channels."
        )


def through(part: nn.Module, x: Tensor, checkpointing: bool) -> Tensor:
    """Return part(x), keeping no activations of the part's inside if asked to.

    They are computed again for the gradients (Chen et al. 2016, "Training deep nets with sublinear memory
    cost"), with the same dropout and without counting the batch twice in running statistics.
    """
    if not (checkpointing and torch.is_grad_enabled()):
        return cast(Tensor, part(x))

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _uncounted(part)

    return cast(Tensor, checkpoint(part, x, use_reentrant=False, context_fn=contexts))


@contextmanager
def _uncounted(part: nn.Module) -> Iterator[None]:
    """Run a part in training mode without counting the batch in running statistics.

    The layers save the same tensors for their gradients as when they count, which checkpointing needs.
    """
    norms = [m for m in part.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm, (_, counted) in zip(norms, before, strict=True):
        norm.momentum, norm.num_batches_tracked = 0.0, None if counted is None else counted.clone()
    try:
        yield
    finally:
        for norm, (momentum, counted) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, counted


def drawn_small(modules: Iterable[nn.Module]) -> None:
    """Draw weights from N(0, 0.02), as pix2pix and CycleGAN do; biases become 0, scales of norms 1."""
    for module in modules:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, _DEVIATION)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def instance_norm(channels: int) -> nn.Module:
    """Return instance norm with a scale and a shift for each channel."""
    return nn.InstanceNorm2d(channels, affine=True)

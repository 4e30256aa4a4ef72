"""Constraints on the discriminator: gradient penalties (computed in float32) and weight clipping."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import UsageError

Scores = Callable[[Tensor], Tensor]


class Penalty(Protocol):
    """A term that is added to D's loss."""

    @property
    def name(self) -> str:
        """Name under which the term is logged."""

    def check(self, discriminator: nn.Module) -> None:
        """Refuse a discriminator for which the penalty is undefined."""

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return the weighted penalty as a scalar."""


def gradient_norms(scores: Scores, x: Tensor) -> Tensor:
    """Return the norm [B] of d score / d x of every sample, itself differentiable."""
    return scores_and_norms(scores, x)[1]


def scores_and_norms(scores: Scores, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scores [B] and, from the same pass, the norms [B] of their gradients.

    ``scores`` must score each sample on its own; then the gradient of the sum holds every sample's gradient.
    """
    x = x.detach().float().requires_grad_(True)
    scored = scores(x)
    (gradient,) = torch.autograd.grad(scored.sum(), x, create_graph=True)
    return scored, gradient.flatten(1).norm(2, dim=1)


def interpolate(real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """Return e*real + (1-e)*fake with one e ~ U[0,1] per sample, for tensors of any rank."""
    shape = (len(real),) + (1,) * (real.dim() - 1)
    share = torch.rand(shape, generator=rng, device=real.device)
    return share * real.detach().float() + (1 - share) * fake.detach().float()


@dataclass(frozen=True)
class GradientPenalty:
    """weight * E[(||grad D(x)||_2 - target)^2] on the lines between real and fake (Gulrajani et al. 2017)."""

    weight: float = 10.0
    target: float = 1.0
    name: str = "gradient_penalty"

    def check(self, discriminator: nn.Module) -> None:
        _refuse_batch_norm(discriminator, self.name)

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        with twice_differentiable(discriminator, real.device):
            norms = gradient_norms(plain_scores(discriminator), interpolate(real, fake, rng))
        return self.weight * ((norms - self.target) ** 2).mean()


@dataclass(frozen=True)
class R1:
    """weight/2 * E[||grad D(x)||^2] on real samples (Mescheder et al. 2018, eq. 9)."""

    weight: float = 10.0
    name: str = "r1"

    def check(self, discriminator: nn.Module) -> None:
        _refuse_batch_norm(discriminator, self.name)

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        with twice_differentiable(discriminator, real.device):
            norms = gradient_norms(plain_scores(discriminator), real)
        return 0.5 * self.weight * (norms**2).mean()


@dataclass(frozen=True)
class R2:
    """weight/2 * E[||grad D(x)||^2] on generated samples (Mescheder et al. 2018, eq. 10)."""

    weight: float = 10.0
    name: str = "r2"

    def check(self, discriminator: nn.Module) -> None:
        _refuse_batch_norm(discriminator, self.name)

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator
    ) -> Tensor:
        return R1(self.weight)(discriminator, fake, real, rng)


def clip_weights(module: nn.Module, limit: float) -> None:
    """Clamp every parameter to [-limit, limit]; call it after the optimizer step (Arjovsky et al. 2017)."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.clamp_(-limit, limit)


def plain_scores(discriminator: Discriminator) -> Scores:
    """Return D's score function, bypassing torch.compile, which has no second derivative."""
    return lambda x: discriminator.forward(x).score


def _refuse_batch_norm(discriminator: nn.Module, penalty: str) -> None:
    if any(isinstance(module, _BatchNorm) for module in discriminator.modules()):
        raise UsageError(
            f"{penalty} needs a discriminator without batch normalisation: it penalises the gradient of "
            "every sample's score, and batch normalisation mixes samples. Use layer or instance "
            "normalisation, or none."
        )


def twice_differentiable(module: nn.Module, device: torch.device) -> AbstractContextManager[object]:
    """Return a context with float32 and with kernels that have a second derivative.

    Fused attention and cuDNN's recurrent layers have none, so their plain implementations are used.
    """
    stack = ExitStack()
    stack.enter_context(torch.autocast(device.type, enabled=False))
    stack.enter_context(sdpa_kernel(SDPBackend.MATH))
    if any(isinstance(child, nn.RNNBase) for child in module.modules()):
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
    return stack

"""The discriminator of images and sequences: a trunk, a score head and optional further heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import _SpectralNorm


@dataclass(frozen=True)
class Critique:
    """A discriminator's output on a batch.

    ``score`` [B] is a logit or a critic's value, without sigmoid; ``features`` [B,F] is the trunk's output;
    ``heads`` holds the outputs of further heads by name (classes, codes). With trunk features [B,S,F] there
    are S scores per sample, and ``score`` is [B*S].
    """

    score: Tensor
    features: Tensor
    heads: dict[str, Tensor] = field(default_factory=dict)


class Discriminator(nn.Module):
    """Trunk + heads -> :class:`Critique`.

    Args:
        trunk: network from an input batch to features [B,F]; see below for what else it may offer.
        features: F.
        heads: further heads on the features, by name.
        score: the score head; default: a linear layer.

    A trunk may also have

    - ``rows_are_independent = True``: no row's features depend on the other rows of the batch, so reals and
      fakes may be read in one pass;
    - ``scores_per_sample``: S, where its features are [B,S,F];
    - ``scored(x)``: True [B,S] on the scores of a batch that mean something, where not all of them do;
    - ``prefix_scorer(verdict)``: a cheaper way to score completions of known prefixes
      (:class:`~seqgan_kit.sequences.sampling.rollout.CompletionReward`), given features -> rewards.
    """

    def __init__(
        self,
        trunk: nn.Module,
        features: int,
        heads: Mapping[str, nn.Module] | None = None,
        score: nn.Module | None = None,
    ):
        super().__init__()
        self.trunk = trunk
        self.score = score if score is not None else nn.Linear(features, 1)
        self.heads = nn.ModuleDict(heads or {})

    def forward(self, x: Tensor) -> Critique:
        features = self.trunk(x)
        heads = {name: head(features) for name, head in self.heads.items()}
        return Critique(self.verdict(features), features, heads)

    def verdict(self, features: Tensor) -> Tensor:
        """Return the score [B] of features [B,F], or [B*S] of [B,S,F].

        It is float32 also under autocast, since bfloat16 has only two decimal digits.
        """
        wide = torch.promote_types(features.dtype, torch.float32)
        with torch.autocast(features.device.type, enabled=False):
            score: Tensor = self.score(features.to(wide))
        return score.flatten()


def mean_scores(discriminator: Discriminator, x: Tensor) -> Tensor:
    """Return one score [B] for each sample of a batch: the mean of those that mean something."""
    scores: Tensor = discriminator(x).score.view(len(x), -1)
    scored = getattr(getattr(discriminator, "trunk", None), "scored", None)
    if scored is None:
        return scores.mean(1)
    counted = scored(x)
    return (scores * counted).sum(1) / counted.sum(1).clamp(min=1)


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Run modules in training mode without changing their buffers.

    Batch norm still normalises with the batch's statistics but does not update the running ones; spectral
    norm keeps its power-iteration vectors. So sampling from G during D's update does not change G, and
    scoring with D during G's update does not change D.
    """
    norms, spectral = [], []
    for module in (child for top in modules for child in top.modules()):
        if isinstance(module, _BatchNorm) and module.training and module.track_running_stats:
            norms.append(module)
        elif isinstance(module, _SpectralNorm) and module.training:
            spectral.append(module)
    for norm in norms:
        norm.track_running_stats = False
    for parametrization in spectral:
        parametrization.training = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
        for parametrization in spectral:
            parametrization.training = True


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Put modules in eval mode (no dropout, running statistics); on exit, restore the mode of every
    submodule."""
    parts = [(part, part.training) for module in modules for part in module.modules()]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for part, training in parts:
            part.training = training


def device_of(network: nn.Module) -> torch.device:
    """Return the device of a network's parameters."""
    return next(network.parameters()).device

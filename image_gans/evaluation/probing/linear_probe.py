"""Linear probes: multinomial logistic regression on fixed features, with an L2 penalty.

    minimise  mean_i -log softmax_{y_i}(W x_i + b) + (lambda / 2) |W|^2

The features are standardised by the training rows. The penalty is chosen by the accuracy on a held-out fifth
of the training rows, and the probe is then fitted on all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""Penalties that are tried."""
_HELD_OUT = 5
_STEPS = 60


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe."""

    mean: Tensor
    """[F] of the training features."""
    scale: Tensor
    """[F] standard deviation of the training features; 1 where it is 0."""
    weight: Tensor
    """[K,F]."""
    bias: Tensor
    """[K]."""
    penalty: float
    """lambda."""

    def logits(self, features: Tensor) -> Tensor:
        """Return logits [N,K] of features [N,F]."""
        return ((features.double() - self.mean) / self.scale) @ self.weight.T + self.bias

    def right(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return whether each row is classified rightly [N]."""
        return self.logits(features).argmax(1) == labels


def fit_probe(
    features: Tensor,
    labels: Tensor,
    classes: int,
    rng: torch.Generator,
    penalties: Sequence[float] = PENALTIES,
) -> LinearProbe:
    """Fit a probe, with the penalty that is best on held-out rows.

    Args:
        features: [N,F].
        labels: [N].
        classes: K.
        rng: chooses the held-out rows.
        penalties: what is tried; the largest of equally good ones is taken.
    """
    order = torch.randperm(len(labels), generator=rng)
    count = len(labels) // _HELD_OUT
    held, kept = order[:count], order[count:]
    best = penalties[-1]
    if count and len(penalties) > 1:
        found = fit_probes(features[kept], labels[kept], classes, penalties)
        scores = [int(one.right(features[held], labels[held]).sum()) for one in found]
        best = max(p for p, score in zip(penalties, scores, strict=True) if score == max(scores))
    return fit_probes(features, labels, classes, (best,))[0]


def fit_probes(
    features: Tensor, labels: Tensor, classes: int, penalties: Sequence[float]
) -> list[LinearProbe]:
    """Fit a probe for each penalty.

    With more features than rows the weights lie in the span of the rows, because of the penalty. So the
    problem is solved exactly in coordinates of that span, which are no more than the rows.
    """
    x = features.double()
    mean, scale = x.mean(0), x.std(0, unbiased=False)
    scale = torch.where(scale > 0, scale, 1.0)
    x = (x - mean) / scale
    basis = None
    if x.shape[1] > len(x):
        values, vectors = torch.linalg.eigh(x @ x.T)
        large = values > values[-1] * 1e-12
        basis = x.T @ (vectors[:, large] / values[large].sqrt())
        x = x @ basis
    probes = []
    for penalty in penalties:
        weight, bias = _solve(x, labels, classes, penalty)
        weight = weight if basis is None else weight @ basis.T
        probes.append(LinearProbe(mean, scale, weight, bias, penalty))
    return probes


@torch.enable_grad()
def _solve(x: Tensor, labels: Tensor, classes: int, penalty: float) -> tuple[Tensor, Tensor]:
    weight = torch.zeros(classes, x.shape[1], dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(classes, dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=_STEPS,
        tolerance_grad=1e-7,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(x @ weight.T + bias, labels)
        loss = loss + penalty / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach(), bias.detach()

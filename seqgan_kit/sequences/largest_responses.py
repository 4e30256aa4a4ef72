"""The largest response of convolution filters over time, with a gradient that follows the winning windows.

Of a sequence's windows only the one that a filter responded to most has a gradient from that filter. With
responses r[b,p,f] = bias[f] + sum_k w[f,k] . x[b,p+k] and their winner p*[b,f], the gradient g[b,f] gives

    dw[f,k] = sum_b g[b,f] x[b, p*[b,f] + k]

a weighted bag of token embeddings for every place of every filter: at the SeqGAN paper's filters 9.5 times
fewer multiply-adds than a convolution's backward pass, which multiplies by all the zeros in between.

Where windows tie, the first wins; ``amax`` would share the gradient. Identical windows, as over padding, give
the filters the same gradient either way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Up to so many windows a dense product is quicker than bags of the few that won.
_FEW_WINDOWS = 8


def largest_responses(embedded: Tensor, convolutions: Iterable[nn.Conv1d]) -> Tensor:
    """Each filter's largest response over time, [B,T,E] -> [B, all filters].

    Equal to ``plain_largest_responses`` up to rounding, and so are gradients and their gradients.
    """
    return torch.cat([_largest(embedded, c.weight, c.bias) for c in convolutions], dim=1)


def plain_largest_responses(embedded: Tensor, convolutions: Iterable[nn.Conv1d]) -> Tensor:
    """The same as torch has it: [B,T,E] -> [B, all filters]."""
    x = embedded.transpose(1, 2)
    return torch.cat([convolution(x).amax(2) for convolution in convolutions], dim=1)


def _largest(embedded: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """One convolution's part [B,F]."""
    if embedded.shape[1] == weight.shape[2]:  # one window: nothing to choose, and no convolution
        return F.linear(embedded.transpose(1, 2).flatten(1), weight.flatten(1), bias)
    return cast(Tensor, _LargestResponse.apply(embedded, weight, bias))


class _LargestResponse(torch.autograd.Function):
    """One convolution [F,E,width] and its maximum: [B,T,E] -> [B,F]."""

    @staticmethod
    def forward(ctx: Any, embedded: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        # Channels last, in both steps: the pooling is vectorised over filters, 15 times as fast as max(dim).
        responses = F.conv2d(_as_image(embedded), weight.unsqueeze(2), bias)
        values, winners = F.max_pool2d(responses, (1, responses.shape[3]), return_indices=True)
        ctx.save_for_backward(embedded, weight, winners.flatten(1))
        return values.flatten(1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        # Of operations that have gradients themselves, so that penalties on gradients work.
        embedded, weight, winners = ctx.saved_tensors
        asked = ctx.needs_input_grad
        return (
            _input_gradient(embedded, weight, winners, gradient) if asked[0] else None,
            _filter_gradient(embedded, winners, gradient, weight.shape[2]) if asked[1] else None,
            gradient.sum(0) if asked[2] else None,
        )


def _as_image(embedded: Tensor) -> Tensor:
    """[B,T,E] as [B,E,1,T] in place: an image one pixel high, channels last."""
    return embedded.contiguous().unsqueeze(1).permute(0, 3, 1, 2)


def _input_gradient(embedded: Tensor, weight: Tensor, winners: Tensor, gradient: Tensor) -> Tensor:
    """dx [B,T,E]. Sorting filters by the windows they chose costs what the zeros do, so this one is dense.

    A product for each of the filters' places takes two thirds of the convolution's own backward pass.
    """
    windows = embedded.shape[1] - weight.shape[2] + 1
    responses, found = _spread(winners, gradient, windows), torch.zeros_like(embedded)
    for place, filters in enumerate(weight.permute(2, 0, 1).contiguous()):
        found[:, place : place + windows] += responses @ filters
    return found


def _filter_gradient(embedded: Tensor, winners: Tensor, gradient: Tensor, width: int) -> Tensor:
    """dw [F,E,width]."""
    batch, length, size = embedded.shape
    if length - width < _FEW_WINDOWS:
        windows = embedded.unfold(1, width, 1)
        dense = _spread(winners, gradient, windows.shape[1]).flatten(0, 1)
        return (dense.t() @ windows.reshape(len(dense), -1)).view(-1, size, width)
    places = torch.arange(width, dtype=torch.int32, device=winners.device)
    starts = torch.arange(0, batch * length, length, dtype=torch.int32, device=winners.device)
    tokens = (winners.int().t() + starts).unsqueeze(1) + places.unsqueeze(1)  # [F,width,B]
    weights = gradient.t().unsqueeze(1).expand(tokens.shape)
    bags = F.embedding_bag(
        tokens.reshape(-1, batch),
        embedded.reshape(-1, size),
        mode="sum",
        per_sample_weights=weights.reshape(-1, batch),
    )
    return bags.view(-1, width, size).transpose(1, 2)


def _spread(winners: Tensor, gradient: Tensor, windows: int) -> Tensor:
    """The maxima's gradient [B,F] as that of all responses [B,windows,F]: zero but for the winners."""
    spread = gradient.new_zeros(len(gradient), windows, gradient.shape[1])
    return spread.scatter_(1, winners.unsqueeze(1), gradient.unsqueeze(1))

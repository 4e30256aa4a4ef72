"""Weights with orthogonal rows: an initialisation, and a measure of how far weights are from it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from image_gans.networks.blocks.spectral import spectrally_normalised


def orthogonal_weights(module: nn.Module) -> None:
    """Draw all matrices and kernels, read as [O, I k k], with orthonormal rows or columns (Saxe et al. 2014).

    Embeddings are matrices [classes, dimensions]; biases stay as they are. Spectral norms are set up anew.
    """
    for layer in list(module.modules()):
        if not isinstance(layer, nn.Linear | nn.Conv2d | nn.Embedding):
            continue
        spectral = parametrize.is_parametrized(layer, "weight")
        if spectral:
            parametrize.remove_parametrizations(layer, "weight")
        nn.init.orthogonal_(layer.weight)
        if spectral:
            spectrally_normalised(layer)


def row_overlap(module: nn.Module) -> Tensor:
    """Return sum over layers of ||W W' * (1 - I)||_F^2, which is 0 if all filters are orthogonal.

    Rows of W are the filters of a layer. Norms of filters are free (Brock et al. 2019, eq. 3). Embeddings do
    not count. Of a layer under spectral norm the weight below the norm counts.
    """
    total = torch.zeros(())
    for weight in _matrices(module):
        gram = weight @ weight.t()
        total = total.to(gram) + (gram - gram.diagonal().diag()).square().sum()
    return total


def _matrices(module: nn.Module) -> Iterator[Tensor]:
    for layer in module.modules():
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        below = dict(layer.named_parameters()).get("parametrizations.weight.original")
        # Not layer.weight where it is normalised: reading it moves the estimate of the norm.
        yield (layer.weight if below is None else below).flatten(1)

"""The layer of a language model that maps hidden states to the tokenizer's ids."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqgan_kit.sequences.language_models.numbering import Numbering


class OutputLayer(nn.Module):
    """The model's output layer, with its rows in the tokenizer's order."""

    def __init__(self, layer: Any, numbering: Numbering):
        super().__init__()
        # In a list, because the layer's parameters are the model's, which often shares them with its
        # embeddings: here they would be saved and counted twice.
        self._layer, self.numbering, self.scale = [layer], numbering, 1.0
        self.in_features = int(layer.weight.shape[1])

    @property
    def weight(self) -> Tensor:
        """[V,H]."""
        weight = self.numbering.arranged(self._layer[0].weight)
        return weight if self.scale == 1 else weight * self.scale

    @property
    def bias(self) -> Tensor:
        """[V]; zeros for a layer without bias."""
        layer = self._layer[0]
        if getattr(layer, "bias", None) is None:
            return torch.zeros(self.numbering.size, device=layer.weight.device)
        return self.numbering.arranged(layer.bias) * self.scale

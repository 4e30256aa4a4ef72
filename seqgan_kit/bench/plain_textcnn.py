"""Plain implementation of the TextCNN discriminator, the reference for benchmark and tests."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgan_kit.sequences.discriminators.textcnn import TextCNN


class PlainTextCNN(nn.Module):
    """A TextCNN from ids [B,T] to logits [B]: ``nn.Conv1d``, ReLU, maximum, highway of two linear layers,
    dropout.

    It copies the weights of a TextCNN with a highway layer and of the score layer, and computes the same
    function.
    """

    def __init__(self, trunk: TextCNN, score: nn.Linear):
        super().__init__()
        features, config, learnt = trunk.features, trunk.config, trunk.embedding
        vocabulary, pad = learnt.num_embeddings, learnt.padding_idx
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=pad)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.embedding, count, width) for width, count in trunk.filters
        )
        self.value, self.gate = nn.Linear(features, features), nn.Linear(features, features)
        self.dropout, self.score = nn.Dropout(config.dropout), nn.Linear(features, 1)
        self._copy(trunk, score)

    def _copy(self, trunk: TextCNN, score: nn.Linear) -> None:
        self.embedding.load_state_dict(trunk.embedding.state_dict())
        self.convolutions.load_state_dict(trunk.convolutions.state_dict())
        self.score.load_state_dict(score.state_dict())
        both = trunk.highway.state_dict()
        for half, layer in enumerate((self.value, self.gate)):
            layer.load_state_dict(
                {name: both[f"both.{name}"].chunk(2)[half] for name in ("weight", "bias")}
            )

    def forward(self, tokens: Tensor) -> Tensor:
        embedded = self.embedding(tokens).transpose(1, 2)
        pooled = torch.cat([conv(embedded).relu().amax(2) for conv in self.convolutions], dim=1)
        gate = self.gate(pooled).sigmoid()
        mixed = gate * self.value(pooled).relu() + (1 - gate) * pooled
        logits: Tensor = self.score(self.dropout(mixed)).squeeze(1)
        return logits

"""Discriminators that score an image together with its labels.

A labelled sample is one tensor: the image's channels, then a plane whose first K pixels hold the labels.
So penalties and techniques pass labels on without special code.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.networks.blocks.label_vectors import label_vectors, total_width
from image_gans.networks.blocks.spectral import spectrally_normalised
from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.errors import UsageError

_STEP = 1024.0  # gap between class numbers, so that they survive rounding, interpolation and noise
_SLOPE = 0.2  # slope of LeakyReLU, as in DCGAN


def with_labels(pictures: Tensor, labels: Tensor) -> Tensor:
    """Join images and labels: [N,C,H,W], [N,K] integers -> [N,C+1,H,W]."""
    count, pixels = labels.shape[1], pictures.shape[2] * pictures.shape[3]
    if count > pixels:
        raise UsageError(f"{count} labels do not fit into a plane of {pixels} pixels.")
    plane = pictures.new_zeros(len(pictures), pixels)
    plane[:, :count] = labels.to(plane) * _STEP
    return torch.cat([pictures, plane.view(-1, 1, *pictures.shape[2:])], 1)


def apart(samples: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Split what :func:`with_labels` joined into images [N,C,H,W] and labels [N,K]."""
    plane = samples[:, -1].flatten(1)[:, :count].detach().float()
    return samples[:, :-1], (plane / _STEP).round().long()


class LabelledDiscriminator(Discriminator):
    """A trunk that sees the image, and a head that scores its features together with the labels.

    Args:
        plain: the discriminator whose trunk and heads are taken.
        judge: maps features [N,F] and labels [N,K] to scores [N].
        count: K.
    """

    def __init__(self, plain: Discriminator, judge: nn.Module, count: int):
        super().__init__(plain.trunk, 1, dict(plain.heads.items()), score=judge)
        self.count = count

    def forward(self, x: Tensor) -> Critique:
        """Return the verdict on labelled samples [N,C+1,H,W]."""
        pictures, labels = apart(x, self.count)
        features = self.trunk(pictures)
        wide = torch.promote_types(features.dtype, torch.float32)
        with torch.autocast(features.device.type, enabled=False):
            score = self.score(features.to(wide), labels)
        heads = {name: head(features) for name, head in self.heads.items()}
        return Critique(score.flatten(), features, heads)


class JoinedScore(nn.Module):
    """A layer on the features and the embedded labels together, then the score (Mirza and Osindero 2014,
    section 4: image and label meet in a joint hidden layer)."""

    def __init__(self, features: int, conditions: Conditions, embedding: int, hidden: int):
        super().__init__()
        self.embeddings = label_vectors(conditions, embedding)
        joined = features + total_width(conditions, embedding)
        self.joint = nn.Sequential(nn.Linear(joined, hidden), nn.LeakyReLU(_SLOPE))
        self.score = nn.Linear(hidden, 1)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """[N,F], [N,K] -> [N]."""
        told = [table(labels[:, i]) for i, table in enumerate(self.embeddings)]
        return cast(Tensor, self.score(self.joint(torch.cat([features, *told], 1)))).flatten()


class ProjectedScore(nn.Module):
    """score(x, y) = w . phi(x) + b + sum_k v_k(y_k) . phi(x) (Miyato and Koyama 2018, eq. 4, for K labels
    that are independent given x); w and every v_k under spectral norm as in the paper."""

    def __init__(self, features: int, conditions: Conditions):
        super().__init__()
        self.score = spectrally_normalised(nn.Linear(features, 1))
        self.embeddings = nn.ModuleList(
            spectrally_normalised(_small(nn.Embedding(len(classes), features)))
            for classes in conditions.classes
        )

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """[N,F], [N,K] -> [N]."""
        told = sum(table(labels[:, i]) for i, table in enumerate(self.embeddings))
        return self.score(features).flatten() + (told * features).sum(1)


def with_projection(plain: Discriminator, conditions: Conditions) -> LabelledDiscriminator:
    """Return a discriminator with the trunk of ``plain`` that scores by projection."""
    judge = ProjectedScore(feature_count(plain), conditions)
    return LabelledDiscriminator(plain, judge, len(conditions.names))


def feature_count(discriminator: Discriminator) -> int:
    """Return F, the number of features of a discriminator's trunk."""
    return int(cast(int, discriminator.trunk.features))


def _small(table: nn.Embedding) -> nn.Embedding:
    nn.init.xavier_uniform_(table.weight)
    return table

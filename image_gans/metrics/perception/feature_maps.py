"""Distances of images over the feature maps of a fixed network.

With maps f_s(x) [F,h,w] of stages s:

    content distance   mean over s of mean (f_s(x) - f_s(y))^2      (Johnson et al. 2016; Ledig et al. 2017)
    LPIPS              sum over s of mean over places of sum over channels w_sc (u_s(x) - u_s(y))^2

where u_s is f_s divided by its norm over the channels of each place (Zhang et al. 2018, "The unreasonable
effectiveness of deep features as a perceptual metric"). Its weights w were fitted to people's judgements for
VGG-16. With another network, or without a file of weights, w is 1 and the score is LPIPS-like: it compares
models, and its level means nothing beside published figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from image_gans.metrics.recogniser import digest
from seqgan_kit.errors import UsageError

_HASH_LETTERS = 6
_SMALL = 1e-10
_CHUNK = 128


class HasMaps(Protocol):
    """A network with feature maps."""

    def maps(self, x: Tensor) -> list[Tensor]:
        """[N,C,H,W] in [-1,1] -> [N,F,h,w] of each stage."""


@dataclass(frozen=True)
class Perception:
    """A fixed network whose feature maps images are compared by.

    Attributes:
        name: the kind of network, in names of scores.
        network: it takes images in [-1,1], and is not trained.
        stage: number of the only stage to compare, from 1; 0 for all.
        heads: LPIPS's weights of the channels of each stage.
    """

    name: str
    network: nn.Module
    stage: int = 0
    heads: Sequence[Tensor] | None = None

    @property
    def label(self) -> str:
        """Label ``name-hash``, which identifies the network."""
        return f"{self.name}-{digest(self.network)[:_HASH_LETTERS]}"

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return the maps that are compared, [N,F,h,w] of each stage."""
        found = cast(HasMaps, self.network).maps(x)
        if not self.stage:
            return found
        if self.stage > len(found):
            raise UsageError(
                f"perceptual_stage is {self.stage}, and {self.name} has {len(found)} stages: give 1 to "
                f"{len(found)}, or 0 for all."
            )
        return [found[self.stage - 1]]

    def content_distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the content distance of images [N,C,H,W] twice -> [N], differentiable in ``x``."""
        with torch.no_grad():
            wanted = self.maps(y)
        found = self.maps(x)
        apart = [(f - w).square().flatten(1).mean(1) for f, w in zip(found, wanted, strict=True)]
        return torch.stack(apart).mean(0)

    @torch.no_grad()
    def lpips(self, x: Tensor, y: Tensor) -> Tensor:
        """Return LPIPS, or the LPIPS-like score, of images [N,C,H,W] twice -> [N]."""
        pieces = [
            _lpips(self.maps(a), self.maps(b), self.heads)
            for a, b in zip(x.split(_CHUNK), y.split(_CHUNK), strict=True)
        ]
        return torch.cat(pieces)


def _lpips(one: list[Tensor], two: list[Tensor], heads: Sequence[Tensor] | None) -> Tensor:
    total = torch.zeros(len(one[0]))
    for stage, (f, g) in enumerate(zip(one, two, strict=True)):
        apart = (_unit(f) - _unit(g)).square()
        weighted = apart if heads is None else apart * heads[stage].to(apart)
        total = total.to(f.device) + weighted.sum(1).flatten(1).mean(1)
    return total


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True).sqrt() + _SMALL)

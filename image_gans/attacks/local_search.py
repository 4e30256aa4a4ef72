"""Adversarial examples without gradients: greedy local search over single pixels (Narodytska, Kasiviswanathan
2017, "Simple black-box adversarial attacks on deep neural networks", algorithm LocSearchAdv).

With an image I of values in [-1,1] (range W = 2), its class c, and P a set of places:

    try     I_xy = I with the value p W sign(I) in all channels of the place (x, y), for (x, y) in P
    choose  the t places whose I_xy gives c the lowest probability
    change  I <- I with cyclic(r I) at these places: r I, moved by W if it is outside the range
    stop    if c is no longer the most probable class
    P    <- the squares of side 2 d + 1 around the chosen places

P begins as a tenth of all places, drawn at random. At most ``rounds * t`` pixels change.

Differs from the paper: of each round's places at most ``most_candidates`` are tried, drawn at random; a
round's queries would otherwise be t (2 d + 1)^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from image_gans.attacks.perturbations import HIGHEST, LOWEST
from seqgan_kit.core.bounds import Above0, Bounds, Count, Positive, bounded
from seqgan_kit.core.techniques.virtual_adversary import Logits

_RANGE = HIGHEST - LOWEST
_FIRST_SHARE = 0.1


@dataclass(frozen=True)
@bounded
class LocalSearch:
    """Settings of the search."""

    pixels: Positive = 5
    """t: pixels changed in a round (5 in the paper)."""
    rounds: Positive = 20
    """Largest number of rounds (150 in the paper)."""
    reach: Count = 5
    """d: half the side of the square around a changed pixel that the next round tries (5 in the paper)."""
    probe: Above0 = 1.0
    """p: value that a place is tried with, in units of the range of pixel values."""
    factor: Annotated[float, Bounds(0, 2)] = 1.5
    """r: factor of a changed pixel's value (1.5 in the paper)."""
    most_candidates: Positive = 64
    """Places tried in a round."""

    @property
    def most_pixels(self) -> int:
        """Largest number of pixels that change."""
        return self.rounds * self.pixels


@dataclass(frozen=True)
class Found:
    """Result of a search."""

    image: Tensor
    """[C,H,W] in [-1,1]."""
    fooled: bool
    """Whether the classifier names another class."""
    queries: int
    """Images that the classifier was shown."""


@torch.no_grad()
def local_search(
    logits: Logits, image: Tensor, label: int, search: LocalSearch, rng: torch.Generator
) -> Found:
    """Change few pixels of an image [C,H,W] so that the classifier does not name its class ``label``."""
    image, queries = image.clone(), 1
    if int(logits(image[None]).argmax()) != label:
        return Found(image, True, queries)
    height, width = image.shape[1:]
    places = torch.randperm(height * width, generator=rng)
    places = places[: max(search.pixels, int(_FIRST_SHARE * height * width))]
    for _ in range(search.rounds):
        places = places[torch.randperm(len(places), generator=rng)[: search.most_candidates]]
        trials = tried(image, places, search.probe)
        scores = logits(trials).log_softmax(1)[:, label]
        chosen = places[scores.argsort(stable=True)[: search.pixels].cpu()]
        image.view(len(image), -1)[:, chosen] = cyclic(image.flatten(1)[:, chosen], search.factor)
        queries += len(trials) + 1
        if int(logits(image[None]).argmax()) != label:
            return Found(image, True, queries)
        places = neighbours(chosen, search.reach, height, width)
    return Found(image, False, queries)


def tried(image: Tensor, places: Tensor, probe: float) -> Tensor:
    """Return [P,C,H,W]: the image [C,H,W] with each of the places [P] set to its extreme value."""
    trials = image.repeat(len(places), 1, 1, 1)
    rows = torch.arange(len(places))
    extreme = probe * _RANGE * image.flatten(1)[:, places].sign()
    trials.flatten(2)[rows, :, places] = extreme.T
    return trials


def cyclic(values: Tensor, factor: float) -> Tensor:
    """Return ``factor * values``, moved by the range of pixel values where it is outside."""
    scaled = factor * values
    return torch.where(
        scaled < LOWEST, scaled + _RANGE, torch.where(scaled > HIGHEST, scaled - _RANGE, scaled)
    )


def neighbours(places: Tensor, reach: int, height: int, width: int) -> Tensor:
    """Return the places in the squares of side ``2 reach + 1`` around places [P], each once, sorted."""
    offsets = torch.arange(-reach, reach + 1)
    down = (places // width).view(-1, 1, 1) + offsets.view(1, -1, 1)
    across = (places % width).view(-1, 1, 1) + offsets.view(1, 1, -1)
    inside = (down >= 0) & (down < height) & (across >= 0) & (across < width)
    return (down * width + across)[inside].unique()

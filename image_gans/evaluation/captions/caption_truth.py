"""Whether images show what their captions say: facts of captions against a recogniser's reading of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.trained_recogniser import recognise
from seqgan_kit.data.catworld.captions.caption import CatWorld
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES
from seqgan_kit.metrics.statistics.divergences import Estimate


@lru_cache(maxsize=1 << 14)
def facts_of_caption(caption: str) -> tuple[tuple[str, str], ...] | None:
    """Return the facts of a caption of the cat world as (label, class); None if it is no such caption.

    They are those that an image has labels for: of the first cat and of the scene.
    """
    parsed = CatWorld().parse(" ".join(caption.lower().split()))
    if not parsed.valid:
        return None
    return tuple((name, value) for name, value in parsed.attributes.items() if name in LABEL_NAMES)


@dataclass(frozen=True)
class Agreement:
    """How captions and images agree.

    Attributes:
        by_label: share of images that show the class their caption tells, of those that tell one.
        facts: share of told facts that are shown, over all images.
        whole: share of images that show everything their caption tells, of images with a valid caption.
        valid: share of captions that are captions of the cat world.
    """

    by_label: Mapping[str, Estimate]
    facts: Estimate
    whole: Estimate
    valid: float


def agreement(
    seen: Mapping[str, Tensor], captions: Sequence[str], label_names: Mapping[str, Sequence[str]]
) -> Agreement | None:
    """Return how captions [N] agree with images, by the recogniser's class probabilities [N,classes].

    None if no caption is one of the cat world.
    """
    decided = {name: probabilities.argmax(1).tolist() for name, probabilities in seen.items()}
    hits: dict[str, list[bool]] = {}
    whole, valid = list[bool](), 0
    for row, caption in enumerate(captions):
        told = facts_of_caption(caption)
        if told is None:
            continue
        valid += 1
        shown = {
            name: label_names[name][decided[name][row]] == value
            for name, value in told
            if name in decided
        }
        for name, hit in shown.items():
            hits.setdefault(name, []).append(hit)
        whole.append(all(shown.values()))
    if not valid:
        return None
    found = {name: share_of(hits[name]) for name in LABEL_NAMES if name in hits}
    every = [hit for values in hits.values() for hit in values]
    return Agreement(found, share_of(every), share_of(whole), valid / len(captions))


def shown_facts(
    recogniser: Recogniser, images: Tensor, captions: Sequence[str]
) -> Agreement | None:
    """Return how images [N,C,H,W] in [-1,1] agree with their captions."""
    names = recogniser.config.label_names
    return agreement(recognise(recogniser, images), captions, names)


def share_of(hits: Sequence[bool]) -> Estimate:
    """Return the share of True, with its standard error."""
    share = float(torch.tensor(hits, dtype=torch.float64).mean())
    return Estimate(share, (share * (1 - share) / len(hits)) ** 0.5)

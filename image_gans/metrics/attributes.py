r"""Distribution of the attributes of samples, by a recogniser, compared with the true one.

    TV = 1/2 sum_c |share of samples recognised as c - P(c)|           for each attribute

In the cat world P is the law itself (``SceneLaw``), summed out to each attribute; elsewhere the shares among
the training labels. A recogniser makes errors, so even real images have a small distance: their row is the
floor, and the recogniser's accuracy on held-out images stands beside it. In the cat world further:

* **odd-eyed share**: mean probability that the eyes differ in colour, over images with open eyes.
  Probabilities, not decisions: with 3 cats in 100 odd-eyed, a decision would almost never be "odd".

Eye colours count only if an eye is recognised as open, since a shut eye shows no colour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqgan_kit.data.catworld.scenes.beliefs import prior_beliefs
from seqgan_kit.data.catworld.scenes.scene import EYE_STATES, LABEL_NAMES, SceneLaw
from seqgan_kit.errors import DataError
from seqgan_kit.metrics.statistics.divergences import Estimate

Floats = NDArray[np.float64]
ODD_EYES = "odd_eyes"
_OF_EYES = ("eyes", "left_eye", "right_eye")
_OPEN, _SHUT = EYE_STATES.index("open"), EYE_STATES.index("shut")


def is_catworld(label_names: Mapping[str, tuple[str, ...]]) -> bool:
    """Return whether the labels are exactly those of the cat world."""
    return all(label_names.get(name) == values for name, values in LABEL_NAMES.items())


def recognisable(
    labels: Mapping[str, Tensor], label_names: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, Tensor], dict[str, tuple[str, ...]]]:
    """Labels as a recogniser learns them: with the cat world's eyes, colours of shut eyes are unknown (-1),
    and whether open eyes differ is a label of its own; other worlds' are left as they are."""
    if not all(label_names.get(name) == LABEL_NAMES[name] for name in _OF_EYES):
        return dict(labels), dict(label_names)
    state, left, right = labels["eyes"], labels["left_eye"], labels["right_eye"]
    seen = {**labels}
    seen["left_eye"] = torch.where(state == _OPEN, left, -1)
    seen["right_eye"] = torch.where(state != _SHUT, right, -1)
    seen[ODD_EYES] = torch.where(state == _OPEN, (left != right).long(), -1)
    return seen, {**label_names, ODD_EYES: ("same", "odd")}


def law_marginals(law: SceneLaw) -> dict[str, Floats]:
    """P of each attribute of a scene's first cat, and of :data:`ODD_EYES`, summed out exactly."""
    coat, eyes = np.array(law.coat), np.array(law.eyes)
    left = np.array(law.eye_given_coat)
    right = np.array(
        [[law.right_eye_given(c, e) for e in range(left.shape[1])] for c in range(len(coat))]
    )
    odd = float(coat @ np.array(law.odd_eyes_given_coat))
    return {
        "coat": coat,
        "pattern": coat @ np.array(law.pattern_given_coat),
        "ears": np.array(law.ears),
        "left_eye": coat @ left,
        "right_eye": np.einsum("c,cl,clr->r", coat, left, right),
        "eyes": eyes,
        "expression": eyes @ np.array(law.expression_given_eyes),
        "accessory": np.array(law.accessory),
        "background": np.array(law.background),
        "tilt": np.array(law.tilt),
        "size": np.array(law.size),
        "cats": np.array(law.cats),
        ODD_EYES: np.array([1.0 - odd, odd]),
    }


def conditional_marginals(law: SceneLaw, label: str, number: int) -> dict[str, Floats]:
    """P of each attribute of a scene's first cat, given the class of one of them; exact.

    Args:
        law: the distribution of scenes.
        label: a name in LABEL_NAMES but ``cats``, on which nothing else depends.
        number: number of its class.
    """
    found = {"cats": np.array(law.cats)}
    for belief in prior_beliefs(law, count=1):
        if label in belief.facts:
            known = np.eye(len(LABEL_NAMES[label]))[number]
            belief = belief.given((label,), known)
        found |= {fact: belief.onto(frozenset({fact})).table for fact in belief.facts}
    return found


def label_shares(
    labels: Mapping[str, Tensor], label_names: Mapping[str, tuple[str, ...]]
) -> dict[str, Floats]:
    """Return the share of each class among the rows with the label."""
    shares = {}
    for name, values in labels.items():
        counts = torch.bincount(values[values >= 0], minlength=len(label_names[name])).double()
        if counts.sum() > 0:
            shares[name] = (counts / counts.sum()).numpy()
    return shares


@dataclass(frozen=True)
class AttributeScores:
    """Attribute scores of a set of images."""

    distances: dict[str, Estimate]
    """Total variation distance to the truth by attribute; the bootstrap's error over the images."""
    malformed: Estimate
    """Share of images that resemble no real image (``malformed.py``)."""
    odd_eyes: Estimate | None
    """Odd-eyed share; None outside the cat world, or if no eyes are open."""

    def values(self) -> dict[str, Estimate]:
        """Return the scores as columns of a table."""
        odd = {} if self.odd_eyes is None else {"odd_eyes": self.odd_eyes}
        return {"attribute_tv": self.mean_distance, **odd, "malformed": self.malformed}

    @property
    def mean_distance(self) -> Estimate:
        """Mean distance over the attributes, with errors treated as independent."""
        found = list(self.distances.values())
        error = math.hypot(*(e.standard_error for e in found)) / len(found)
        return Estimate(sum(e.value for e in found) / len(found), error)


def score_attributes(
    probabilities: Mapping[str, Tensor],
    truth: Mapping[str, Floats],
    malformed: Tensor,
    rng: np.random.Generator,
    resamples: int = 200,
) -> AttributeScores:
    """Score the attributes of images by a recogniser's probabilities.

    Args:
        probabilities: [N,classes] by attribute, of ``recognition.recognise``.
        truth: [classes] by attribute.
        malformed: [N] whether an image is.
        rng: of the bootstrap.
        resamples: its draws.
    """
    visible = visible_eyes(probabilities)
    distances = {}
    for name in truth:
        if name in probabilities and name != ODD_EYES and visible.get(name, _SOME).any():
            seen = probabilities[name].argmax(1)
            seen = seen[visible[name]] if name in visible else seen
            counts = torch.bincount(seen, minlength=len(truth[name])).numpy()
            distances[name] = total_variation(counts, truth[name], rng, resamples)
    odd = None
    if ODD_EYES in probabilities and visible[ODD_EYES].any():
        odd = _mean(probabilities[ODD_EYES][visible[ODD_EYES], 1].double())
    return AttributeScores(distances, _mean(malformed.double()), odd)


def total_variation(
    counts: NDArray[np.int64], truth: Floats, rng: np.random.Generator, resamples: int = 200
) -> Estimate:
    """Return 1/2 sum |counts / N - truth| with a bootstrap standard error."""
    n = int(counts.sum())
    if n < 1 or counts.shape != truth.shape:
        raise DataError(
            f"{n} counts over {counts.size} classes do not fit a truth of {truth.size}."
        )
    drawn = rng.multinomial(n, counts / n, size=resamples) / n
    draws = np.abs(drawn - truth).sum(1) / 2
    return Estimate(float(np.abs(counts / n - truth).sum() / 2), float(draws.std(ddof=1)))


_SOME = torch.ones(1, dtype=torch.bool)


def visible_eyes(probabilities: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """[N] by attribute of the eyes: whether they are recognised as open enough to have it."""
    if ODD_EYES not in probabilities:
        return {}
    state = probabilities["eyes"].argmax(1)
    return {"left_eye": state == _OPEN, "right_eye": state != _SHUT, ODD_EYES: state == _OPEN}


def _mean(values: Tensor) -> Estimate:
    error = float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return Estimate(float(values.mean()), error)

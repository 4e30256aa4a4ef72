"""Scenes of the cat world: one to three cats, where they are, and their exact distribution.

The distribution (``SceneLaw`` holds the numbers)::

    P(scene) = P(number of cats) P(background) P(tilt) P(size)          the scene's own, independent
               P(coat) P(pattern | coat)                                shared by all cats: a litter
               prod over cats of P(left eye | coat) P(right eye | left eye, coat)
                                 P(eyes) P(expression | eyes) P(ears) P(accessory)

Cats of one scene share coat and pattern, and are otherwise independent given the coat.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

COATS = ("black", "white", "ginger", "grey", "brown", "cream")
PATTERNS = ("plain", "tabby", "spotted", "bicolour")
EARS = ("pointed", "folded", "tufted")
EYE_COLOURS = ("green", "amber", "blue", "copper")
EYE_STATES = ("open", "shut", "winking")  # winking: the left eye is shut, the right one open
EXPRESSIONS = ("calm", "happy", "grumpy", "surprised")
ACCESSORIES = ("nothing", "collar", "bow", "hat", "glasses", "scarf")
BACKGROUNDS = ("meadow", "sofa", "window", "night", "kitchen", "plain")
TILTS = ("left", "straight", "right")
SIZES = ("small", "medium", "large")
CAT_COUNTS = ("one", "two", "three")

# The columns of Scene.labels() and the names of their values, in the order of the integers.
LABEL_NAMES: dict[str, tuple[str, ...]] = {
    "coat": COATS,
    "pattern": PATTERNS,
    "ears": EARS,
    "left_eye": EYE_COLOURS,
    "right_eye": EYE_COLOURS,
    "eyes": EYE_STATES,
    "expression": EXPRESSIONS,
    "accessory": ACCESSORIES,
    "background": BACKGROUNDS,
    "tilt": TILTS,
    "size": SIZES,
    "cats": CAT_COUNTS,
}


@dataclass(frozen=True)
class Cat:
    """One cat, every attribute by name."""

    coat: str
    pattern: str
    ears: str
    left_eye: str
    right_eye: str
    eyes: str
    expression: str
    accessory: str

    @property
    def odd_eyes(self) -> bool:
        """Whether the two eyes differ in colour (about 4 cats in 100)."""
        return self.left_eye != self.right_eye


@dataclass(frozen=True)
class Scene:
    """One to three cats and what surrounds them; tilt and size hold for every cat in it."""

    cats: tuple[Cat, ...]
    background: str
    tilt: str
    size: str

    def labels(self) -> dict[str, int]:
        """Integer labels of the first cat and of the scene; ``cats`` is 0 for one cat."""
        names = vars(self.cats[0]) | vars(self)
        labels = {
            column: values.index(names[column])
            for column, values in LABEL_NAMES.items()
            if column != "cats"
        }
        return labels | {"cats": len(self.cats) - 1}


Weights = tuple[float, ...]


@dataclass(frozen=True)
class SceneLaw:
    """The probability tables of a scene; rows follow the order of the attribute tuples."""

    cats: Weights = (0.80, 0.15, 0.05)
    coat: Weights = (0.28, 0.18, 0.20, 0.17, 0.10, 0.07)
    pattern_given_coat: tuple[Weights, ...] = (
        (0.70, 0.04, 0.02, 0.24),
        (0.78, 0.04, 0.08, 0.10),
        (0.22, 0.62, 0.04, 0.12),
        (0.40, 0.42, 0.06, 0.12),
        (0.25, 0.45, 0.22, 0.08),
        (0.64, 0.16, 0.14, 0.06),
    )
    ears: Weights = (0.68, 0.20, 0.12)
    eye_given_coat: tuple[Weights, ...] = (
        (0.42, 0.40, 0.03, 0.15),
        (0.22, 0.13, 0.58, 0.07),
        (0.35, 0.42, 0.03, 0.20),
        (0.45, 0.25, 0.14, 0.16),
        (0.34, 0.30, 0.06, 0.30),
        (0.20, 0.15, 0.50, 0.15),
    )
    """The left eye's colour; the right eye has the same colour except in cats with odd eyes."""
    odd_eyes_given_coat: Weights = (0.020, 0.120, 0.020, 0.025, 0.020, 0.035)
    """Probability that the right eye has another colour; all other colours are equally likely."""
    eyes: Weights = (0.72, 0.18, 0.10)
    expression_given_eyes: tuple[Weights, ...] = (
        (0.40, 0.28, 0.16, 0.16),
        (0.66, 0.28, 0.06, 0.00),
        (0.20, 0.70, 0.08, 0.02),
    )
    accessory: Weights = (0.48, 0.20, 0.11, 0.09, 0.05, 0.07)
    background: Weights = (0.27, 0.24, 0.18, 0.12, 0.11, 0.08)
    tilt: Weights = (0.25, 0.60, 0.15)
    size: Weights = (0.28, 0.55, 0.17)

    def right_eye_given(self, coat: int, left_eye: int) -> Weights:
        """Return P(right eye | left eye, coat) over EYE_COLOURS."""
        odd = self.odd_eyes_given_coat[coat]
        others = len(EYE_COLOURS) - 1
        return tuple(
            1 - odd if eye == left_eye else odd / others for eye in range(len(EYE_COLOURS))
        )

    def log_prob(self, scene: Scene) -> float:
        """Return the exact log P(scene) in nats; -inf for impossible scenes (cats with different coats)."""
        shared = {(cat.coat, cat.pattern) for cat in scene.cats}
        if len(shared) != 1 or not 1 <= len(scene.cats) <= len(CAT_COUNTS):
            return -math.inf
        (coat_name, pattern), at = next(iter(shared)), LABEL_NAMES
        coat = at["coat"].index(coat_name)
        factors = [
            self.cats[len(scene.cats) - 1],
            self.background[BACKGROUNDS.index(scene.background)],
            self.tilt[TILTS.index(scene.tilt)],
            self.size[SIZES.index(scene.size)],
            self.coat[coat],
            self.pattern_given_coat[coat][PATTERNS.index(pattern)],
        ]
        for cat in scene.cats:
            factors += self._cat_factors(cat, coat)
        return sum(math.log(p) if p > 0 else -math.inf for p in factors)

    def _cat_factors(self, cat: Cat, coat: int) -> list[float]:
        left = EYE_COLOURS.index(cat.left_eye)
        eyes = EYE_STATES.index(cat.eyes)
        return [
            self.eye_given_coat[coat][left],
            self.right_eye_given(coat, left)[EYE_COLOURS.index(cat.right_eye)],
            self.eyes[eyes],
            self.expression_given_eyes[eyes][EXPRESSIONS.index(cat.expression)],
            self.ears[EARS.index(cat.ears)],
            self.accessory[ACCESSORIES.index(cat.accessory)],
        ]

    def sample(self, rng: np.random.Generator) -> Scene:
        """Draw one scene."""
        count = 1 + _draw(self.cats, rng)
        coat = _draw(self.coat, rng)
        pattern = _draw(self.pattern_given_coat[coat], rng)
        return Scene(
            cats=tuple(self._sample_cat(coat, pattern, rng) for _ in range(count)),
            background=BACKGROUNDS[_draw(self.background, rng)],
            tilt=TILTS[_draw(self.tilt, rng)],
            size=SIZES[_draw(self.size, rng)],
        )

    def _sample_cat(self, coat: int, pattern: int, rng: np.random.Generator) -> Cat:
        left = _draw(self.eye_given_coat[coat], rng)
        eyes = _draw(self.eyes, rng)
        return Cat(
            coat=COATS[coat],
            pattern=PATTERNS[pattern],
            ears=EARS[_draw(self.ears, rng)],
            left_eye=EYE_COLOURS[left],
            right_eye=EYE_COLOURS[_draw(self.right_eye_given(coat, left), rng)],
            eyes=EYE_STATES[eyes],
            expression=EXPRESSIONS[_draw(self.expression_given_eyes[eyes], rng)],
            accessory=ACCESSORIES[_draw(self.accessory, rng)],
        )

    def entropy(self) -> float:
        """Return the exact entropy of a scene in nats, the sum of the entropies of its factors."""
        cats = sum(p * (i + 1) for i, p in enumerate(self.cats))
        own = sum(map(_entropy, (self.cats, self.background, self.tilt, self.size, self.coat)))
        own += _mean(self.coat, [_entropy(row) for row in self.pattern_given_coat])
        right = [
            _mean(row, [_entropy(self.right_eye_given(coat, eye)) for eye in range(len(row))])
            for coat, row in enumerate(self.eye_given_coat)
        ]
        each = sum(map(_entropy, (self.eyes, self.ears, self.accessory)))
        each += _mean(self.coat, [_entropy(row) for row in self.eye_given_coat])
        each += _mean(self.coat, right)
        each += _mean(self.eyes, [_entropy(row) for row in self.expression_given_eyes])
        return own + cats * each


def every_cat() -> Iterator[Cat]:
    """Yield all combinations of a cat's attributes, including impossible ones (P = 0)."""
    for values in itertools.product(
        COATS, PATTERNS, EARS, EYE_COLOURS, EYE_COLOURS, EYE_STATES, EXPRESSIONS, ACCESSORIES
    ):
        yield Cat(*values)


def _draw(weights: Weights, rng: np.random.Generator) -> int:
    # Much faster than Generator.choice; a zero weight is never drawn because its interval is empty.
    totals = list(itertools.accumulate(weights))
    return min(bisect_right(totals, rng.random() * totals[-1]), len(weights) - 1)


def _entropy(weights: Weights) -> float:
    return -sum(p * math.log(p) for p in weights if p > 0)


def _mean(weights: Weights, values: list[float]) -> float:
    return sum(p * value for p, value in zip(weights, values, strict=True))

"""Narrow laws of the cat world, whose scenes and captions can be listed."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from seqgan_kit.data.catworld import Cat, Scene, SceneLaw
from seqgan_kit.data.catworld.captions import telling
from seqgan_kit.data.catworld.captions.grammar import Slot, facts_of
from seqgan_kit.data.catworld.captions.programs import start_context
from seqgan_kit.data.catworld.scenes import scene as sc


def only(size: int, *kept: int) -> tuple[float, ...]:
    """Unequal weights for the kept values, none for the others."""
    return tuple((1 + i) / sum(1 + k for k in kept) if i in kept else 0.0 for i in range(size))


# Coats that differ in all that depends on them; shut and open eyes; one or two cats.
PAIRS = SceneLaw(
    cats=(0.6, 0.4, 0.0),
    coat=only(6, 0, 2),
    pattern_given_coat=(only(4, 0, 1),) * 2 + (only(4, 1, 3),) * 4,
    ears=only(3, 1),
    eye_given_coat=(only(4, 0),) * 2 + (only(4, 1),) * 4,
    odd_eyes_given_coat=(0.0,) * 6,
    eyes=(0.7, 0.3, 0.0),
    expression_given_eyes=(only(4, 0, 2), only(4, 0, 1), only(4, 0)),
    accessory=only(6, 0, 4),
    background=only(6, 1, 5),
    tilt=only(3, 1),
    size=only(3, 0, 1),
)
ODD_EYES = replace(
    PAIRS,
    cats=(1.0, 0.0, 0.0),
    eye_given_coat=(only(4, 0),) * 2 + (only(4, 1, 2),) * 4,
    odd_eyes_given_coat=(0.0, 0.0, 0.3, 0.0, 0.0, 0.0),
    eyes=(0.5, 0.2, 0.3),
)
NARROW = replace(
    PAIRS, background=only(6, 1), size=only(3, 0), pattern_given_coat=(only(4, 1),) * 6
)


def scenes_of(law: SceneLaw) -> Iterator[tuple[Scene, float]]:
    """All scenes of one or two cats that the law allows."""

    def possible(names: tuple[str, ...], *rows: tuple[float, ...]) -> list[str]:
        return [n for n, *weights in zip(names, *rows, strict=True) if max(weights) > 0]

    odd = max(law.odd_eyes_given_coat) > 0
    left = possible(sc.EYE_COLOURS, *law.eye_given_coat)
    values = (
        possible(sc.COATS, law.coat),
        possible(sc.PATTERNS, *law.pattern_given_coat),
        possible(sc.EARS, law.ears),
        left,
        sc.EYE_COLOURS if odd else left,
        possible(sc.EYE_STATES, law.eyes),
        possible(sc.EXPRESSIONS, *law.expression_given_eyes),
        possible(sc.ACCESSORIES, law.accessory),
    )
    cats = [Cat(*names) for names in itertools.product(*values)]
    around = list(
        itertools.product(
            possible(sc.BACKGROUNDS, law.background),
            possible(sc.TILTS, law.tilt),
            possible(sc.SIZES, law.size),
        )
    )
    groups: list[tuple[Cat, ...]] = [(cat,) for cat in cats]
    groups += itertools.product(cats, cats) if law.cats[1] else []
    for group in groups:
        if law.log_prob(Scene(group, *around[0])) > -math.inf:
            for rest in around:
                scene = Scene(group, *rest)
                yield scene, math.exp(law.log_prob(scene))


def tellings(
    program: tuple[Slot, ...], scene: Scene, start: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Every caption of a scene with its probability, by taking all choices in turn."""
    context = start or start_context(len(scene.cats))
    partial: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], float]
    partial = {((), tuple(context.items())): 1.0}
    facts = facts_of(scene)
    for slot in program:
        grown: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], float]
        grown = defaultdict(float)
        for (said, now), p in partial.items():
            for choice in slot.law(dict(now), facts):
                after = tuple({**dict(now), **dict(choice.sets)}.items())
                grown[(*said, *choice.text.split()), after] += p * choice.probability
        partial = grown
    captions: dict[str, float] = defaultdict(float)
    for (said, _), p in partial.items():
        captions[" ".join(telling.spell(said))] += p
    return captions

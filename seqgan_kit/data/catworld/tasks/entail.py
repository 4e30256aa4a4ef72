"""Premise and hypothesis -> whether the second caption follows from the first, contradicts it, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from seqgan_kit.data.catworld.captions.grammar import Choice, Context, Facts, Slot
from seqgan_kit.data.catworld.captions.programs import PROGRAMS, start_context
from seqgan_kit.data.catworld.captions.telling import tell, told_caption
from seqgan_kit.data.catworld.scenes.beliefs import FACT_VALUES, Belief
from seqgan_kit.data.catworld.scenes.scene import Scene, SceneLaw
from seqgan_kit.data.catworld.tasks.caption_readings import prior_starts
from seqgan_kit.data.catworld.tasks.following import Reading, Start, drawn, is_certain, read
from seqgan_kit.data.catworld.tasks.world_task import Task

FOLLOWS, CONTRADICTS, NEITHER = LABELS = ("follows", "contradicts", "neither")
BETWEEN = " | "
"""Separator of the two captions of a source."""
_OTHER_SCENES = 0.5
"""Share of contradicting hypotheses that tell of another scene; the others change one told attribute."""


def relation(premise: str, hypothesis: str, law: SceneLaw) -> str | None:
    """Return the label of two captions; None if one of them is no caption.

    A caption is true of a scene that it has a positive probability for. The hypothesis follows if it is true
    of every scene that the premise is true of, and contradicts if it is true of none of them.
    """
    known = _starts_after(premise, law)
    if not known or not read(hypothesis, prior_starts(law)).found:
        return None
    after = [read(hypothesis, [start]).found for start in known]
    if not any(after):
        return CONTRADICTS
    certain = all(_covers(found, start) for found, start in zip(after, known, strict=True))
    return FOLLOWS if certain else NEITHER


def _starts_after(premise: str, law: SceneLaw) -> list[Start]:
    """Return the starts of captions of the scenes that the premise is true of."""
    return [
        Start(reading.probability, *_grammar(reading.context["count"]), reading.beliefs)
        for reading in read(premise, prior_starts(law)).found
    ]


def _grammar(count: str) -> tuple[tuple[Slot, ...], dict[str, str]]:
    return PROGRAMS["one" if count == "1" else "many"], start_context(int(count))


def _covers(found: Sequence[Reading], start: Start) -> bool:
    """Return whether a derivation leaves all scenes of the start possible."""

    def same(before: Belief, after: Belief) -> bool:
        return bool(((after.table > 0) == (before.table > 0)).all())

    return any(all(map(same, start.beliefs, reading.beliefs)) for reading in found)


def _label(context: Context, facts: Facts) -> list[Choice]:
    return [Choice(1.0, context["label"], (), (("label", context["label"]),))]


_PROGRAM = (Slot("entailment", (), ("label",), _label),)


@dataclass(frozen=True)
class Entail(Task):
    """Two captions and how the second stands to the first, as computed from all scenes.

    The labels are equally frequent. A hypothesis that follows is drawn of the choices that are certain after
    the premise; the others tell of the premise's scene, of one that differs in a told attribute, or of
    another.
    """

    name: ClassVar[str] = "entail"
    about: ClassVar[str] = "whether a caption follows from another"

    def pair(self, rng: np.random.Generator) -> tuple[str, str]:
        """Draw a label, and two captions that have it."""
        label = LABELS[int(rng.integers(len(LABELS)))]
        while True:
            scene = self.law.sample(rng)
            told = told_caption(scene, rng)
            premise = " ".join(told.words)
            hypothesis = self._hypothesis(label, premise, scene, sorted(told.names), rng)
            if relation(premise, hypothesis, self.law) == label:
                return premise + BETWEEN + hypothesis, label

    def starts(self, source: str) -> Sequence[Start]:
        """Return the start of the one true label."""
        premise, _, hypothesis = source.partition(BETWEEN)
        label = relation(premise, hypothesis, self.law)
        return [] if label is None else [Start(1.0, _PROGRAM, {"label": label}, ())]

    def any_starts(self) -> Sequence[Start]:
        """Return the starts of all labels."""
        return [Start(1.0, _PROGRAM, {"label": label}, ()) for label in LABELS]

    def _hypothesis(
        self, label: str, premise: str, scene: Scene, names: list[str], rng: np.random.Generator
    ) -> str:
        if label == FOLLOWS:
            return drawn(_starts_after(premise, self.law), rng, is_certain)
        if label == CONTRADICTS and (rng.random() < _OTHER_SCENES or not names):
            return tell(self.law.sample(rng), rng)
        if label == CONTRADICTS:
            scene = _changed(scene, names[int(rng.integers(len(names)))], rng)
        return tell(scene, rng)


def _changed(scene: Scene, name: str, rng: np.random.Generator) -> Scene:
    """Return the scene with another value of one attribute; coat and pattern are those of all cats."""
    field, cat = name.removesuffix("2"), int(name.endswith("2"))
    whole = field in ("background", "tilt", "size")
    now = getattr(scene if whole else scene.cats[cat], field)
    others = [value for value in FACT_VALUES[name] if value != now]
    changed: dict[str, Any] = {field: others[int(rng.integers(len(others)))]}
    if whole:
        return replace(scene, **changed)
    which = (cat,) if field not in ("coat", "pattern") else range(len(scene.cats))
    cats = tuple(replace(x, **changed) if i in which else x for i, x in enumerate(scene.cats))
    return replace(scene, cats=cats)

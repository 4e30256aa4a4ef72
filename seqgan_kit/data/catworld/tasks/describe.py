"""Scene -> caption: the labels of a scene in, a caption of it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seqgan_kit.data.catworld.captions.programs import PROGRAMS, start_context
from seqgan_kit.data.catworld.captions.telling import tell
from seqgan_kit.data.catworld.scenes import scene as scenes
from seqgan_kit.data.catworld.scenes.beliefs import FACT_VALUES, Belief, prior_beliefs
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES, SceneLaw
from seqgan_kit.data.catworld.tasks.caption_readings import prior_starts
from seqgan_kit.data.catworld.tasks.following import Start
from seqgan_kit.data.catworld.tasks.world_task import Task


@dataclass(frozen=True)
class Describe(Task):
    """Captions of labelled scenes.

    A source is the twelve values of ``Scene.labels``, in the order of ``LABEL_NAMES``: those of the first
    cat, then of the scene. What they leave open (the other cats' faces) is summed out.
    """

    name: ClassVar[str] = "describe"
    about: ClassVar[str] = "a caption from the labels of a scene"

    def pair(self, rng: np.random.Generator) -> tuple[str, str]:
        """Draw a scene, and tell of it."""
        scene = self.law.sample(rng)
        caption = tell(scene, rng)
        values = [LABEL_NAMES[name][number] for name, number in scene.labels().items()]
        count = scenes.CAT_COUNTS[len(scene.cats) - 1]
        return " ".join([*values[:-1], count]), caption

    def starts(self, source: str) -> Sequence[Start]:
        """Return the start of the captions of scenes with these labels; none for impossible labels."""
        values = source.split(" ")
        if len(values) != len(LABEL_NAMES):
            return []
        labels = dict(zip(LABEL_NAMES, values, strict=True))
        if any(value not in LABEL_NAMES[name] for name, value in labels.items()):
            return []
        count = scenes.CAT_COUNTS.index(labels["cats"]) + 1
        beliefs = _beliefs_of(labels, self.law, count)
        if beliefs is None:
            return []
        program = PROGRAMS["one" if count == 1 else "many"]
        return [Start(1.0, program, start_context(count), beliefs)]

    def any_starts(self) -> Sequence[Start]:
        """Return the starts of all captions."""
        return prior_starts(self.law)


def _beliefs_of(labels: dict[str, str], law: SceneLaw, count: int) -> tuple[Belief, ...] | None:
    """Return the beliefs about a scene with these labels; None if no scene has them."""
    found = []
    for belief in prior_beliefs(law, count):
        if "expression2" in belief.facts:
            belief = _second_cat(law, count, labels["eyes"])
        for fact in belief.facts:
            if fact in labels:
                likelihood = np.array([float(value == labels[fact]) for value in FACT_VALUES[fact]])
                if not (belief.over((fact,)) * likelihood).any():
                    return None
                belief = belief.given((fact,), likelihood)
        found.append(belief)
    return tuple(found)


def _second_cat(law: SceneLaw, count: int, first_eyes: str) -> Belief:
    """Return P(all eyes shut, the second cat's expression) given the first cat's eyes."""
    moods = np.array(law.eyes)[:, None] * np.array(law.expression_given_eyes)  # [eyes, expression]
    shut = scenes.EYE_STATES.index("shut")
    others = moods[shut].sum() ** (count - 2)
    yes = moods[shut] * others if first_eyes == "shut" else np.zeros_like(moods[shut])
    return Belief(("all_shut", "expression2"), np.stack([moods.sum(axis=0) - yes, yes]))

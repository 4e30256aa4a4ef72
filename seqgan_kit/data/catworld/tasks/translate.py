"""Caption -> caption in a second language: both tell of one scene, each what its grammar chooses to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seqgan_kit.data.catworld.captions.grammar import facts_of
from seqgan_kit.data.catworld.captions.telling import tell, told
from seqgan_kit.data.catworld.scenes.beliefs import prior_beliefs
from seqgan_kit.data.catworld.tasks.caption_readings import caption_readings
from seqgan_kit.data.catworld.tasks.felish import FACTS, felish_context, program_of
from seqgan_kit.data.catworld.tasks.following import Start
from seqgan_kit.data.catworld.tasks.world_task import Task


@dataclass(frozen=True)
class Translate(Task):
    """English captions and Felish ones of the same scenes.

        P(target | source) = sum over scenes of P(scene | source) P(target | scene)

    Felish always names the place, the coat and the number; where the English caption does not, the
    target's words follow the posterior.
    """

    name: ClassVar[str] = "translate"
    about: ClassVar[str] = "a caption in Felish from one in English"

    def pair(self, rng: np.random.Generator) -> tuple[str, str]:
        """Draw a scene, and tell of it in both languages."""
        scene = self.law.sample(rng)
        source, count = tell(scene, rng), str(len(scene.cats))
        target = told(program_of(count), felish_context(count), facts_of(scene), rng)
        return source, " ".join(target.words)

    def starts(self, source: str) -> Sequence[Start]:
        """Return a start for each number of cats that the caption allows."""
        return [
            Start(
                reading.probability,
                program_of(reading.context["count"]),
                felish_context(reading.context["count"]),
                reading.beliefs,
            )
            for reading in caption_readings(source, self.law, FACTS)
        ]

    def any_starts(self) -> Sequence[Start]:
        """Return the starts before any source was read."""
        return [
            Start(
                weight,
                program_of(str(count)),
                felish_context(str(count)),
                tuple(prior_beliefs(self.law, count)),
            )
            for count, weight in enumerate(self.law.cats, start=1)
            if weight > 0
        ]

"""What a caption says about its scene: the posterior over scenes, exactly."""

from __future__ import annotations

from functools import lru_cache

from seqgan_kit.data.catworld.captions.programs import PROGRAMS, start_context
from seqgan_kit.data.catworld.scenes.beliefs import prior_beliefs
from seqgan_kit.data.catworld.scenes.scene import SceneLaw
from seqgan_kit.data.catworld.tasks.following import Reading, Start, read


def prior_starts(law: SceneLaw) -> list[Start]:
    """Return the starts of all captions: one, two or three cats, about which nothing is known."""
    return [
        Start(
            weight,
            PROGRAMS["one" if count == 1 else "many"],
            start_context(count),
            tuple(prior_beliefs(law, count)),
        )
        for count, weight in enumerate(law.cats, start=1)
        if weight > 0
    ]


@lru_cache(maxsize=8192)
def caption_readings(caption: str, law: SceneLaw, facts: frozenset[str]) -> tuple[Reading, ...]:
    """Return the derivations of a caption, with P(derivation | caption) and beliefs about the facts.

    Empty for a sentence that is no caption. A caption of this world has one derivation.
    """
    found = read(caption, prior_starts(law)).found
    total = sum(reading.probability for reading in found)
    return tuple(
        reading._replace(
            probability=reading.probability / total,
            beliefs=tuple(b.onto(facts) for b in reading.beliefs if not facts.isdisjoint(b.facts)),
        )
        for reading in found
    )

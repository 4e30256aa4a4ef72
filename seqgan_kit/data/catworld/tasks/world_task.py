"""The base of the cat world's tasks: a target is written from a source, with a known probability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.captions.parsing import Parse
from seqgan_kit.data.catworld.scenes.scene import SceneLaw
from seqgan_kit.data.catworld.tasks.following import Start, drawn, every_sentence, log_prob, read
from seqgan_kit.errors import DataError


@dataclass(frozen=True)
class Task:
    """A distribution of pairs (source, target) in which log P(target | source) is exact.

    Subclasses say how a pair is drawn, and which sentences a source may lead to.
    """

    law: SceneLaw = field(default_factory=SceneLaw)
    """The distribution of scenes."""
    name: ClassVar[str] = ""
    about: ClassVar[str] = ""
    """What is written from what, in a few words."""

    def pair(self, rng: np.random.Generator) -> tuple[str, str]:
        """Draw a scene, a source that tells of it, and a target."""
        raise NotImplementedError

    def starts(self, source: str) -> Sequence[Start]:
        """Return what a target may be written from after this source; empty for a wrong source."""
        raise NotImplementedError

    def any_starts(self) -> Sequence[Start]:
        """Return what targets of any source may be written from."""
        raise NotImplementedError

    def log_prob(self, target: str, source: str) -> float:
        """Return the exact log P(target | source) in nats; -inf if the source rules the target out.

        Raises:
            DataError: if the source is none of this task.
        """
        return log_prob(target, self._checked_starts(source))

    def log_prob_many(self, targets: Iterable[str], sources: Iterable[str]) -> NDArray[np.float64]:
        """Return exact log-probabilities ``[N]`` of pairs."""
        pairs = zip(targets, sources, strict=True)
        return np.array([_known_log_prob(self, target, source) for target, source in pairs])

    def sample(self, source: str, rng: np.random.Generator) -> str:
        """Draw a target for the source."""
        return drawn(self._checked_starts(source), rng)

    def targets(self, source: str) -> dict[str, float]:
        """Return all targets of a source with their probabilities; for sources that leave little open."""
        return every_sentence(self._checked_starts(source))

    def is_target(self, sentence: str) -> bool:
        """Return whether some source may lead to the sentence."""
        return _is_target(self, sentence)

    def parse(self, sentence: str) -> Parse:
        """Return the attributes that a target names, or the reason why it is none."""
        reader = read(sentence, self.any_starts())
        if reader.found:
            return Parse(True, attributes=reader.found[0].names)
        at, words = reader.furthest, reader.words
        if at == len(words):
            return Parse(False, reason=f"the sentence ends too early, after {words[-1]!r}")
        after = f"after {words[at - 1]!r}" if at else "at the beginning"
        return Parse(False, reason=f"{words[at]!r} cannot stand {after}")

    def _checked_starts(self, source: str) -> Sequence[Start]:
        starts = self.starts(source)
        if not starts:
            raise DataError(f"{source!r} is no source of the task {self.name!r} of the cat world.")
        return starts


# A generator repeats itself, and the same samples are scored more than once.
@lru_cache(maxsize=50_000)
def _known_log_prob(task: Task, target: str, source: str) -> float:
    return task.log_prob(target, source)


@lru_cache(maxsize=50_000)
def _is_target(task: Task, sentence: str) -> bool:
    return log_prob(sentence, task.any_starts()) > -math.inf

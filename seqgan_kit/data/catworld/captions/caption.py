"""The captions of the cat world, a distribution of sentences with exact probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.catworld.captions.automaton import Automaton, determinise
from seqgan_kit.data.catworld.captions.marginal import Network, build_network
from seqgan_kit.data.catworld.captions.parsing import Parse, parse
from seqgan_kit.data.catworld.captions.telling import probability_given, tell
from seqgan_kit.data.catworld.scenes.scene import Scene, SceneLaw
from seqgan_kit.errors import UsageError


class _Compiled(NamedTuple):
    network: Network
    automaton: Automaton


@lru_cache(maxsize=4)
def _compiled(law: SceneLaw) -> _Compiled:
    # This takes about two seconds and depends only on the law, so it is cached.
    network = build_network(law)
    return _Compiled(network, determinise(network))


@lru_cache(maxsize=8)
def _head(law: SceneLaw, k: int) -> tuple[tuple[str, float], ...]:
    return tuple(_compiled(law).automaton.head(k))


@dataclass(frozen=True)
class CatWorld:
    """The distribution of captions, with the scene summed out.

    Words are separated by single spaces. The first use compiles the grammar (about two seconds).
    """

    law: SceneLaw = field(default_factory=SceneLaw)
    """The distribution of scenes; ``tell`` does not depend on it."""

    def sample(self, rng: np.random.Generator) -> str:
        """Draw one caption."""
        return self.sample_many(1, rng)[0]

    def sample_many(self, n: int, rng: np.random.Generator) -> list[str]:
        """Draw ``n`` independent captions."""
        if n < 0:
            raise UsageError(f"cannot draw {n} captions: give a number of at least 0.")
        return self._automaton.sample_many(n, rng)

    def sample_pair(self, rng: np.random.Generator) -> tuple[Scene, str]:
        """Draw a scene and a caption of it; the captions have the same distribution as those of
        ``sample``."""
        scene = self.law.sample(rng)
        return scene, tell(scene, rng)

    def log_prob(self, caption: str) -> float:
        """Return the exact log P(caption) in nats; -inf for sentences outside the world."""
        return self._automaton.log_prob(caption.split(" "))

    def log_prob_many(self, captions: Iterable[str]) -> NDArray[np.float64]:
        """Return exact log-probabilities ``[N]``."""
        score = self._automaton.log_prob
        return np.array([score(caption.split(" ")) for caption in captions], dtype=np.float64)

    def log_prob_with_blanks(self, words: Iterable[str | None]) -> float:
        """Return the exact log P(captions of as many words that agree with ``words``); None is any word."""
        return self._automaton.log_prob_with_blanks(words)

    def probability_given(self, caption: str, scene: Scene) -> float:
        """Return the exact P(caption | scene), which is 0 unless the caption is true of the scene."""
        return probability_given(caption, scene)

    def next_words(self, prefix: str) -> dict[str, float]:
        """Return the exact P(next word | prefix); empty after the end or an impossible prefix."""
        state = self._automaton.state_after(prefix.split())
        if state is None:
            return {}
        return {word: float(np.exp(lp)) for word, (_, lp) in self._automaton.arcs[state].items()}

    def parse(self, caption: str) -> Parse:
        """Return the attributes that a caption names, or the reason why it is not one."""
        if not caption or caption != " ".join(caption.split()):
            return Parse(False, reason="words must be separated by single spaces and there be one")
        compiled = _compiled(self.law)
        return parse(caption.split(" "), compiled.automaton, compiled.network)

    def entropy(self) -> float:
        """Return the exact entropy of a caption in nats."""
        return self._automaton.entropy()

    def support_size(self) -> int:
        """Return the exact number of captions with a positive probability."""
        return self._automaton.support_size()

    def lengths(self) -> tuple[int, int]:
        """Return the minimum and maximum number of words in a caption."""
        return self._automaton.lengths()

    def vocabulary(self) -> list[str]:
        """Return all words of the world, sorted."""
        return sorted({word for arcs in self._automaton.arcs for word in arcs})

    def head(self, k: int) -> list[tuple[str, float]]:
        """Return the ``k`` most probable captions with their log-probabilities, best first: exact."""
        if k < 0:
            raise UsageError(f"a head of {k} captions: give a number of at least 0.")
        return list(_head(self.law, k))

    @property
    def ambiguities(self) -> int:
        """Return the number of captions with two derivations, counted while compiling: 0."""
        return self._automaton.ambiguities

    @property
    def _automaton(self) -> Automaton:
        return _compiled(self.law).automaton

"""A weighted, deterministic, acyclic automaton: a distribution of sentences with exact probabilities.

``determinise`` turns a network, in which several arcs may start with one word, into an automaton
with at most one arc per word and state (weighted subset construction, Mohri 1997). A sentence's
probability is then a product along one path, and entropy, size of the support, lengths and most
probable sentences follow from sums over states.
"""

from __future__ import annotations

import heapq
import itertools
import math
from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from seqgan_kit.data.catworld.captions.lexicon import ARTICLE
from seqgan_kit.data.catworld.captions.marginal import Network
from seqgan_kit.data.catworld.captions.telling import article_before

Item = tuple[int, tuple[str, ...]]  # a node of the network and the words still to be emitted there
Subset = dict[Item, float]


class _Table(NamedTuple):
    totals: list[float]
    words: list[str]
    targets: list[int]


@dataclass(frozen=True)
class Automaton:
    """States with their arcs; state 0 starts; a state without arcs ends the sentence."""

    arcs: list[dict[str, tuple[int, float]]]
    """Per state: word -> (next state, log-probability of the word)."""
    ambiguities: int
    """Number of times that two derivations of a sentence met; 0: the grammar is unambiguous."""

    def log_prob(self, words: Iterable[str]) -> float:
        """Return the exact log-probability of a whole sentence; -inf outside the support."""
        state, total = 0, 0.0
        for word in words:
            step = self.arcs[state].get(word)
            if step is None:
                return -math.inf
            state, total = step[0], total + step[1]
        return -math.inf if self.arcs[state] else total

    def log_prob_with_blanks(self, words: Iterable[str | None]) -> float:
        """Return the exact log-probability of all sentences that agree with ``words``; None is any word."""
        reached = {0: 1.0}
        for word in words:
            following: dict[int, float] = {}
            for state, weight in reached.items():
                arcs = self.arcs[state]
                steps = arcs.values() if word is None else [arcs[word]] if word in arcs else []
                for to, lp in steps:
                    following[to] = following.get(to, 0.0) + weight * math.exp(lp)
            reached = following
        total = math.fsum(weight for state, weight in reached.items() if not self.arcs[state])
        return math.log(total) if total else -math.inf

    def state_after(self, words: Iterable[str]) -> int | None:
        """Return the state that a prefix leads to; None if no sentence has this prefix."""
        state = 0
        for word in words:
            step = self.arcs[state].get(word)
            if step is None:
                return None
            state = step[0]
        return state

    @cached_property
    def from_the_end(self) -> list[int]:
        """Return all states, each after its successors."""
        order: list[int] = []
        seen = {0}
        stack = [(0, iter(self.arcs[0].values()))]
        while stack:
            state, steps = stack[-1]
            new = next((target for target, _ in steps if target not in seen), None)
            if new is None:
                order.append(state)
                stack.pop()
            else:
                seen.add(new)
                stack.append((new, iter(self.arcs[new].values())))
        return order

    def entropy(self) -> float:
        """Return the exact entropy in nats: H(state) = sum p (H(next) - log p)."""
        value = [0.0] * len(self.arcs)
        for state in self.from_the_end:
            steps = self.arcs[state].values()
            value[state] = math.fsum(math.exp(lp) * (value[to] - lp) for to, lp in steps)
        return value[0]

    def support_size(self) -> int:
        """Return the number of sentences with positive probability."""
        value = [1] * len(self.arcs)
        for state in self.from_the_end:
            if self.arcs[state]:
                value[state] = sum(value[to] for to, _ in self.arcs[state].values())
        return value[0]

    def lengths(self) -> tuple[int, int]:
        """Return the number of words in the shortest and in the longest sentence."""
        low, high = [0] * len(self.arcs), [0] * len(self.arcs)
        for state in self.from_the_end:
            if steps := self.arcs[state].values():
                low[state] = 1 + min(low[to] for to, _ in steps)
                high[state] = 1 + max(high[to] for to, _ in steps)
        return low[0], high[0]

    def head(self, k: int) -> list[tuple[str, float]]:
        """Return the ``k`` most probable sentences with their log-probabilities, best first.

        A* from the start; the exact best completion of every state is the (perfect) heuristic.
        """
        best = [0.0] * len(self.arcs)
        for state in self.from_the_end:
            if steps := self.arcs[state].values():
                best[state] = max(lp + best[to] for to, lp in steps)
        tie = itertools.count()
        queue = [(-best[0], next(tie), 0.0, 0, ())]  # type: list[tuple[float, int, float, int, tuple[str, ...]]]
        found: list[tuple[str, float]] = []
        while queue and len(found) < k:
            _, _, so_far, state, words = heapq.heappop(queue)
            if not self.arcs[state]:
                found.append((" ".join(words), so_far))
            for word, (to, lp) in self.arcs[state].items():
                total = so_far + lp
                heapq.heappush(queue, (-total - best[to], next(tie), total, to, (*words, word)))
        return found

    def sample_many(self, n: int, rng: np.random.Generator) -> list[str]:
        """Draw independent sentences, each from its own row of uniform numbers."""
        draws: Sequence[Sequence[float]] = rng.random((n, self._longest)).tolist()
        sentences = []
        for row in draws:
            state, words, at = 0, [], 0
            while self.arcs[state]:
                totals, names, targets = self._table(state)
                pick = min(bisect_right(totals, row[at] * totals[-1]), len(names) - 1)
                words.append(names[pick])
                state, at = targets[pick], at + 1
            sentences.append(" ".join(words))
        return sentences

    @cached_property
    def _longest(self) -> int:
        return self.lengths()[1]

    @cached_property
    def _tables(self) -> dict[int, _Table]:
        return {}

    def _table(self, state: int) -> _Table:
        """Return the table for drawing a word, built when the state is first visited."""
        if state not in self._tables:
            # Sorted, so that samples do not depend on the order of construction.
            words, arcs = sorted(self.arcs[state]), self.arcs[state]
            totals = list(itertools.accumulate(math.exp(arcs[word][1]) for word in words))
            self._tables[state] = _Table(totals, words, [arcs[word][0] for word in words])
        return self._tables[state]


def determinise(network: Network) -> Automaton:
    """Return the automaton with the same distribution of sentences as the network."""
    clashes = 0
    start: Subset = {(0, ()): 1.0}
    subsets = [start]
    arcs: list[dict[str, tuple[int, float]]] = []
    numbers = {_key(start): 0}
    while len(arcs) < len(subsets):
        settled, doubles = _settle(network, subsets[len(arcs)])
        clashes += doubles
        steps = {}
        for word, (weight, after) in _split(settled).items():
            key = _key(after)
            if key not in numbers:
                numbers[key] = len(subsets)
                subsets.append(after)
            steps[word] = (numbers[key], math.log(weight))
        arcs.append(steps)
    return Automaton(arcs, clashes)


def _key(subset: Subset) -> Hashable:
    if len(subset) == 1:  # most states lie inside a phrase
        return next(iter(subset))
    return frozenset([(item, round(weight, 12)) for item, weight in subset.items()])


def _settle(network: Network, subset: Subset) -> tuple[Subset, int]:
    """Follow arcs until every item has a next word; also return how many derivations met."""
    if len(subset) == 1 and (words := next(iter(subset))[1]) and words[0] != ARTICLE:
        return subset, 0
    settled: Subset = {}
    doubles = 0
    waiting = list(subset.items())
    while waiting:
        (node, words), weight = waiting.pop()
        if node == network.final and not words:
            continue
        if not words or words == (ARTICLE,):
            waiting += [
                ((arc.target, words + arc.tokens), weight * arc.weight)
                for arc in network.arcs[node]
            ]
            continue
        if words[0] == ARTICLE:
            words = (article_before(words[1]), *words[1:])
        doubles += (node, words) in settled
        settled[node, words] = settled.get((node, words), 0.0) + weight
    return settled, doubles


def _split(subset: Subset) -> dict[str, tuple[float, Subset]]:
    """Return for each next word its probability and the normalised subset after it."""
    if len(subset) == 1:
        [(node, words)] = subset
        return {words[0]: (1.0, {(node, words[1:]): 1.0})}
    behind: dict[str, Subset] = {}
    for (node, words), weight in subset.items():
        behind.setdefault(words[0], {})[node, words[1:]] = weight
    split = {}
    for word, after in behind.items():
        total = math.fsum(after.values())
        split[word] = (total, {item: weight / total for item, weight in after.items()})
    return split

"""Reading a caption back: what it says of its scene, or why it is no caption of this world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from seqgan_kit.data.catworld import lexicon as lex
from seqgan_kit.data.catworld.automaton import Automaton
from seqgan_kit.data.catworld.marginal import Network
from seqgan_kit.data.catworld.telling import spell

_ARTICLES = ("a", "an")
_AGREEING = (
    ("is", "are"),
    ("its", "his", "her", "their"),
    ("it", "he", "she"),
    *((singular, plural) for singular, (plural, _, _) in lex.NOUN_FORMS.items()),
    *((third, base) for base, (third, _) in lex.VERB_FORMS.items()),
)


@dataclass(frozen=True)
class Parse:
    """What a caption says, or why it is not a sentence of the world."""

    valid: bool
    """Whether the caption has a positive probability."""
    attributes: dict[str, str] = field(default_factory=dict)
    """The attributes that the caption names, of the first cat unless the name ends in 2."""
    reason: str = ""
    """Why the caption is not valid."""


def parse(words: Sequence[str], automaton: Automaton, network: Network) -> Parse:
    """Parses a caption given as words."""
    state = 0
    for at, word in enumerate(words):
        step = automaton.arcs[state].get(word)
        if step is None:
            return Parse(False, reason=_why_not(words, at, state, automaton))
        state = step[0]
    if automaton.arcs[state]:
        after = f"after {words[-1]!r}" if words else "before its first word"
        possible = _listed(automaton.arcs[state])
        return Parse(False, reason=f"the caption ends {after}; it could go on with {possible}")
    return Parse(True, attributes=_named(tuple(words), network))


def _why_not(words: Sequence[str], at: int, state: int, automaton: Automaton) -> str:
    word, possible = words[at], automaton.arcs[state]
    shown = repr(" ".join(words[max(0, at - 1) : at + 1]))
    if not possible:
        return f"{shown}: nothing may follow the full stop"
    if not any(word in arcs for arcs in automaton.arcs):
        return f"{word!r} is not a word of the cat world"
    if at and words[at - 1] in _ARTICLES and words[at - 1] == _wrong_article(word):
        return f"{shown}: {_right_article(word)!r} is needed before {word!r}"
    if said := _coat_said(words[:at]) if word in lex.COAT_WORDS else None:
        return f"{shown}: the coat was {said!r} before and cannot be {word!r} now"
    for forms in _AGREEING:
        right = [form for form in forms if form in possible]
        if word in forms and right:
            return f"{shown}: {_listed(right)} is needed here"
    return f"{shown}: {word!r} cannot stand here; possible: {_listed(possible)}"


def _right_article(word: str) -> str:
    return spell((lex.ARTICLE, word))[0]


def _wrong_article(word: str) -> str:
    return _ARTICLES[1 - _ARTICLES.index(_right_article(word))]


def _coat_said(words: Sequence[str]) -> str | None:
    """The word that told the coat, if it was told."""
    coat_words = {word for words in lex.COAT_WORDS.values() for word in words}
    return next((word for word in words if word in coat_words), None)


def _listed(words: object) -> str:
    names = [repr(word) for word in words]  # type: ignore[attr-defined]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _named(words: tuple[str, ...], network: Network) -> dict[str, str]:
    """The names along the caption's one derivation, found depth first."""
    stack: list[tuple[int, tuple[str, ...], tuple[tuple[str, str], ...]]] = [(0, (), ())]
    while stack:
        node, said, names = stack.pop()
        if node == network.final and tuple(spell(said)) == words:
            return dict(names)
        for arc in network.arcs[node]:
            now = said + arc.tokens
            if _begins(now, words):
                stack.append((arc.target, now, names + arc.names))
    raise AssertionError("a caption of the automaton has no derivation in its network")


def _begins(said: tuple[str, ...], words: tuple[str, ...]) -> bool:
    # A final article waits for its noun: compare it once the next word is there.
    settled = said[:-1] if said and said[-1] == lex.ARTICLE else said
    return tuple(spell(settled)) == words[: len(settled)]

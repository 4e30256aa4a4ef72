"""Parse a caption: return what it says about its scene, or why it is not a caption of this world."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seqgan_kit.data.catworld.captions import lexicon as lex
from seqgan_kit.data.catworld.captions.automaton import Automaton
from seqgan_kit.data.catworld.captions.marginal import Network
from seqgan_kit.data.catworld.captions.telling import spell

_COAT_OF = {word: coat for coat, words in lex.COAT_WORDS.items() for word in words}
_CODA_STARTS = {text.split()[0] for texts in lex.CODAS.values() for text in texts}
_CLAUSE_STARTS = (",", "and", "with", "because")
_NOT_OPEN = {
    form
    for kind in ("shut", "winking")
    for verb in lex.VERBS[kind]
    for form in (verb, *lex.VERB_FORMS[verb])
}
_AGREEING = (
    ("is", "are"),
    ("its", "his", "her", "their"),
    ("it", "he", "she"),
    *((singular, plural) for singular, (plural, _, _) in lex.NOUN_FORMS.items()),
    *((third, base) for base, (third, _) in lex.VERB_FORMS.items()),
)


@dataclass(frozen=True)
class Parse:
    """The attributes named by a caption, or the reason why it is invalid."""

    valid: bool
    """Whether the caption has positive probability."""
    attributes: dict[str, str] = field(default_factory=dict)
    """Attributes in the caption; they belong to the first cat unless the name ends in 2."""
    reason: str = ""
    """The reason why the caption is invalid."""


def parse(words: Sequence[str], automaton: Automaton, network: Network) -> Parse:
    """Parse a caption given as words."""
    state = 0
    for at, word in enumerate(words):
        step = automaton.arcs[state].get(word)
        if step is None:
            return Parse(False, reason=_why_not(words, at, state, automaton))
        state = step[0]
    if automaton.arcs[state]:
        after = f"after {words[-1]!r}" if words else "before its first word"
        possible = _listed(_likeliest_first(automaton, state))
        return Parse(False, reason=f"the caption ends {after}; it could go on with {possible}")
    return Parse(True, attributes=_named(tuple(words), network))


def _why_not(words: Sequence[str], at: int, state: int, automaton: Automaton) -> str:
    word, possible = words[at], _likeliest_first(automaton, state)
    shown = repr(" ".join(words[max(0, at - 1) : at + 1]))
    if not possible:
        return f"{shown}: nothing may follow the full stop"
    if not any(word in arcs for arcs in automaton.arcs):
        return f"{word!r} is not a word of the cat world"
    told = _contradiction(words[:at], word) or _disagreement(words[:at], word, possible)
    if told:
        return f"{shown}: {told}"
    if word in _CLAUSE_STARTS:
        return f"{shown}: no further clause may follow here; possible: {_listed(possible)}"
    return f"{shown}: {word!r} cannot stand here; possible: {_listed(possible)}"


def _likeliest_first(automaton: Automaton, state: int) -> list[str]:
    arcs = automaton.arcs[state]
    return sorted(arcs, key=lambda word: -arcs[word][1])


def _contradiction(before: Sequence[str], word: str) -> str | None:
    """Return what the word contradicts in the caption so far."""
    coat = next((said for said in before if said in _COAT_OF), None)
    if coat and word in lex.COAT_WORDS and _COAT_OF[coat] != word:
        return f"the coat was {coat!r} before and cannot be {word!r} now"
    if coat is None and word in _CODA_STARTS:
        return "a coat can be named again only if it was named before"
    if "eyes" in before and word in _NOT_OPEN:
        return f"eyes of a told colour are open, and {word!r} says that they are not"
    return None


def _disagreement(before: Sequence[str], word: str, possible: Iterable[str]) -> str | None:
    """Return the form of the word that agrees with those before it."""
    last = before[-1] if before else ""
    right_article = spell((lex.ARTICLE, word))[0]
    if last in ("a", "an") and last != right_article:
        return f"{right_article!r} is needed before {word!r}"
    for forms in _AGREEING:
        right = [form for form in forms if form in possible]
        if word in forms and right:
            return f"{_listed(right)} is needed here"
    return None


def _listed(words: Iterable[str]) -> str:
    names = [repr(word) for word in words]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _named(words: tuple[str, ...], network: Network) -> dict[str, str]:
    """Return the names along the caption's one derivation, found depth first."""
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

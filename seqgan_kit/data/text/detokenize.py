"""Detokenisation: turn tokens joined by spaces back into ordinary text.

    the cat 's bowl , " full " , was n't his .      ->      the cat's bowl, "full", wasn't his.

The rules are the language-independent ones of Moses and the Penn Treebank. Only stand-alone tokens are
joined, so text that was never split does not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seqgan_kit.data.text.tokenizer import Tokenizer

_TO_THE_LEFT = frozenset(".,;:!?%)]}…\u2019\u201d»")
_TO_THE_RIGHT = frozenset("([{¿¡\u2018\u201c«#@$£€")
_MONEY = frozenset("$£€#@")
"""Prefixes that are joined only to a word or number; alone they may be ordinary tokens."""
_CLITICS = frozenset(("s", "t", "d", "m", "re", "ve", "ll", "S", "T", "D", "M", "RE", "VE", "LL"))
_APOSTROPHES = ("'", "\u2019")
_QUOTES = ('"', "``", "''")
_ESCAPES = {
    "&apos;": "'", "&quot;": '"', "&#91;": "[", "&#93;": "]", "&#124;": "|",
    "&lt;": "<", "&gt;": ">", "&amp;": "&",
}  # fmt: skip
"""Moses's escapes of reserved characters; the ampersand comes last."""
_PIECE = "\u2581"
_SENTENCE_START = re.compile(r"(^|[.!?…][\"')\]]*\s+)([\"'(\[]*)([^\W\d_])")
_ALONE = re.compile("\\bi\\b(?=$|[\\s'\u2019.,;:!?])")


def as_written(line: str, tokenizer: Tokenizer) -> str:
    """Return a decoded line as ordinary text; lines of characters and numbers are returned unchanged."""
    if tokenizer.kind not in ("word", "unigram", "bpe"):
        return line
    return detokenize(line, recase=bool(getattr(tokenizer, "lowercase", False)))


def detokenize(line: str, *, recase: bool = False) -> str:
    """Join the tokens of a line into ordinary text.

    Args:
        line: tokens separated by single spaces, or pieces with ``▁`` (sentencepiece) or ``@@`` (BPE).
        recase: capitalise the first word of sentences and "I", for lower-cased text.
    """
    line = _whole_words(line)
    for escape, character in _ESCAPES.items():
        line = line.replace(escape, character)
    text = "".join(_joined(line.split(" ")))
    return _recased(text) if recase else text


def _whole_words(line: str) -> str:
    """Join pieces into words."""
    if _PIECE in line:
        line = line.replace(" ", "").replace(_PIECE, " ").strip()
    return line.replace("@@ ", "").replace(" @-@ ", "-")


def _joined(tokens: list[str]) -> Iterator[str]:
    """Yield the tokens, each with a space in front unless it is joined to its neighbour."""
    quotes, glued = _Quotes(tokens), True
    for place in range(len(tokens)):
        left, right, shown = _sides(tokens, place, quotes)
        yield shown if glued or left else " " + shown
        glued = right


def _sides(tokens: list[str], place: int, quotes: _Quotes) -> tuple[bool, bool, str]:
    """Return whether a token is joined to its left and right neighbours, and its written form."""
    token, before = tokens[place], tokens[place - 1] if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    if token in _QUOTES or (token == "'" and quotes.pairs_up(place)):
        closes = quotes.closes(token)
        return closes, not closes, token if token == "'" else '"'
    if token in _APOSTROPHES:
        return bool(before), after in _CLITICS, token
    if token == "n't" or (token[:1] in _APOSTROPHES and token[1:] in _CLITICS):
        return bool(before), False, token
    if token == "-" and "-" in (before, after):
        return before == "-", after == "-", token
    if token in _TO_THE_RIGHT:
        return False, token not in _MONEY or after[:1].isalnum(), token
    return token in _TO_THE_LEFT, False, token


class _Quotes:
    """Straight quotes, which open and close alternately; an apostrophe is a quote only if it has a
    partner."""

    def __init__(self, tokens: list[str]) -> None:
        single = [
            i
            for i, token in enumerate(tokens)
            if token == "'" and not (i + 1 < len(tokens) and tokens[i + 1] in _CLITICS)
        ]
        self._pairs = set(single[: len(single) // 2 * 2])
        self._open = {"'": False, '"': False}

    def pairs_up(self, place: int) -> bool:
        """Return whether the apostrophe at ``place`` is one of a pair of quotes."""
        return place in self._pairs

    def closes(self, token: str) -> bool:
        """Return whether this quote closes; the next quote of its kind does the opposite."""
        kind = "'" if token == "'" else '"'
        closes = {"``": False, "''": True}.get(token, self._open[kind])
        self._open[kind] = not closes
        return closes


def _recased(text: str) -> str:
    text = _SENTENCE_START.sub(lambda found: found[1] + found[2] + found[3].upper(), text)
    return _ALONE.sub("I", text)

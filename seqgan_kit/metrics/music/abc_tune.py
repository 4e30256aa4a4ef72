"""Read the tokens of a tune in ABC notation: bars, their metre, and the events in them.

A tune is one line, with its fields in brackets: ``[M:6/8][L:1/8][K:D]d2f afd|``. What sounds is read:
pitches, lengths, ties, tuplets, broken rhythm, chords of notes. Repeats are not unfolded; chord symbols,
decorations and grace notes are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from seqgan_kit.metrics.music.music_theory import (
    Key,
    metre_length,
    multiple,
    natural_pitch,
    parse_key,
    unit_length,
)

_NOTE = re.compile(r"(\^\^?|__?|=)?([A-Ga-g])([,']{0,4})(.*)", re.DOTALL)
_FIELD = re.compile(r"\[([A-Za-z]):([^\[\]]*)\]")
_BAR = re.compile(r"(?:\[\||:+\|+\]?:*|\|+\]?:*|::+)\d?|\[\d")
_TUPLET = re.compile(r"\((\d)(?::(\d?)(?::(\d?))?)?")
_PASSED_OVER = re.compile(r'"[^"]*"|![^!]*!|[ ~.()+TuvHLMOPS]+', re.DOTALL)
_ACCIDENTALS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
_TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
"""q of a tuplet (p, if it is not written: p notes in the time of q. Others depend on the metre."""


@dataclass
class Event:
    """A note, a chord of notes or a rest, with its length in whole notes."""

    length: Fraction
    pitches: list[int] = field(default_factory=list)
    """MIDI numbers; none for a rest."""
    in_key: list[bool] = field(default_factory=list)
    """Whether each pitch belongs to the scale of the key."""
    tied: bool = False
    """Whether the next event of the same pitch continues it."""


@dataclass
class Bar:
    """The events between two bar lines."""

    metre: Fraction | None
    """Length of a full bar; None if the tune states no metre."""
    section: int
    """Number of the section; all bar lines but the single one begin a new section."""
    events: list[Event] = field(default_factory=list)

    @property
    def length(self) -> Fraction:
        """Return the sum of the events' lengths."""
        return sum((event.length for event in self.events), Fraction(0))


@dataclass
class Tune:
    """A tune as it was read."""

    bars: list[Bar] = field(default_factory=list)
    """Bars with at least one event."""
    key: Key | None = None
    """The first key."""
    mistakes: list[str] = field(default_factory=list)
    """What is wrong in the notation, in words; empty for a valid tune."""

    @property
    def events(self) -> Iterator[Event]:
        """Yield all events in order."""
        for bar in self.bars:
            yield from bar.events


def read_tune(tokens: Iterable[str]) -> Tune:
    """Read the tokens of one tune; what cannot be read is passed over and listed in ``mistakes``."""
    reader = _Reader()
    for token in tokens:
        reader.take(token)
    return reader.finish()


class _Reader:
    """The state of reading: fields, accidentals of the bar, an open tuplet, chord or group of grace notes."""

    def __init__(self) -> None:
        self.tune = Tune()
        self.key: Key | None = None
        self.metre: Fraction | None = None
        self.unit: Fraction | None = None
        self.section = 0
        self.bar = Bar(None, 0)
        self.accidentals: dict[str, int] = {}
        self.chord: Event | None = None
        self.closed_chord: Event | None = None
        self.factor, self.left, self.broken = Fraction(1), 0, Fraction(1)
        self.grace = False
        self.last: Event | None = None

    def take(self, token: str) -> None:
        """Read the next token."""
        chord, self.closed_chord = self.closed_chord, None
        if found := _FIELD.fullmatch(token):
            self._set_field(found[1], found[2].strip())
        elif found := _NOTE.fullmatch(token):
            self._note(*found.groups())
        elif token[:1] in ("z", "x"):
            self._rest(token)
        elif _BAR.fullmatch(token):
            self._close_bar(ends_section=token != "|")
        elif found := _TUPLET.fullmatch(token):
            self._tuplet(found)
        elif token and set(token) <= {"<", ">"}:
            self._break_rhythm(token)
        elif token in ("[", "]"):
            self._mark_chord(token)
        elif token in ("{", "}"):
            self._require(self.grace == (token == "}"), f"{token!r} is out of place")
            self.grace = token == "{"
        elif token == "-":
            self._tie()
        elif chord is not None and (times := multiple(token)) is not None:
            chord.length *= times
        else:
            self._require(bool(_PASSED_OVER.fullmatch(token)), f"{token!r} has no meaning here")

    def finish(self) -> Tune:
        """Close the last bar and return the tune."""
        self._close_bar(ends_section=False)
        self._require(self.chord is None, "a chord is not closed")
        self._require(not self.grace, "grace notes are not closed")
        self._require(self.left == 0, "a tuplet lacks notes")
        self._require(self.key is not None, "there is no key")
        self._require(self.metre is not None, "there is no metre")
        self._require(any(event.pitches for event in self.tune.events), "there are no notes")
        return self.tune

    def _require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.tune.mistakes.append(otherwise)

    def _set_field(self, name: str, value: str) -> None:
        if name == "K":
            self.key = parse_key(value)
            self.tune.key = self.tune.key or self.key
            self._require(self.key is not None, f"{value!r} is not a key")
        elif name == "M":
            self.metre = metre_length(value)
            self._require(self.metre is not None, f"{value!r} is not a metre")
        elif name == "L":
            self.unit = unit_length(value)
            self._require(self.unit is not None, f"{value!r} is not a length")

    def _unit(self) -> Fraction:
        """Return L; by the standard's default, 1/16 in metres below 3/4 and 1/8 in all others."""
        if self.unit is not None:
            return self.unit
        short = self.metre is not None and self.metre < Fraction(3, 4)
        return Fraction(1, 16) if short else Fraction(1, 8)

    def _note(self, accidental: str | None, letter: str, octaves: str, behind: str) -> None:
        times = multiple(behind)
        if times is None:
            self._require(False, f"{behind!r} is not a length")
            return
        if accidental:
            self.accidentals[letter + octaves] = _ACCIDENTALS[accidental]
        if self.grace:
            return
        signature = self.key.shift(letter) if self.key else 0
        pitch = natural_pitch(letter, octaves) + self.accidentals.get(letter + octaves, signature)
        event = self.chord or Event(times * self._unit())
        event.length = event.length or times * self._unit()  # The first note of a chord.
        event.pitches.append(pitch)
        event.in_key.append(self.key is not None and pitch % 12 in self.key.scale)
        if self.chord is None:
            self._add(event)

    def _rest(self, token: str) -> None:
        times = multiple(token[1:])
        if times is None or self.chord is not None:
            self._require(False, f"{token!r} is not a rest here")
        else:
            self._add(Event(times * self._unit()))

    def _add(self, event: Event) -> None:
        """Add an event to the bar, as long as its tuplet and the rhythm before it make it."""
        event.length *= self.broken * (self.factor if self.left else 1)
        self.broken, self.left = Fraction(1), max(0, self.left - 1)
        self.bar.events.append(event)
        self.last = event if event.pitches else None

    def _mark_chord(self, token: str) -> None:
        opens = token == "["
        self._require(opens == (self.chord is None), f"{token!r} is out of place")
        if opens:
            self.chord = Event(Fraction(0))
        elif self.chord is not None:
            self._require(bool(self.chord.pitches), "a chord has no notes")
            self._add(self.chord)
            self.chord, self.closed_chord = None, self.chord

    def _tie(self) -> None:
        self._require(self.last is not None, "a tie has no note before it")
        if self.last is not None:
            self.last.tied = True

    def _tuplet(self, found: re.Match[str]) -> None:
        p = int(found[1])
        compound = self.metre is not None and self.metre.numerator % 3 == 0
        q = int(found[2]) if found[2] else _TUPLET_TIME.get(p, 3 if compound else 2)
        fits = p > 1 and q > 0 and self.left == 0
        self._require(fits, f"{found[0]!r} is out of place")
        if fits:
            self.factor, self.left = Fraction(q, p), int(found[3]) if found[3] else p

    def _break_rhythm(self, token: str) -> None:
        """``a>b``: a is longer by a half and b half as long; ``a<b``: the other way."""
        if not self.bar.events or len(set(token)) > 1 or len(token) > 3:
            self._require(False, f"{token!r} is out of place")
            return
        short = Fraction(1, 2 ** len(token))
        before, self.broken = (2 - short, short) if token[0] == ">" else (short, 2 - short)
        self.bar.events[-1].length *= before

    def _close_bar(self, ends_section: bool) -> None:
        if self.bar.events:
            self.bar.metre = self.metre
            self.tune.bars.append(self.bar)
        self._require(self.broken == 1, "a broken rhythm has no note after it")
        self.section += ends_section
        self.bar, self.accidentals, self.broken = Bar(None, self.section), {}, Fraction(1)

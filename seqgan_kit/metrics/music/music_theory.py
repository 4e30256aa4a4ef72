"""Keys, metres and lengths of ABC notation, as numbers.

Pitches are MIDI numbers: 60 is middle C, written ``C``. Lengths are fractions of a whole note.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS = "FCGDAEB"
"""The order in which a key signature gets its sharps; flats come in the opposite order."""
_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
"""Sharps of the major key on each letter."""
_MODES = {
    "": 0, "maj": 0, "ion": 0, "lyd": 1, "mix": -1, "dor": -2,
    "m": -3, "min": -3, "aeo": -3, "phr": -4, "loc": -5,
}  # fmt: skip
"""Sharps that a mode has more than the major key on its tonic."""
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)(\s.*)?")
_LENGTH = re.compile(r"(\d{0,3})(/{0,4})(\d{0,3})")
_MIDDLE_C = 60


@dataclass(frozen=True)
class Key:
    """A key: its tonic as a pitch class, and its signature.

    Attributes:
        tonic: 0 (C) to 11 (B).
        sharps: number of sharps; negative for flats.
    """

    tonic: int
    sharps: int

    def shift(self, letter: str) -> int:
        """Return what the signature adds to a letter: 1 for a sharp, -1 for a flat, else 0."""
        order = _SHARPS if self.sharps > 0 else _SHARPS[::-1]
        altered = order[: min(abs(self.sharps), 7)]
        return (1 if self.sharps > 0 else -1) if letter.upper() in altered else 0

    @property
    def scale(self) -> frozenset[int]:
        """Return the pitch classes of the signature's seven notes."""
        return frozenset((pitch + self.shift(name)) % 12 for name, pitch in _PITCHES.items())


def parse_key(text: str) -> Key | None:
    """Return the key of a field K: (``D``, ``F#m``, ``Edor``, ``Bbmaj``), or None if it is not one."""
    found = _KEY.fullmatch(text.strip())
    mode = None if found is None else found[3].lower()[:3]
    if found is None or mode is None or mode not in _MODES:
        return None
    accidental = {"": 0, "#": 1, "b": -1}[found[2]]
    sharps = _FIFTHS[found[1]] + 7 * accidental + _MODES[mode]
    if abs(sharps) > 7:
        return None
    return Key((_PITCHES[found[1]] + accidental) % 12, sharps)


def metre_length(text: str) -> Fraction | None:
    """Return the length of a bar from a field M: (``6/8``, ``C``, ``C|``), or None if it states none."""
    text = {"C": "4/4", "C|": "2/2"}.get(text.strip(), text.strip())
    found = re.fullmatch(r"(\d{1,2})/(1|2|4|8|16|32)", text)
    if found is None or int(found[1]) == 0:
        return None
    return Fraction(int(found[1]), int(found[2]))


def unit_length(text: str) -> Fraction | None:
    """Return the length of a note without a number from a field L: (``1/8``), or None if it is not one."""
    found = re.fullmatch(r"1/(1|2|4|8|16|32|64)", text.strip())
    return None if found is None else Fraction(1, int(found[1]))


def multiple(text: str) -> Fraction | None:
    """Return the number behind a note: ``2``, ``3/2``, ``/`` (1/2), ``//`` (1/4), nothing (1); None if 0."""
    found = _LENGTH.fullmatch(text)
    if found is None or (found[3] and not found[2]):
        return None
    above = int(found[1] or 1)
    below = int(found[3]) * 2 ** (len(found[2]) - 1) if found[3] else 2 ** len(found[2])
    return Fraction(above, below) if above and below else None


def natural_pitch(letter: str, octaves: str) -> int:
    """Return the pitch of a letter with its octave marks: ``C`` 60, ``c`` 72, ``C,`` 48."""
    octave = (12 if letter.islower() else 0) + 12 * (octaves.count("'") - octaves.count(","))
    return _MIDDLE_C + _PITCHES[letter.upper()] + octave

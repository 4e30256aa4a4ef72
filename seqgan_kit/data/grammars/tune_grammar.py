"""A small grammar of dance tunes in ABC notation: two parts of four bars, on chords of the key.

A tune has a metre, a key, and a chord for each bar. Each bar is filled by a rhythm of its metre. Notes walk
on the scale, by steps and small leaps, and a note on a beat is drawn towards the bar's chord. The first and
third bars of a part may be alike; each part ends on the tonic.
"""

from __future__ import annotations

import numpy as np

_SCALE = "CDEFGAB"
# Keys with the place of their tonic in C major's letters, and the names of chords I, II, IV, V, VI.
_KEYS = {
    "G": (4, ("G", "Am", "C", "D", "Em")), "D": (1, ("D", "Em", "G", "A", "Bm")),
    "A": (5, ("A", "Bm", "D", "E", "F#m")), "C": (0, ("C", "Dm", "F", "G", "Am")),
    "F": (3, ("F", "Gm", "Bb", "C", "Dm")),
}  # fmt: skip
_DEGREES = {"I": 0, "II": 1, "IV": 3, "V": 4, "VI": 5}
_PROGRESSIONS = (
    ("I", "IV", "V", "I"), ("I", "I", "V", "I"), ("I", "VI", "IV", "V"), ("I", "V", "VI", "IV"),
    ("IV", "I", "V", "I"), ("VI", "IV", "V", "I"), ("I", "II", "V", "I"),
)  # fmt: skip
# Rhythms of a bar, in eighths; they add up to the metre.
_RHYTHMS = {
    "4/4": ((1,) * 8, (2, 1, 1, 2, 1, 1), (2, 2, 1, 1, 2), (1, 1, 2, 1, 1, 2), (3, 1, 2, 2), (2, 2, 2, 2)),
    "3/4": ((2, 2, 2), (2, 1, 1, 2), (1,) * 6, (3, 1, 2), (2, 2, 1, 1)),
    "6/8": ((1,) * 6, (2, 1, 2, 1), (1, 1, 1, 2, 1), (2, 1, 1, 1, 1), (3, 1, 1, 1)),
}  # fmt: skip
_LAST_BARS = {
    "4/4": ((1, 1, 2, 4), (2, 2, 4)),
    "3/4": ((1, 1, 4), (6,)),
    "6/8": ((1, 1, 1, 3), (2, 1, 3)),
}
_STEPS = (-3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3)
_LOWEST, _HIGHEST = 0, 13
"""Range of the melody in scale steps above C."""


def draw_tune(rng: np.random.Generator) -> str:
    """Return a tune on one line."""
    metre = ("4/4", "3/4", "6/8")[rng.integers(3)]
    key = list(_KEYS)[rng.integers(len(_KEYS))]
    tonic, names = _KEYS[key]
    parts = [_part(rng, metre, tonic, names) for _ in range(2)]
    return f"[M:{metre}][L:1/8][K:{key}]|:{parts[0]}:|:{parts[1]}:|"


def _part(rng: np.random.Generator, metre: str, tonic: int, names: tuple[str, ...]) -> str:
    chords = _PROGRESSIONS[rng.integers(len(_PROGRESSIONS))]
    place = tonic + 7 * int(rng.integers(2)) if tonic < 4 else tonic
    bars: list[str] = []
    for number, chord in enumerate(chords):
        last = number == len(chords) - 1
        if number == 2 and chords[2] == chords[0] and rng.random() < 0.5:
            bars.append(bars[0])
            continue
        rhythms = _LAST_BARS[metre] if last else _RHYTHMS[metre]
        rhythm = rhythms[rng.integers(len(rhythms))]
        notes, place = _bar(rng, metre, rhythm, (tonic + _DEGREES[chord]) % 7, place)
        if last:
            notes[-1] = _nearest(place, {tonic % 7})
        name = names[list(_DEGREES).index(chord)]
        bars.append(f'"{name}"' + _written(metre, rhythm, notes))
    return "|".join(bars)


def _bar(
    rng: np.random.Generator, metre: str, rhythm: tuple[int, ...], root: int, place: int
) -> tuple[list[int], int]:
    """Return the notes of a bar as scale steps above C, and the last of them."""
    triad = {root, (root + 2) % 7, (root + 4) % 7}
    beat, time, notes = _beat(metre), 0, []
    for length in rhythm:
        place += _STEPS[rng.integers(len(_STEPS))]
        place = min(max(place, _LOWEST), _HIGHEST)
        if time % beat == 0 and rng.random() < 0.8:
            place = _nearest(place, triad)
        notes.append(place)
        time += length
    return notes, place


def _written(metre: str, rhythm: tuple[int, ...], notes: list[int]) -> str:
    """Return a bar in ABC notation; notes of one half of a bar are beamed."""
    half, time, text = sum(rhythm) // 2 if metre != "3/4" else 2, 0, ""
    for length, note in zip(rhythm, notes, strict=True):
        letter = _SCALE[note % 7] if note < 7 else _SCALE[note % 7].lower()
        text += (
            (" " if time and time % half == 0 else "")
            + letter
            + (str(length) if length > 1 else "")
        )
        time += length
    return text


def _beat(metre: str) -> int:
    """Return the length of a beat in eighths."""
    return 3 if metre == "6/8" else 2


def _nearest(place: int, degrees: set[int]) -> int:
    """Return the nearest place within the range that is one of the scale's degrees, the lower of two."""
    fits = [p for p in range(_LOWEST, _HIGHEST + 1) if p % 7 in degrees]
    return min(fits, key=lambda p: (abs(p - place), p))

"""The notes of a tune in time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from seqgan_kit.metrics.music.abc_tune import Tune


@dataclass(frozen=True)
class PlayedNote:
    """A note with its start and length in whole notes, and its pitch as a MIDI number."""

    start: Fraction
    length: Fraction
    pitch: int


def played_notes(tune: Tune) -> list[PlayedNote]:
    """Return the notes of a tune by start; tied notes of one pitch are one note. Repeats are not unfolded."""
    notes: list[PlayedNote] = []
    held: dict[int, int] = {}
    time = Fraction(0)
    for event in tune.events:
        continued: dict[int, int] = {}
        for pitch in event.pitches:
            if pitch in held:
                place = held[pitch]
                tied = notes[place]
                notes[place] = PlayedNote(tied.start, tied.length + event.length, pitch)
            else:
                place = len(notes)
                notes.append(PlayedNote(time, event.length, pitch))
            if event.tied:
                continued[pitch] = place
        held = continued
        time += event.length
    return notes

"""Tunes as files: ABC notation, sound (.wav) and, with mido (extra ``music``), MIDI."""

from __future__ import annotations

import re
import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.text.notations import split_notation
from seqgan_kit.metrics.music.abc_tune import read_tune
from seqgan_kit.metrics.music.playing import PlayedNote, played_notes

TUNES = 5
"""Tunes that are written."""
WHOLE_NOTE_SECONDS = 2.0
MOST_SECONDS = 20.0
"""Longest sound of a tune, so that five of them fit on a page."""
MOST_PLAYED_SECONDS = 300.0
"""Length of a MIDI file; an untrained generator writes rests of hours."""
RATE = 8000
"""Samples a second: enough for the harmonics of a fiddle's lowest octaves, and small."""
_HARMONICS = (1.0, 0.5, 0.25, 0.12)
_DECAY = 4.0
_TICKS = 480
_HEAD = re.compile(r"\[([A-Za-z]:[^\[\]]*)\]")


def write_tunes(lines: Sequence[str], folder: Path) -> None:
    """Write the first tunes that have notes as ``tunes.abc``, ``tune-1.wav`` and so on, over older ones.

    MIDI files are written if mido is installed.
    """
    for old in folder.glob("tune-*.*"):
        old.unlink()
    heard = [(line, notes) for line in lines if (notes := notes_of(line))][:TUNES]
    texts = [abc_text(line, number) for number, (line, _) in enumerate(heard, start=1)]
    (folder / "tunes.abc").write_text("\n".join(texts), encoding="utf-8")
    for number, (_, notes) in enumerate(heard, start=1):
        write_wave(folder / f"tune-{number}.wav", sound(notes))
        if has_mido():
            write_midi(folder / f"tune-{number}.mid", notes)


def notes_of(line: str) -> list[PlayedNote]:
    """Return the played notes of a tune on one line, those of its first minutes."""
    notes = played_notes(read_tune(split_notation("abc", line)))
    return [note for note in notes if _seconds(note.start) < MOST_PLAYED_SECONDS]


def abc_text(line: str, number: int) -> str:
    """Return a tune on one line as text of an ABC file, with its first fields in a head."""
    head, rest = [], line
    while found := _HEAD.match(rest):
        head.append(found[1])
        rest = rest[found.end() :]
    head.sort(key=lambda entry: entry[0] == "K")  # The key must come last.
    return "\n".join([f"X:{number}", f"T:Sample {number}", *head, rest, ""])


def sound(notes: Sequence[PlayedNote]) -> NDArray[np.float64]:
    """Return the notes as sound in [-1, 1] at ``RATE`` samples a second: harmonics that decay, like a plucked
    string."""
    end = min(MOST_SECONDS, _seconds(max(note.start + note.length for note in notes)) + 0.5)
    wave_form = np.zeros(int(end * RATE))
    for note in notes:
        start = int(_seconds(note.start) * RATE)
        count = min(int((_seconds(note.length) + 0.3) * RATE), len(wave_form) - start)
        if count > 0:
            wave_form[start : start + count] += _plucked(note.pitch, count)
    peak = np.abs(wave_form).max(initial=0.0)
    return wave_form / peak if peak else wave_form


def write_wave(path: Path, samples: NDArray[np.float64]) -> None:
    """Write sound in [-1, 1] as a mono WAV file of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32000).astype("<i2").tobytes())


def has_mido() -> bool:
    """Return whether mido is installed."""
    try:
        import mido  # noqa: F401
    except ImportError:
        return False
    return True


def write_midi(path: Path, notes: Sequence[PlayedNote]) -> None:
    """Write the notes as a MIDI file of one track, a quarter note half a second long."""
    import mido

    changes = [(note.start, 1, note.pitch) for note in notes]
    changes += [(note.start + note.length, 0, note.pitch) for note in notes]
    track, now = mido.MidiTrack(), 0
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(240 / WHOLE_NOTE_SECONDS)))
    for time, begins, pitch in sorted(changes):  # At one time, notes end before others begin.
        tick = round(time * 4 * _TICKS)
        kind = "note_on" if begins else "note_off"
        track.append(mido.Message(kind, note=min(max(pitch, 0), 127), velocity=80, time=tick - now))
        now = tick
    mido.MidiFile(ticks_per_beat=_TICKS, tracks=[track]).save(str(path))


def _plucked(pitch: int, count: int) -> NDArray[np.float64]:
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    time = np.arange(count) / RATE
    tone = np.zeros(count)
    for number, loudness in enumerate(_HARMONICS, start=1):
        if number * frequency < RATE / 2:
            tone += loudness * np.sin(2 * np.pi * number * frequency * time)
    fade = np.minimum(1.0, np.arange(count)[::-1] / (0.02 * RATE))
    return np.asarray(tone * np.exp(-_DECAY * time) * fade)


def _seconds(time: Fraction) -> float:
    return float(time) * WHOLE_NOTE_SECONDS

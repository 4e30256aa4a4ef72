"""Measures of tunes: notation without mistakes, bars that add up to the metre, notes of the key, the ending.

    validity     1 if the notation has no mistake, a metre, a key and a note
    bars         share of bars whose events add up to the metre
    key          share of notes whose pitch belongs to the key's scale
    tonic        1 if the last note is the tonic of the first key

A tune that cannot be measured (no bar with a metre, no note, no key) gets 0. An upbeat, the first bar of a
section if it is shorter than the metre, counts as one bar together with the section's last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby

from seqgan_kit.metrics.music.abc_tune import Bar, Tune


def is_valid(tune: Tune) -> float:
    """Return 1 for a tune without mistakes, else 0."""
    return float(not tune.mistakes)


def full_bars(tune: Tune) -> float:
    """Return the share of bars that add up to their metre."""
    lengths = list(_bar_lengths(tune.bars))
    return sum(length == metre for length, metre in lengths) / len(lengths) if lengths else 0.0


def key_adherence(tune: Tune) -> float:
    """Return the share of notes in the key's scale."""
    fits = [fit for event in tune.events for fit in event.in_key]
    return sum(fits) / len(fits) if fits else 0.0


def ends_on_tonic(tune: Tune) -> float:
    """Return 1 if the last note, or a note of the last chord, is the tonic."""
    sounding = [event for event in tune.events if event.pitches]
    if tune.key is None or not sounding:
        return 0.0
    return float(tune.key.tonic in {pitch % 12 for pitch in sounding[-1].pitches})


def _bar_lengths(bars: Iterable[Bar]) -> Iterable[tuple[Fraction, Fraction | None]]:
    """Yield (length, metre) of every bar, an upbeat together with the last bar of its section."""
    for _, members in groupby(bars, key=lambda bar: bar.section):
        section = list(members)
        first, last = section[0], section[-1]
        upbeat = len(section) > 1 and first.metre is not None and first.length < first.metre
        if upbeat:
            section = section[1:-1]
            yield first.length + last.length, first.metre
        yield from ((bar.length, bar.metre) for bar in section)

"""Tunes in ABC notation: lengths and pitches by hand, and the measures of bars, key and ending."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgan_kit.data.text.notations import split_notation
from seqgan_kit.metrics.music.abc_tune import read_tune
from seqgan_kit.metrics.music.music_theory import metre_length, multiple, parse_key, unit_length
from seqgan_kit.metrics.music.playing import played_notes
from seqgan_kit.metrics.music.tune_measures import (
    ends_on_tonic,
    full_bars,
    is_valid,
    key_adherence,
)

HEAD = "[M:4/4][L:1/4][K:C]"


def tune(line):
    return read_tune(split_notation("abc", line))


def lengths(line):
    """The lengths of the events in quarters."""
    return [float(4 * event.length) for event in tune(HEAD + line).events]


def pitches(line, key="C"):
    return [p for e in tune(f"[M:4/4][L:1/4][K:{key}]{line}").events for p in e.pitches]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("A A2 A/ A/2 A// A3/2 z2", [1, 2, 0.5, 0.5, 0.25, 1.5, 2]),
        ("A>B A<B A>>B", [1.5, 0.5, 0.5, 1.5, 1.75, 0.25]),
        ("(3ABc d", [2 / 3, 2 / 3, 2 / 3, 1]),
        ("(3:2:2A2B c", [4 / 3, 2 / 3, 1]),
        ("[CEG]2 [C2E2] A", [2, 2, 1]),
        ("{gf}A B", [1, 1]),
        ('"Am"A !trill!B ~c', [1, 1, 1]),
    ],
)
def test_lengths(line, wanted):
    assert lengths(line) == pytest.approx(wanted)
    assert not tune(HEAD + line).mistakes


def test_the_default_unit_depends_on_the_metre():
    """By the standard, 1/16 below 3/4, else 1/8."""
    assert next(tune("[M:2/4][K:C]A").events).length == Fraction(1, 16)
    assert next(tune("[M:6/8][K:C]A").events).length == Fraction(1, 8)


def test_pitches_octaves_and_accidentals():
    """An accidental holds until the bar line and for its octave alone; = cancels the key's sharp."""
    assert pitches("C c C, c'") == [60, 72, 48, 84]
    assert pitches("^C C c|C") == [61, 61, 72, 60]
    assert pitches("F =F F|F f", "D") == [66, 65, 65, 66, 78]
    assert pitches("__B _b", "C") == [69, 82]


@pytest.mark.parametrize(
    ("text", "tonic", "sharps"),
    [
        ("C", 0, 0), ("D", 2, 2), ("Bb", 10, -2), ("F#m", 6, 3), ("Edor", 4, 2), ("A mix", 9, 2),
        ("Gmin", 7, -2), ("Dminor", 2, -1), ("EPhr", 4, 0), ("F lydian", 5, 0), ("Gb", 6, -6),
    ],
)  # fmt: skip
def test_keys(text, tonic, sharps):
    key = parse_key(text)
    assert key is not None
    assert (key.tonic, key.sharps) == (tonic, sharps)
    assert key.tonic in key.scale
    assert len(key.scale) == 7


def test_a_minor_key_has_the_notes_of_its_major_parallel():
    assert parse_key("Am").scale == parse_key("C").scale == parse_key("Ddor").scale


@pytest.mark.parametrize("text", ["", "H", "Cxyz", "none", "A#", "C##", "Dbdorian#"])
def test_what_is_no_key(text):
    assert parse_key(text) is None


def test_metres_and_lengths():
    assert metre_length("6/8") == Fraction(3, 4)
    assert metre_length("C|") == metre_length("C") == 1
    assert metre_length("none") is metre_length("4/0") is metre_length("0/4") is None
    assert unit_length("1/8") == Fraction(1, 8)
    assert unit_length("2/8") is None
    assert multiple("3/4") == Fraction(3, 4)
    assert multiple("3//") == Fraction(3, 4)
    assert multiple("0") is multiple("1/0") is multiple("x") is None


def test_bars_that_add_up():
    """ABcd has 4 quarters, ABc 3, ABcde 5."""
    assert full_bars(tune(HEAD + "ABcd|ABc|ABcd|ABcde|")) == 0.5
    assert full_bars(tune(HEAD + "ABcd|A2B2|")) == 1.0
    assert full_bars(tune("[L:1/4][K:C]ABcd|")) == 0.0, "no metre"
    assert full_bars(tune(HEAD)) == 0.0
    assert full_bars(tune(HEAD + "ABcd|[M:3/4]ABc|")) == 1.0


def test_an_upbeat_counts_with_the_last_bar_of_its_section():
    assert full_bars(tune(HEAD + "e|ABcd|ABcd|ABc:|")) == 1.0
    assert full_bars(tune(HEAD + "e|ABcd|ABcd|ABcd:|")) == pytest.approx(2 / 3)
    assert full_bars(tune(HEAD + "e|ABcd|ABc:|:e|ABcd|ABc|]")) == 1.0
    assert full_bars(tune(HEAD + "e|")) == 0.0, "it has no bar to go with"


def test_notes_of_the_key():
    assert key_adherence(tune("[M:4/4][K:D]FGAB ^G")) == 0.8
    assert key_adherence(tune("[M:4/4][K:G]^F_G=F^f")) == 0.75, "spelling does not matter"
    assert key_adherence(tune("[M:4/4]FG")) == 0.0


def test_the_ending():
    assert ends_on_tonic(tune("[M:4/4][K:D]FGd z|")) == 1.0
    assert ends_on_tonic(tune("[M:4/4][K:D]FGA|")) == 0.0
    assert ends_on_tonic(tune("[M:4/4][K:D]FG[DFA]|")) == 1.0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[K:C]ABcd|", "there is no metre"),
        ("[M:4/4]ABcd|", "there is no key"),
        ("[M:4/4][K:C]|:|", "there are no notes"),
        (HEAD + "[CEG", "a chord is not closed"),
        (HEAD + "{gA", "grace notes are not closed"),
        (HEAD + "(3AB", "a tuplet lacks notes"),
        (HEAD + "A>|", "a broken rhythm has no note after it"),
        (HEAD + "A]", "']' is out of place"),
        (HEAD + ">A", "'>' is out of place"),
        (HEAD + "-A", "a tie has no note before it"),
        (HEAD + "A q", "'q' has no meaning here"),
        (HEAD + 'A "', "'\"' has no meaning here"),
        (HEAD + "A/0", "'/0' is not a length"),
        (HEAD + "A|2 3/4", "'3/4' has no meaning here"),
        ("[M:4/4][K:Q]A", "'Q' is not a key"),
    ],
)
def test_mistakes_are_named(line, why):
    read = tune(line)
    assert why in read.mistakes
    assert is_valid(read) == 0.0


def test_a_tune_without_mistakes():
    line = '[M:6/8][L:1/8][K:Em]B|:"Em"e2f gfe|{a}~f2d (3def d|1"G"B3- B2A:|2[GB]3 z3|]'
    assert tune(line).mistakes == []


def test_tied_notes_are_one_and_rests_take_time():
    notes = played_notes(tune(HEAD + "A2-A z c-|c [CE]-[CG]"))
    found = [(float(n.start * 4), float(n.length * 4), n.pitch) for n in notes]
    assert found == [(0, 3, 69), (4, 2, 72), (6, 2, 60), (6, 1, 64), (7, 1, 67)]


@given(st.text("ABCz[]()|:\"{}<>-/123'^_= ", max_size=40))
def test_any_tokens_can_be_read(line):
    read = tune(HEAD + line)
    for measure in (is_valid, full_bars, key_adherence, ends_on_tonic):
        assert 0 <= measure(read) <= 1
    assert all(note.length > 0 for note in played_notes(read))

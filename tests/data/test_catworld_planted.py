"""Planted errors are impossible, stand where the label says, and nothing else is changed."""

import math
from pathlib import Path

import numpy as np
import pytest

from seqgan_kit.data.catworld.build import write_world
from seqgan_kit.data.catworld.captions.caption import CatWorld
from seqgan_kit.data.catworld.captions.lexicon import COAT_WORDS
from seqgan_kit.data.catworld.planted import KINDS, PlantedLine, planted_lines
from seqgan_kit.errors import UsageError


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_captions_have_probability_0(kind):
    world = CatWorld()
    lines = planted_lines(kind, 61, np.random.default_rng(1), world)
    possible = [world.log_prob(line.text) > -math.inf for line in lines]
    assert possible == [line.place == 0 for line in lines]
    assert sum(possible) == 31
    assert not all(possible[:30])
    assert lines == planted_lines(kind, 61, np.random.default_rng(1), world)


def undone(kind: str, words: list[str], at: int) -> list[list[str]]:
    """What the caption may have been before the error at index ``at``."""
    vocabulary = CatWorld().vocabulary()
    if kind == "swap":
        return [[*words[:at], words[at + 1], words[at], *words[at + 2 :]]]
    if kind == "double":
        assert words[at] == words[at - 1]
        return [[*words[:at], *words[at + 1 :]]]
    rest = words[at:] if kind == "drop" else words[at + 1 :]
    return [[*words[:at], word, *rest] for word in vocabulary]


@pytest.mark.parametrize("kind", KINDS)
def test_undoing_the_error_at_its_place_gives_a_caption(kind):
    world = CatWorld()
    planted = [x for x in planted_lines(kind, 40, np.random.default_rng(2), world) if x.place]
    assert len(planted) == 20
    for line in planted:
        before = undone(kind, line.text.split(), line.place - 1)
        assert any(world.log_prob(" ".join(words)) > -math.inf for words in before)


def test_a_second_coat_is_named_in_all_captions_of_its_kind_and_differs_in_the_planted_ones():
    for line in planted_lines("coat", 20, np.random.default_rng(3)):
        words = line.text.split()
        assert line.place in (0, len(words) - 2)
        agreeing = [[*words[:-3], coat, *words[-2:]] for coat in COAT_WORDS]
        (own,) = [x for x in agreeing if CatWorld().log_prob(" ".join(x)) > -math.inf]
        assert (own == words) == (line.place == 0)


def test_the_world_writes_lines_and_labels_in_step(tmp_path: Path):
    write_world(tmp_path, planted=6, seed=4)
    for kind in KINDS:
        lines = (tmp_path / f"planted-{kind}.txt").read_text().splitlines()
        labels = (tmp_path / f"planted-{kind}.labels").read_text().splitlines()
        assert len(lines) == len(labels) == 6
        assert sorted(label[0] for label in labels) == ["0"] * 3 + ["1"] * 3
        possible = [CatWorld().log_prob(line) > -math.inf for line in lines]
        assert possible == [label == "0" for label in labels]
    assert PlantedLine("a cat", 2).label == "1\t2"


def test_mistakes_are_told():
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match=r"unknown kind of error 'swop'\. Did you mean 'swap'"):
        planted_lines("swop", 2, rng)
    with pytest.raises(UsageError, match="cannot draw -1 captions"):
        planted_lines("swap", -1, rng)

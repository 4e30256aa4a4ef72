"""The grammars of molecules and tunes: bundled files byte for byte, and every sample means something."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from seqgan_kit.data.grammars.build_grammars import build_grammars, main
from seqgan_kit.data.grammars.molecule_grammar import draw_molecule
from seqgan_kit.data.grammars.tune_grammar import draw_tune
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.data.text.notations import split_notation
from seqgan_kit.metrics.molecules.chemistry import parse_molecules
from seqgan_kit.metrics.music.abc_tune import read_tune
from seqgan_kit.metrics.music.tune_measures import ends_on_tonic, full_bars, key_adherence

DATA = Path(__file__).resolve().parents[2] / "data"


def test_the_bundled_files_are_made_again_byte_for_byte(tmp_path):
    build_grammars(tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    assert len(made) == 6
    named = dict(
        re.findall(
            r"`((?:molecules|tunes)/\S+)` \|.*`([0-9a-f]{64})`", (DATA / "README.md").read_text()
        )
    )
    for path in made:
        content = (tmp_path / path).read_bytes()
        assert content == (DATA / path).read_bytes()
        assert named[path.as_posix()] == hashlib.sha256(content).hexdigest()


def test_every_molecule_is_one():
    pytest.importorskip("rdkit")
    rng = np.random.default_rng(1)
    lines = [draw_molecule(rng) for _ in range(1000)]
    wrong = [line for line, m in zip(lines, parse_molecules(lines), strict=True) if m is None]
    assert wrong == []
    tokens = {token for line in lines for token in split_notation("smiles", line)}
    assert {"Cl", "[nH]", "[O-]", "[C@@H]", "/", "3"} <= tokens


def test_every_tune_is_in_time_in_key_and_ends_on_its_tonic():
    rng = np.random.default_rng(1)
    for _ in range(200):
        tune = read_tune(split_notation("abc", draw_tune(rng)))
        assert tune.mistakes == []
        assert full_bars(tune) == key_adherence(tune) == ends_on_tonic(tune) == 1.0


@pytest.mark.parametrize(("name", "kind"), [("molecules", "smiles"), ("tunes", "abc")])
def test_the_bundled_names_are_read_without_unknown_tokens(name, kind):
    corpus = load_text(TextData(text=name, tokenizer=kind))
    assert sum(split.unknown_tokens for split in corpus.account.splits.values()) == 0
    held_out = {*corpus.valid_lines, *corpus.test_lines}
    assert not held_out & set(corpus.train_lines)


def test_the_command_needs_a_folder(capsys):
    assert main([]) == 2
    assert (
        "usage: python -m seqgan_kit.data.grammars.build_grammars FOLDER" in capsys.readouterr().err
    )

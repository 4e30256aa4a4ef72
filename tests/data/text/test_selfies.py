"""The tokenizer of SELFIES: lines come back as the same molecules, and any ids are one."""

import sys

import numpy as np
import pytest

from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.data.text.tokenizer import EOS, UNK
from seqgan_kit.data.text.tokenizers import load_tokenizer, train_tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.molecules.chemistry import canonical_smiles, parse_molecules

LINES = ["c1ccccc1O", "C[C@@H](N)C(=O)[O-]", "Clc1cc[nH]c1", "F/C=C\\Br", "CC(=O)N1CCOCC1"]


def test_without_selfies_one_sentence_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "selfies", None)
    with pytest.raises(UsageError, match=r"pip install 'seqgan-kit\[molecules\]', or use"):
        load_tokenizer({"kind": "selfies", "tokens": ["[C]"]})


def test_lines_come_back_as_the_same_molecules(tmp_path):
    pytest.importorskip("selfies")
    pytest.importorskip("rdkit")
    tokenizer = train_tokenizer("selfies", LINES)
    tokenizer.save(tmp_path / "t.json")
    tokenizer = load_tokenizer(tmp_path / "t.json")
    back = [tokenizer.decode(tokenizer.encode(line)) for line in LINES]
    assert back == [tokenizer.normalise(line) for line in LINES]
    assert canonical_smiles(parse_molecules(back)) == canonical_smiles(parse_molecules(LINES))
    assert tokenizer.words("CCl") == ["[C]", "[Cl]"]
    assert tokenizer.encode("CC(") == [UNK], "it is counted as unknown"
    assert tokenizer.normalise("CC(") == "CC("


def test_any_ids_are_a_molecule():
    pytest.importorskip("selfies")
    pytest.importorskip("rdkit")
    tokenizer = train_tokenizer("selfies", LINES)
    rng = np.random.default_rng(0)
    rows = rng.integers(4, tokenizer.vocabulary_size, (200, 12)).tolist()
    lines = [tokenizer.decode([*row, EOS, 5]) for row in rows]
    molecules = parse_molecules(lines)
    assert [line for line, m in zip(lines, molecules, strict=True) if line and m is None] == []
    assert tokenizer.decode([UNK, EOS]) == ""


def test_bundled_molecules_are_read(tmp_path):
    pytest.importorskip("selfies")
    corpus = load_text(TextData(text="molecules", tokenizer="selfies"))
    assert corpus.account.splits["test"].unknown_tokens == 0
    assert corpus.tokenizer.decode(corpus.train[0].tolist()) == corpus.train_lines[0]

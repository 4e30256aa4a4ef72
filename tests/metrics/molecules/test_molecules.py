"""MOSES' measures in closed form and against rdkit's own functions."""

import sys

import numpy as np
import pytest

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.molecules.chemistry import (
    canonical_smiles,
    drug_likeness,
    fingerprints,
    parse_molecules,
    partition_coefficient,
)
from seqgan_kit.metrics.molecules.molecule_measures import (
    MoleculeSet,
    internal_diversity,
    mean_tanimoto,
    novelty,
    uniqueness,
    validity,
)

LINES = ["CCO", "OCC", "c1ccccc1", "C1=CC=CC=C1", "CC(=O)N", "CC(", "c1cc1", "", "C[N](C)(C)(C)C"]


def test_mean_tanimoto_by_hand():
    """Rows 110, 011 and 000: 1/3 between the first two, 0 with the empty row, which equals itself."""
    bits = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0]], dtype=np.float32)
    assert mean_tanimoto(bits) == pytest.approx((3 + 2 / 3) / 9)


def test_without_rdkit_one_sentence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    with pytest.raises(UsageError, match=r"not installed: pip install 'seqgan-kit\[molecules\]'"):
        parse_molecules(["CCO"])


def test_shares_of_valid_distinct_and_new_molecules():
    """Five of nine lines are molecules (rings that do not close, five bonds on N and "" are none), three of
    them distinct, one of these known: 5/9, 3/5, 2/3."""
    pytest.importorskip("rdkit")
    molecules = MoleculeSet(LINES)
    assert validity(molecules) == pytest.approx(5 / 9)
    assert uniqueness(molecules) == pytest.approx(3 / 5)
    assert novelty(molecules, MoleculeSet(["C(O)C"]).distinct) == pytest.approx(2 / 3)
    nothing = MoleculeSet(["CC(", ""])
    assert validity(nothing) == 0.0
    assert uniqueness(nothing) is novelty(nothing, ()) is internal_diversity(nothing) is None


def test_measures_equal_those_of_rdkit():
    chem = pytest.importorskip("rdkit.Chem")
    from rdkit import DataStructs
    from rdkit.Chem import Descriptors, rdFingerprintGenerator

    molecules = MoleculeSet(LINES)
    plain = [chem.MolFromSmiles(line) for line in LINES[:5]]
    assert molecules.canonical == [chem.MolToSmiles(m) for m in plain]
    np.testing.assert_allclose(drug_likeness(plain), [Descriptors.qed(m) for m in plain])
    np.testing.assert_allclose(
        partition_coefficient(plain), [Descriptors.MolLogP(m) for m in plain]
    )
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    prints = [maker.GetFingerprint(m) for m in plain]
    similar = [DataStructs.BulkTanimotoSimilarity(a, prints) for a in prints]
    assert internal_diversity(molecules) == pytest.approx(1 - np.mean(similar))


def test_fingerprints_of_many_molecules_agree_block_by_block(monkeypatch):
    pytest.importorskip("rdkit")
    bits = fingerprints(parse_molecules(["C" * n for n in range(1, 12)]))
    whole = mean_tanimoto(bits)
    monkeypatch.setattr("seqgan_kit.metrics.molecules.molecule_measures._BLOCK", 3)
    assert mean_tanimoto(bits) == pytest.approx(whole)


def test_rdkit_says_nothing_on_stderr(capfd):
    """Its messages come from C++, past Python's stderr."""
    pytest.importorskip("rdkit")
    assert parse_molecules(["CC(", "c1cc1", "C[N](C)(C)(C)C"]) == [None] * 3
    canonical_smiles(parse_molecules(["[H]C", "C[C@](C)(C)C"]))
    assert capfd.readouterr() == ("", "")

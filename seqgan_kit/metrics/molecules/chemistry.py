"""Molecules from SMILES, by rdkit, without rdkit's messages on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.errors import UsageError

Molecule = Any
"""``rdkit.Chem.Mol``; rdkit is optional."""
FINGERPRINT_RADIUS, FINGERPRINT_BITS = 2, 1024
"""Morgan fingerprints as in MOSES (Polykovskiy et al. 2020)."""


def require_rdkit() -> None:
    """Raise UsageError, naming the extra, if rdkit is missing."""
    try:
        import rdkit  # noqa: F401
    except ImportError:
        raise UsageError(
            "molecules are scored by rdkit, which is not installed: pip install 'seqgan-kit[molecules]'."
        ) from None


def parse_molecules(lines: Iterable[str]) -> list[Molecule | None]:
    """Return the molecule of each SMILES string; None where rdkit cannot parse or sanitise it.

    An empty line is not a molecule.
    """
    require_rdkit()
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        return [Chem.MolFromSmiles(line) if line.strip() else None for line in lines]


def canonical_smiles(molecules: Iterable[Molecule]) -> list[str]:
    """Return the canonical SMILES of each molecule, which is the same for all ways to write it."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        return [Chem.MolToSmiles(molecule) for molecule in molecules]


def drug_likeness(molecules: Iterable[Molecule]) -> NDArray[np.float64]:
    """Return QED (Bickerton et al. 2012) of each molecule, in (0, 1)."""
    require_rdkit()
    from rdkit.Chem import QED

    return _each(QED.qed, molecules)


def partition_coefficient(molecules: Iterable[Molecule]) -> NDArray[np.float64]:
    """Return Crippen's logP of each molecule, the logarithm of octanol-water partition."""
    require_rdkit()
    from rdkit.Chem import Crippen

    measure: Callable[[Molecule], float] = Crippen.MolLogP
    return _each(measure, molecules)


def fingerprints(molecules: Sequence[Molecule]) -> NDArray[np.float32]:
    """Return Morgan fingerprints [N,1024] of zeros and ones."""
    require_rdkit()
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(
        radius=FINGERPRINT_RADIUS, fpSize=FINGERPRINT_BITS
    )
    rows = [generator.GetFingerprintAsNumPy(molecule) for molecule in molecules]
    return np.array(rows, dtype=np.float32).reshape(len(molecules), FINGERPRINT_BITS)


def _each(
    measure: Callable[[Molecule], float], molecules: Iterable[Molecule]
) -> NDArray[np.float64]:
    from rdkit import rdBase

    with rdBase.BlockLogs():
        return np.array([measure(molecule) for molecule in molecules], dtype=np.float64)

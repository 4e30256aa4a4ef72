"""Measures of a set of molecules, as MOSES defines them (Polykovskiy et al. 2020, "Molecular Sets").

    validity            share of lines that rdkit can parse and sanitise
    uniqueness          share of distinct molecules among the valid ones (MOSES: unique@k with k = all)
    novelty             share of molecules that are not in the training text among the distinct ones
    internal diversity  1 - (1/N^2) sum_{a,b} Tanimoto(a, b) over the valid ones, a = b included

Molecules are the same if their canonical SMILES are. Tanimoto is |a & b| / |a | b| of Morgan fingerprints.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.metrics.molecules.chemistry import (
    Molecule,
    canonical_smiles,
    fingerprints,
    parse_molecules,
)

_BLOCK = 2048


class MoleculeSet:
    """Parsed lines: the valid molecules and their canonical SMILES.

    Args:
        lines: SMILES strings, valid or not.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = len(lines)
        self.valid: list[Molecule] = [m for m in parse_molecules(lines) if m is not None]
        self.canonical = canonical_smiles(self.valid)
        self.distinct = frozenset(self.canonical)


def validity(molecules: MoleculeSet) -> float:
    """Return the share of valid lines; 0 without lines."""
    return len(molecules.valid) / molecules.lines if molecules.lines else 0.0


def uniqueness(molecules: MoleculeSet) -> float | None:
    """Return the share of distinct molecules among the valid ones; None without valid ones."""
    return len(molecules.distinct) / len(molecules.valid) if molecules.valid else None


def novelty(molecules: MoleculeSet, training: Collection[str]) -> float | None:
    """Return the share of distinct molecules that ``training``, canonical SMILES, lacks; None without any."""
    if not molecules.distinct:
        return None
    return sum(m not in training for m in molecules.distinct) / len(molecules.distinct)


def internal_diversity(molecules: MoleculeSet) -> float | None:
    """Return 1 minus the mean Tanimoto similarity of all pairs; None without valid molecules."""
    if not molecules.valid:
        return None
    return 1.0 - mean_tanimoto(fingerprints(molecules.valid))


def mean_tanimoto(bits: NDArray[np.float32]) -> float:
    """Return the mean Tanimoto similarity of all N^2 pairs of rows [N,F] of zeros and ones.

    Two rows without a bit are equal, so their similarity is 1.
    """
    sizes = bits.sum(1)
    total = 0.0
    for start in range(0, len(bits), _BLOCK):
        shared = bits[start : start + _BLOCK] @ bits.T
        either = sizes[start : start + _BLOCK, None] + sizes - shared
        total += float(np.where(either > 0, shared / np.maximum(either, 1), 1.0).sum(dtype=float))
    return total / len(bits) ** 2

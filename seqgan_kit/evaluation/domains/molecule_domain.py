"""Molecules in SMILES: MOSES' measures, drug-likeness and logP, drawn as a grid of structures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqgan_kit.data.cache import cache_key, load_entry, store_entry
from seqgan_kit.data.sources.text_rows import rows_digest
from seqgan_kit.evaluation.domains.domain import LineValues, mean_estimate
from seqgan_kit.evaluation.domains.structure_grid import draw_structures
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column
from seqgan_kit.metrics.molecules.chemistry import (
    FINGERPRINT_BITS,
    FINGERPRINT_RADIUS,
    Molecule,
    drug_likeness,
    parse_molecules,
    partition_coefficient,
    require_rdkit,
)
from seqgan_kit.metrics.molecules.molecule_measures import (
    MoleculeSet,
    internal_diversity,
    novelty,
    uniqueness,
    validity,
)
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate

LOG_P_RANGE = (-2.12178879609, 6.0429063424)
"""logP that the objective maps to 0 and 1, outside clipped (Guimaraes et al. 2017, the authors' code)."""


@dataclass(frozen=True)
class MoleculeDomain:
    """Measures of molecules against the training text.

    Attributes:
        training: training lines, for novelty.
    """

    training: Sequence[str]

    @property
    def objectives(self) -> Mapping[str, LineValues]:
        return {"validity": valid_lines, "qed": drug_likeness_of, "logp": scaled_log_p}

    def require(self) -> None:
        require_rdkit()

    @cached_property
    def _known(self) -> frozenset[str]:
        """Return the training molecules in canonical form, which is cached: large sets take a minute."""
        digest = rows_digest(self.training)
        key = cache_key("molecules", {"lines": digest, "rdkit": _rdkit_version()})
        stored = load_entry(key, lambda _, values: frozenset(values["canonical"]))
        if stored is not None:
            return stored
        known = MoleculeSet(self.training).distinct
        store_entry(key, {}, {"canonical": sorted(known)})
        return known

    def estimates(self, lines: Sequence[str]) -> dict[str, Estimate]:
        if not lines:
            return {}
        molecules = MoleculeSet(lines)
        share = validity(molecules)
        found = {"validity": Estimate(share, math.sqrt(share * (1 - share) / len(lines)))}
        sets = {
            "unique": uniqueness(molecules),
            "novel": novelty(molecules, self._known),
            "internal_diversity": internal_diversity(molecules),
        }
        found |= {k: Estimate(v, math.nan) for k, v in sets.items() if v is not None}
        if molecules.valid:
            found["qed"] = mean_estimate(drug_likeness(molecules.valid))
            found["log_p"] = mean_estimate(partition_coefficient(molecules.valid))
        return found

    def columns(self, samples: int) -> list[Column]:
        rdkit = f"rdkit:{_rdkit_version()}"
        train = f"{len(self.training)} training lines"
        bits = f"morgan{FINGERPRINT_RADIUS}x{FINGERPRINT_BITS}"

        def made(key: str, label: str, better: str, metric: str, refs: str | None = None) -> Column:
            return column(
                key, label, better, 3, Signature(f"{metric}|{rdkit}", refs=refs, hyps=samples)
            )

        return [
            made("validity", "validity", "higher", "moses-valid"),
            made("unique", "unique", AS_REAL, "moses-unique"),
            made("novel", "novel", "higher", "moses-novelty", train),
            made("qed", "QED", AS_REAL, "qed|of valid"),
            made("log_p", "logP", AS_REAL, "crippen-logp|of valid"),
            made("internal_diversity", "IntDiv", AS_REAL, f"moses-intdiv1|{bits}|of valid"),
        ]

    def draw(self, lines: Sequence[str], path: Path) -> None:
        draw_structures(lines, path.with_suffix(".png"))


_Measure = Callable[[Sequence[Molecule]], NDArray[np.float64]]


def valid_lines(lines: Sequence[str]) -> NDArray[np.float64]:
    """Return 1 for each line that is a molecule, else 0."""
    return np.array([m is not None for m in parse_molecules(lines)], dtype=np.float64)


def drug_likeness_of(lines: Sequence[str]) -> NDArray[np.float64]:
    """Return QED of each line; 0 if it is not a molecule."""
    return _of_valid(lines, drug_likeness)


def scaled_log_p(lines: Sequence[str]) -> NDArray[np.float64]:
    """Return logP of each line, scaled to [0, 1] and clipped; 0 if it is not a molecule."""
    low, high = LOG_P_RANGE
    return _of_valid(
        lines, lambda m: np.clip((partition_coefficient(m) - low) / (high - low), 0.0, 1.0)
    )


def _of_valid(lines: Sequence[str], measure: _Measure) -> NDArray[np.float64]:
    molecules = parse_molecules(lines)
    values = np.zeros(len(lines))
    places = [place for place, molecule in enumerate(molecules) if molecule is not None]
    values[places] = measure([molecules[place] for place in places])
    return values


def _rdkit_version() -> str:
    import rdkit

    return str(rdkit.__version__)

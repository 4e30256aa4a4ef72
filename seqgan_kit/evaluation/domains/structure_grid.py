"""Molecules drawn as a grid of structures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqgan_kit.metrics.molecules.chemistry import drug_likeness, parse_molecules

STRUCTURES = 12
_COLUMNS, _PIXELS = 4, 200


def draw_structures(lines: Sequence[str], path: Path) -> None:
    """Draw the first valid molecules with their QED as a PNG file; nothing if no line is valid."""
    from rdkit import rdBase
    from rdkit.Chem import Draw

    valid = [molecule for molecule in parse_molecules(lines) if molecule is not None][:STRUCTURES]
    if not valid:
        return
    legends = [f"QED {value:.2f}" for value in drug_likeness(valid)]
    with rdBase.BlockLogs():
        picture = Draw.MolsToGridImage(
            valid, molsPerRow=_COLUMNS, subImgSize=(_PIXELS, _PIXELS), legends=legends
        )
    picture.save(path)

"""A small grammar of drug-like molecules: two or three rings, joined by linkers, with substituents.

    molecule  := group ring(slot) | ring(slot)
    slot      := nothing | group | linker ring(slot)

Every rule keeps valences, so each molecule is valid by construction. Rings inside a branch have the next ring
number, because that of the outer ring is still open.
"""

from __future__ import annotations

import numpy as np

_MOST_RINGS = 3

# Rings as (text, weight). {d} is the ring number, {s} the place of a substituent in a branch.
_RINGS = (
    ("c{d}ccc{s}cc{d}", 12), ("c{d}cccc{s}c{d}", 9), ("c{d}ccccc{d}{s}", 7), ("c{d}ccc{s}nc{d}", 5),
    ("c{d}cncc{s}c{d}", 4), ("c{d}ccc{s}s{d}", 4), ("c{d}ccc{s}o{d}", 3), ("c{d}cc{s}[nH]c{d}", 3),
    ("c{d}ncc{s}cn{d}", 3), ("c{d}nc{s}cs{d}", 3), ("c{d}cnn{s}c{d}", 3), ("n{d}ccc{s}c{d}", 2),
    ("N{d}CCN{s}CC{d}", 6), ("N{d}CCC{s}CC{d}", 4), ("N{d}CCOCC{d}", 5), ("N{d}CCC{s}C{d}", 3),
    ("C{d}CCC{s}CC{d}", 3), ("C{d}CC{d}", 3), ("[C@H]{d}CC[C@@H]{s}CC{d}", 2), ("C{d}=CCC{s}CC{d}", 1),
)  # fmt: skip
# Linkers between two rings.
_LINKERS = (
    ("", 6), ("C", 5), ("CC", 2), ("O", 4), ("OC", 4), ("CO", 3), ("C(=O)N", 8), ("NC(=O)", 8),
    ("S(=O)(=O)", 4), ("NC", 3), ("CN(C)", 2), ("C(=O)", 4), ("SC", 2), ("/C=C/", 1), ("C#C", 1),
)  # fmt: skip
# Groups that end a branch.
_GROUPS = (
    ("C", 10), ("F", 7), ("Cl", 7), ("OC", 8), ("Br", 2), ("C#N", 3), ("C(F)(F)F", 4), ("O", 4), ("N", 3),
    ("N(C)C", 3), ("C(C)C", 3), ("C(=O)N", 3), ("C(=O)OC", 3), ("C(=O)[O-]", 2), ("CC", 3), ("OCC", 2),
    ("[N+](=O)[O-]", 2), ("S(C)(=O)=O", 2), ("NC(C)=O", 3), ("C[NH3+]", 1), ("I", 1), ("[C@@H](C)O", 1),
)  # fmt: skip
# The same groups, written from their other end, begin a molecule.
_BEGINNINGS = (
    ("C", 10), ("F", 6), ("Cl", 7), ("CO", 8), ("Br", 2), ("N#C", 3), ("FC(F)(F)", 4), ("O", 3), ("N", 3),
    ("CN(C)", 3), ("CC(C)", 3), ("NC(=O)", 3), ("COC(=O)", 3), ("[O-]C(=O)", 2), ("CC", 3), ("CCO", 2),
    ("O=[N+]([O-])", 2), ("CS(=O)(=O)", 2), ("CC(=O)N", 3), ("[NH3+]C", 1), ("I", 1), ("C[C@@H](O)", 1),
)  # fmt: skip
_BINDS_NITROGEN = ("C", "CC", "C(=O)", "S(=O)(=O)")
"""Ends of beginnings and linkers that a ring nitrogen may follow."""
_NOT_ON_NITROGEN = ("N", "O", "SC", "F", "Cl", "Br", "I", "[N", "/", "n", "C#N", "C(=O)[O-]")
"""Beginnings of groups and linkers that may not follow a ring nitrogen."""
_END_OF_EMPTY, _END_OF_GROUPS = (0.1, 0.2), (0.4, 0.6)
"""Chances that a slot of the first ring, or of a later one, stays empty or holds at most a group."""

Weighted = tuple[tuple[str, int], ...]


def draw_molecule(rng: np.random.Generator) -> str:
    """Return a molecule as SMILES."""
    while True:
        beginning = _pick(rng, _BEGINNINGS) if rng.random() < 0.6 else ""
        ring = _pick(rng, _RINGS)
        free = ring[0] not in "Nn" or (ring[0] == "N" and not beginning)
        if free or beginning.endswith(_BINDS_NITROGEN):
            return beginning + _filled(rng, ring, 1)


def _filled(rng: np.random.Generator, ring: str, number: int) -> str:
    """Return a ring with its number and with what stands in its slot."""
    before = ring.partition("{s}")[0]
    on_nitrogen = before[-1:] in ("n", "N") and "{s}" in ring
    slot = _slot(rng, number, on_nitrogen) if "{s}" in ring else ""
    at_end = ring.endswith("{s}")
    branch = slot if at_end or not slot else f"({slot})"
    return ring.replace("{s}", branch).replace("{d}", str(number))


def _slot(rng: np.random.Generator, number: int, on_nitrogen: bool) -> str:
    """Return a substituent; on a nitrogen only such as are bound by carbon or sulphur of a sulphonyl."""
    chance, later = rng.random(), number > 1
    if chance < _END_OF_EMPTY[later] and not on_nitrogen:
        return ""
    while True:
        if chance < _END_OF_GROUPS[later] or number == _MOST_RINGS:
            text = _pick(rng, _GROUPS)
        else:
            text = _joined(rng, number + 1)
        if not on_nitrogen or not text.startswith(_NOT_ON_NITROGEN):
            return text


def _joined(rng: np.random.Generator, number: int) -> str:
    """Return a linker and a ring; nitrogen of a ring is bound by carbon or sulphonyl."""
    while True:
        linker, ring = _pick(rng, _LINKERS), _pick(rng, _RINGS)
        if ring[0] not in "Nn" or not linker or linker.endswith(_BINDS_NITROGEN):
            return linker + _filled(rng, ring, number)


def _pick(rng: np.random.Generator, choices: Weighted) -> str:
    weights = np.cumsum([weight for _, weight in choices])
    place = int(np.searchsorted(weights, rng.integers(int(weights[-1])), side="right"))
    return choices[place][0]

"""Write the bundled molecules and tunes: distinct samples of the two grammars.

python -m seqgan_kit.data.grammars.build_grammars data      the bundled files, byte for byte
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from seqgan_kit.data.grammars.molecule_grammar import draw_molecule
from seqgan_kit.data.grammars.tune_grammar import draw_tune

SEED = 20170530
MOLECULES = {"train": 5_000, "valid": 500, "test": 1_000}
TUNES = {"train": 2_000, "valid": 200, "test": 400}
_SHORTEST_MOLECULE = 12
"""Characters; the grammar repeats shorter molecules too often."""
_HEAD = re.compile(r"\[([MLK]:[^\]]*)\]")


def build_grammars(out: Path) -> None:
    """Write ``molecules`` and ``tunes`` into a folder."""
    molecules = distinct(draw_molecule, sum(MOLECULES.values()), (SEED, 1), _SHORTEST_MOLECULE)
    _write(out / "molecules", ".smi", MOLECULES, [f"{line}\n" for line in molecules])
    tunes = distinct(draw_tune, sum(TUNES.values()), (SEED, 2))
    texts = [_abc(number, line) for number, line in enumerate(tunes, start=1)]
    _write(out / "tunes", ".abc", TUNES, texts)


def distinct(
    draw: Callable[[np.random.Generator], str], count: int, seed: Sequence[int], shortest: int = 0
) -> list[str]:
    """Return the first distinct samples of a grammar with at least ``shortest`` characters."""
    rng = np.random.default_rng(tuple(seed))
    found: dict[str, None] = {}
    while len(found) < count:
        line = draw(rng)
        if len(line) >= shortest:
            found[line] = None
    return list(found)


def _abc(number: int, line: str) -> str:
    """Return a tune with its fields in a head, as ABC files have them."""
    head, notes = _HEAD.findall(line), _HEAD.sub("", line)
    return "\n".join([f"X:{number}", *head, notes, "", ""])


def _write(folder: Path, suffix: str, sizes: dict[str, int], texts: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    first = 0
    for split, size in sizes.items():
        content = "".join(texts[first : first + size])
        (folder / f"{split}{suffix}").write_bytes(content.encode("utf-8"))
        first += size


def main(words: Sequence[str]) -> int:
    """Run the command, whose only argument is the folder to write to."""
    if len(words) != 1 or words[0].startswith("-"):
        print("usage: python -m seqgan_kit.data.grammars.build_grammars FOLDER", file=sys.stderr)
        return 2
    build_grammars(Path(words[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

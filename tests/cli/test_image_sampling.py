"""``sample RUN --prior``: rows that are no map of codes are drawn again, a bounded number of times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqgan_kit.cli.image_sampling import DecodedPrior
from seqgan_kit.errors import DataError


class Images:
    """Decodes rows of four codes."""

    def __init__(self) -> None:
        self.decoded: list[str] = []

    def need(self, verb: str) -> None:
        assert verb == "decode"

    def whole_rows(self, lines: list[str]) -> list[str]:
        return [line for line in lines if len(line.split()) == 4]

    def draw_decoded(self, lines: list[str], out: Path) -> tuple[Path, list[str]]:
        self.decoded = lines
        return out, []


class Prior:
    """Writes rows, every ``whole``-th of which has four codes, and names the draw in each."""

    def __init__(self, whole: int):
        self.whole, self.number = whole, 0
        self.seeds: list[int] = []

    def sample(self, n: int, *, seed: int, **options: Any) -> list[str]:
        assert options == {"temperature": 0.5, "top_k": None, "top_p": None}
        self.seeds.append(seed)
        first, self.number = self.number, self.number + n
        return [
            f"{i} 0 0 0" if self.whole and i % self.whole == 0 else f"{i} 0"
            for i in range(first, self.number)
        ]


def test_short_rows_are_drawn_again_with_other_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, prior = Images(), Prior(2)
    DecodedPrior(tmp_path, images, prior).sample(8, temperature=0.5, seed=3)
    assert images.decoded == [f"{2 * k} 0 0 0" for k in range(8)]
    assert prior.seeds[0] == 3
    assert len(set(prior.seeds)) == len(prior.seeds) > 1
    assert (
        capsys.readouterr().err
        == f"{prior.number - 8} of {prior.number} rows were no map of codes\n"
    )


def test_a_text_run_of_other_data_is_refused_at_once(tmp_path: Path) -> None:
    prior = Prior(0)
    with pytest.raises(DataError, match=r"only 0 of 8 rows .* unlike '0 0': train the text run on"):
        DecodedPrior(tmp_path, Images(), prior).sample(8, temperature=0.5)
    assert prior.seeds == [0]

"""Ways of ``sample`` to draw images: truncated noise, and codes from a text model.

With ``sample RUN --prior TEXT_RUN`` a text model draws rows of codes, and an image model decodes them.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgan_kit.cli.command import number_between
from seqgan_kit.errors import DataError, UsageError

_ATTEMPTS = 20
"""How often missing rows are drawn again before the text run counts as unfit."""


def declare_truncation(parser: argparse.ArgumentParser) -> None:
    """Add ``--truncation``."""
    parser.add_argument(
        "--truncation",
        metavar="T",
        type=number_between(0, 1000),
        help="images: noise within -T to T only, for less variety and more typical images (0.5 is usual); "
        "stylegan2: share of a style's distance from the mean style that is kept (0.7 is usual)",
    )


def truncated_model(model: Any, threshold: float) -> Any:
    """Return a model that draws its noise within a threshold."""
    cut = getattr(model, "truncated", None)
    if cut is None:
        raise UsageError(
            "--truncation is for models that draw an image from noise alone, and this is none. Leave it out."
        )
    return cut(threshold)


def declare_prior(parser: argparse.ArgumentParser) -> None:
    """Add ``--prior``."""
    parser.add_argument(
        "--prior",
        metavar="RUN",
        type=Path,
        help="image models of codes (vqvae): a text run trained on RUN/codes, which draws the codes",
    )


@dataclass(frozen=True)
class DecodedPrior:
    """A model that draws codes from a text model and decodes them with an image model.

    Attributes:
        run_dir: of the image model.
        images: the image model.
        prior: the text model.
    """

    run_dir: Path
    images: Any
    prior: Any

    def __post_init__(self) -> None:
        if not hasattr(self.images, "draw_decoded"):
            raise UsageError(
                f"--prior: the model in {self.run_dir} decodes no codes, so it takes no prior. Leave "
                "--prior out, or sample a model of codes, for example of 'seqgan-kit run vqvae'."
            )
        self.images.need("decode")

    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        out: Path | None = None,
        condition: str | None = None,
        detokenize: bool = False,
    ) -> Path:
        """Draw ``n`` rows of codes and write the images; the options apply to the codes.

        Rows that are no map of codes, mostly too short ones, are drawn again.
        """
        if condition is not None or detokenize:
            raise UsageError(
                "--prior draws codes, for which --condition and --detokenize have no meaning."
            )
        path = self.run_dir / "samples" / f"prior-seed-{seed}.png" if out is None else out
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        lines, drawn = self._draw(n, seed, options)
        if len(lines) < drawn:
            print(f"{drawn - len(lines):,} of {drawn:,} rows were no map of codes", file=sys.stderr)
        written, _ = self.images.draw_decoded(lines, path)
        return Path(written)

    def _draw(self, n: int, seed: int, options: dict[str, Any]) -> tuple[list[str], int]:
        """Return ``n`` rows that are maps of codes, and how many rows were drawn for them."""
        from seqgan_kit.core.runs.runtime import mixed_seed

        lines: list[str] = []
        drawn = 0
        for attempt in range(_ATTEMPTS):
            wanted = n - len(lines)
            again = mixed_seed(seed, attempt) if attempt else seed
            rows = self.prior.sample(wanted, seed=again, **options)
            drawn += wanted
            lines += self.images.whole_rows(rows)
            if len(lines) == n:
                return lines, drawn
            if not lines:
                break
        raise DataError(
            f"only {len(lines):,} of {drawn:,} rows of the text run are maps of codes of the model in "
            f"{self.run_dir}, unlike {rows[0][:60]!r}: train the text run on {self.run_dir / 'codes'}, or "
            "for longer."
        )

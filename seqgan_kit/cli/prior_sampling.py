"""``sample RUN --prior TEXT_RUN``: a text model draws rows of codes, and an image model decodes them."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgan_kit.errors import UsageError


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
        """Draw ``n`` rows of codes and write the images; the options apply to the codes."""
        if condition is not None or detokenize:
            raise UsageError(
                "--prior draws codes, for which --condition and --detokenize have no meaning."
            )
        lines = self.prior.sample(n, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        path = self.run_dir / "samples" / f"prior-seed-{seed}.png" if out is None else out
        written, refused = self.images.draw_decoded(lines, path)
        if refused:
            print(
                f"left out {len(refused):,} of {n:,} rows, which are no map of codes",
                file=sys.stderr,
            )
        return Path(written)

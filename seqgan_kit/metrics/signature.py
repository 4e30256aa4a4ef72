"""Signatures: the settings of a score as a short string that accompanies the number.

    bleu|n:2-5|smooth:method1|refs:10000|hyps:10000|tok:space|case:mixed|v:0.1.0

Two scores can be compared if their signatures agree. (The idea is sacrebleu's: Post 2018, "A Call for
Clarity in Reporting BLEU Scores".)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqgan_kit import __version__


@dataclass(frozen=True)
class Signature:
    """Settings of a score. Fields that are None do not apply and are left out."""

    metric: str
    """Name of the metric, such as ``bleu``."""
    orders: tuple[int, ...] | None = None
    """N-gram orders."""
    smooth: str | None = None
    """Smoothing of zero counts."""
    refs: int | str | None = None
    """Number of references, or a description of them."""
    hyps: int | None = None
    """Number of scored sentences."""
    tok: str | None = None
    """Tokenizer of the lines."""
    case: str | None = None
    """``mixed`` (as given) or ``lower``."""
    sample: int | str | None = None
    """Size of the random subset, if not all sentences were scored."""
    resamples: int | None = None
    """Number of bootstrap resamples of an interval."""
    level_percent: float | None = None
    """Level of the interval in percent."""
    swaps: int | None = None
    """Number of random swaps of a p-value (approximate randomisation)."""
    seed: int | None = None
    """Seed of all random choices."""
    version: str = __version__
    """Version of this package."""

    def __str__(self) -> str:
        fields = {
            "n": None if self.orders is None else format_orders(self.orders),
            "smooth": self.smooth,
            "refs": self.refs,
            "hyps": self.hyps,
            "tok": self.tok,
            "case": self.case,
            "sample": self.sample,
            "bs": self.resamples,
            "ci": self.level_percent and f"{self.level_percent:g}",
            "ar": self.swaps,
            "seed": self.seed,
            "v": self.version,
        }
        shown = [f"{key}:{value}" for key, value in fields.items() if value is not None]
        return "|".join([self.metric, *shown])


def format_orders(orders: Sequence[int]) -> str:
    """Format orders as ``2-5`` if they are consecutive, as ``2,4`` otherwise."""
    ordered = sorted(set(orders))
    if len(ordered) > 1 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]}-{ordered[-1]}"
    return ",".join(map(str, ordered))

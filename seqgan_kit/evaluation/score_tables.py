"""Rows and columns of a final table, in the form of scores.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate

Column = dict[str, Any]
AS_REAL = "as real"
"""The good end of a score that is good where real data have it: neither end of it is better by itself."""


def column(key: str, label: str, better: str, digits: int, signature: Signature) -> Column:
    """One score: how it is called, which end is good, and what it was computed with."""
    return {
        "key": key, "label": label, "better": better, "digits": digits, "signature": str(signature)
    }  # fmt: skip


def table_row(name: str, scores: Mapping[str, Estimate]) -> dict[str, Any]:
    """One generator's scores; an error of nan is no error that is known."""
    errors = {k: e.standard_error for k, e in scores.items() if not math.isnan(e.standard_error)}
    return {"name": name, "values": {k: e.value for k, e in scores.items()}, "errors": errors}

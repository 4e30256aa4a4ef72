"""Rows and columns of a final table in the form of scores.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate

Column = dict[str, Any]
AS_REAL = "as real"
"""Direction of a score that is best near its value for real data, neither high nor low."""


def column(key: str, label: str, better: str, digits: int, signature: Signature) -> Column:
    """Return a column: key, label, better direction, digits and signature of a score."""
    return {
        "key": key, "label": label, "better": better, "digits": digits, "signature": str(signature)
    }  # fmt: skip


def table_row(name: str, scores: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return the row of a generator; a standard error of nan means unknown."""
    errors = {k: e.standard_error for k, e in scores.items() if not math.isnan(e.standard_error)}
    return {"name": name, "values": {k: e.value for k, e in scores.items()}, "errors": errors}

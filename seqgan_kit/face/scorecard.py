"""A table of scores as a dict that prints itself, in a terminal and in a notebook."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any


class Scorecard(dict[str, dict[str, float]]):
    """Scores by row and metric: ``card["real data"]["bleu4"]``; ``print(card)`` shows the table.

    A metric that was not computed is absent.

    Args:
        record: the table as scores.json has it.

    Attributes:
        record: the whole table: labels, standard errors, signatures, notes.
    """

    def __init__(self, record: Mapping[str, Any]):
        super().__init__({row["name"]: dict(row["values"]) for row in record["rows"]})
        self.record = dict(record)

    def __str__(self) -> str:
        from rich.console import Console

        from seqgan_kit.report.tables import print_scores

        text = io.StringIO()
        print_scores(self.record, Console(file=text, highlight=False, width=100))
        findings = self.record.get("findings", [])
        return "\n".join([text.getvalue().rstrip("\n"), *findings])

    def _repr_html_(self) -> str:
        from seqgan_kit.report.notebook_view import framed_table

        return framed_table(self.record)

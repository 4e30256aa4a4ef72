"""The end of a run: write scores and report, print the table and the next commands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from seqgan_kit.core.runs.run import Run
from seqgan_kit.report.run_page import write_report
from seqgan_kit.report.tables import print_scores


def close_run(
    run: Run, scores: Mapping[str, Any], own_data: str = "--text FILE", use: str = ""
) -> None:
    """Write scores.json and report.html; print the table, the paths and the next commands."""

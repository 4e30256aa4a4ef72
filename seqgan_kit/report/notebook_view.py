"""A run's table and curves, and a table alone, as HTML for a notebook's cell."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log import read_config, read_metrics, read_scores
from seqgan_kit.report.charts.curves import sections
from seqgan_kit.report.run_page import page_title
from seqgan_kit.report.tables import score_table
from seqgan_kit.report.templates import render_page

_RUN_PIXELS, _TABLE_PIXELS = 720, 420


def notebook_view(folder: Path) -> str:
    """The table and the curves of a run, with its alarms."""
    rows, scores = read_metrics(folder), read_scores(folder)
    page = render_page(
        "notebook.html.j2",
        title=page_title(read_config(folder)),
        place=str(folder),
        alarms=[row for row in rows if row["kind"] == "alarm"],
        table=score_table(scores) if scores else None,
        sections=sections(rows, scores),
    )
    return _framed(page, _RUN_PIXELS)


def framed_table(record: Mapping[str, Any]) -> str:
    """One table of scores."""
    page = render_page(
        "notebook.html.j2", title="", place="", alarms=[], table=score_table(record), sections=[]
    )
    return _framed(page, _TABLE_PIXELS)


def _framed(page: str, pixels: int) -> str:
    """In a frame of its own, so that the page's styles and the notebook's leave each other alone."""
    return (
        f'<iframe srcdoc="{escape(page, quote=True)}" sandbox="" '
        f'style="width:100%;height:{pixels}px;border:0"></iframe>'
    )

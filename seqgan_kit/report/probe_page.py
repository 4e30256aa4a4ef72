"""probe.html: what the layers of a discriminator know, as a table, curves and pictures of filters."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqgan_kit.report.charts.curves import score_figures
from seqgan_kit.report.tables import score_table
from seqgan_kit.report.templates import render_page, write_page

_PICTURES = {"filters.png": "discriminator", "filters-untrained.png": "the same, untrained"}


def write_probe(folder: Path, record: Mapping[str, Any], run: str) -> Path:
    """Write probe.html beside the pictures in a folder; return its path."""
    page = render_page(
        "probe.html.j2",
        title="Probe",
        lead=f"Linear probes of the discriminator of {run}: {record['title']}.",
        charts=score_figures(record),
        table=score_table(record),
        pictures=[
            {"title": title, "image": _embedded(folder / name)} for name, title in _PICTURES.items()
        ],
    )
    return write_page(folder / "probe.html", page)


def _embedded(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()

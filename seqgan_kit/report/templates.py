"""Template environment of report.html and compare.html, and atomic writing of pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqgan_kit.core.runs.log import write_whole


def render_page(template: str, **values: object) -> str:
    """Render a template of this folder with the values."""
    return _environment().get_template(template).render(**values)


def write_page(path: Path, page: str) -> Path:
    """Write a page atomically, so that a browser never sees half of it; return the path."""
    write_whole(path, page.encode())
    return path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Charts escape their own text; the template escapes everything else on a page.
    environment.filters["chart"] = Markup
    return environment

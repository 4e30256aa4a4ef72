"""What report.html and compare.html share: the templates' environment, and writing a page whole."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqgan_kit.core.runs.log import write_whole


def render_page(template: str, **values: object) -> str:
    """The page that a template of this folder makes of the values."""
    return _environment().get_template(template).render(**values)


def write_page(path: Path, page: str) -> Path:
    """Writes it so that a browser never sees half a page. Returns the path."""
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
    # Charts escape their own text; everything else on a page is escaped by the template.
    environment.filters["chart"] = Markup
    return environment

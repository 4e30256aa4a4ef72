"""Hooks of mkdocs: folders in the navigation, markers in pages, included files.

A marker stands alone in its line, such as ``{{ settings }}``. On the page of a method, which has the recipe's
name, it gives a part that is generated from the recipe; elsewhere ``{{ drawing FILE.svg }}`` gives a
drawing, ``{{ include FILE }}`` a file of the repository and ``{{ modules PACKAGE }}`` its reference.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import recipe_facts as facts
import recipe_tables as tables

DOCS = Path(__file__).resolve().parents[1]
MARKER = re.compile(r"^\{\{ (\w+)(?: ([^}]+?))? \}\}$", flags=re.MULTILINE)
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b(?![^>]*rel=["']?canonical)[^>]*\bhref=["']?(?:https?:)?//|url\(["']?(?:https?:)?//"""
)
RECIPE_PARTS = {
    "usage": tables.usage,
    "citation": facts.citation,
    "equation": facts.equation,
    "remarks": facts.remarks,
    "differences": facts.differences,
    "presets": tables.presets,
    "settings": tables.settings,
}


def on_config(config: Any) -> Any:
    """Replace each folder in the navigation by its pages."""
    config.nav = [_expanded(entry) for entry in config.nav]
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace the markers of a page."""
    path = page.file.src_uri
    if path.startswith("methods/") and path != "methods/index.md":
        check_method_page(Path(path).stem, markdown)
    return MARKER.sub(lambda found: _generated(found[1], found[2] or "", path), markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Show Sphinx roles in docstrings as plain code."""
    return re.sub(r":(?:class|func|meth|mod|attr|data):<code>~?", "<code>", html)


def on_post_build(config: Any) -> None:
    """Refuse a site whose pages would fetch anything from another host."""
    site = Path(config.site_dir)
    for file in (*site.rglob("*.html"), *site.rglob("*.css")):
        if found := FETCHED.search(file.read_text(encoding="utf-8")):
            raise ValueError(f"{file} would fetch from another host: {found[0][:200]}")


def check_method_page(recipe: str, markdown: str) -> None:
    """Refuse a page without a recipe, or one that lacks a generated part."""
    if recipe not in facts.recipe_names():
        raise ValueError(f"docs/methods/{recipe}.md: there is no recipe of that name.")
    have = {found[1] for found in MARKER.finditer(markdown)}
    missing = {"usage", "differences", "presets", "settings"} - have
    if missing:
        raise ValueError(f"docs/methods/{recipe}.md lacks {{{{ {', '.join(sorted(missing))} }}}}.")


def _generated(name: str, argument: str, path: str) -> str:
    if name in RECIPE_PARTS:
        return RECIPE_PARTS[name](Path(path).stem)
    if name == "logged":
        return tables.logged(argument)
    if name == "methods":
        return tables.methods_table(images=argument == "images")
    if name == "drawing":
        return drawing(argument, path)
    if name == "include":
        return included(argument, path)
    if name == "modules":
        return "\n\n".join(f"::: {module}" for module in _modules(argument))
    raise ValueError(f"docs/{path}: unknown marker {name!r}.")


def drawing(file: str, page: str) -> str:
    """An SVG file beside the page, inline, so that it takes the page's text colour in light and dark mode."""
    svg = (DOCS / posixpath.dirname(page) / file).read_text(encoding="utf-8")
    return f'<div class="drawing">{"".join(svg.splitlines())}</div>'


def included(file: str, page: str) -> str:
    """A file of the repository, its links seen from the page; links out of docs/ become plain text."""
    text = (facts.ROOT / file).read_text(encoding="utf-8")

    def link(found: re.Match[str]) -> str:
        label, target = found[1], found[2]
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(file), target))
        if not inside.startswith("docs/"):
            return label.strip("![]")
        return f"{label}({posixpath.relpath(inside[5:], posixpath.dirname(page) or '.')})"

    return re.sub(r"(!?\[[^\]]*\])\(([^)\s]+)\)", link, text)


def _modules(package: str) -> list[str]:
    folder = facts.ROOT / package.replace(".", "/")
    files = [folder.with_suffix(".py")] if not folder.is_dir() else sorted(folder.rglob("*.py"))
    kept = [
        f
        for f in files
        if f.name != "__init__.py" and "class " in (t := f.read_text()) + "def " and t
    ]
    return [".".join(f.relative_to(facts.ROOT).with_suffix("").parts) for f in kept]


def _expanded(entry: Any) -> Any:
    if isinstance(entry, dict):
        ((title, target),) = entry.items()
        if isinstance(target, str) and target.endswith("/"):
            return {title: _pages(target)}
    return entry


def _pages(folder: str) -> list[Any]:
    """The pages of a folder, index first; methods grouped by what they generate."""
    names = sorted(p.name for p in (DOCS / folder).glob("*.md"))
    order = re.findall(r"\]\((\w+\.md)\)", (DOCS / folder / "index.md").read_text(encoding="utf-8"))
    names.sort(key=lambda n: (n != "index.md", order.index(n) if n in order else len(order)))
    if folder != "methods/":
        return [folder + name for name in names]
    recipes = [n.removesuffix(".md") for n in names if n != "index.md"]
    kinds = {"Text": False, "Images": True}
    known = facts.recipe_names()
    grouped = [
        {
            kind: [
                f"{folder}{r}.md"
                for r in recipes
                if r in known and facts.is_image_method(r) == images
            ]
        }
        for kind, images in kinds.items()
    ]
    return [f"{folder}index.md", *grouped]

"""Markdown of the generated parts of a method's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import recipe_facts as facts
import yaml
from recipe_facts import Setting

GROUPS = {
    "method": "Method",
    "training": "Training",
    "data": "Data",
    "oracle": "Oracle",
    "generator": "Generator",
    "discriminator": "Discriminator",
    "networks": "Networks",
    "techniques": "Techniques",
    "scores": "Scores",
    "run": "Run",
}
LOGGED = Path(__file__).with_name("logged_metrics.yml")


def usage(recipe: str) -> str:
    """The recipe's command lines."""
    return "```sh\n" + "\n".join(facts.commands(recipe)) + "\n```"


def settings(recipe: str) -> str:
    """Tables of all settings: the method's own open, the others folded."""
    of_presets = facts.presets(recipe)
    base = of_presets["default"]
    paper = {s.flag: s.value for s in of_presets.get("paper", base)}
    groups = list(dict.fromkeys(s.group for s in base))
    groups.sort(key=lambda group: group != "method")
    parts = []
    for group in groups:
        rows = [s for s in base if s.group == group]
        table = _table(rows, paper)
        name = GROUPS.get(group, group.replace("_", " ").capitalize())
        if group == "method":
            parts.append(f"### {name}\n\n{table}")
        else:
            indented = table.replace("\n", "\n    ")
            parts.append(f'??? note "{name}: {len(rows)} settings"\n\n    {indented}')
    return "\n\n".join(parts)


def presets(recipe: str) -> str:
    """What each preset changes, compared with `default`."""
    of_presets = facts.presets(recipe)
    base = {s.flag: s.value for s in of_presets["default"]}
    rows = ["| Preset | What differs from `default` |", "| --- | --- |"]
    for name, items in of_presets.items():
        if name == "smoke":
            rows.append("| `smoke` | networks, data and rounds so small that a run takes seconds |")
        elif name != "default":
            changed = [f"`{s.flag} {shown(s.value)}`" for s in items if s.value != base.get(s.flag)]
            rows.append(f"| `{name}` | {', '.join(changed) or 'nothing'} |")
    return "\n".join(rows)


def logged(names: str) -> str:
    """Table rows of the named metrics that several methods log."""
    told = yaml.safe_load(LOGGED.read_text(encoding="utf-8"))
    wanted = []
    for name in (word.strip() for word in names.split(",")):
        wanted += told["groups"].get(name, [name])
    return "\n".join(f"| `{name}` | {' '.join(told['metrics'][name].split())} |" for name in wanted)


def methods_table(images: bool) -> str:
    """All recipes of a kind with their pages."""
    rows = ["| Recipe | What it is |", "| --- | --- |"]
    for recipe in facts.recipe_names():
        if facts.is_image_method(recipe) == images:
            _, _, told = facts.summary(recipe).partition(":")
            told = told.strip()
            rows.append(f"| [`{recipe}`]({recipe}.md) | {facts.title(recipe)}: {_cell(told)} |")
    return "\n".join(rows)


def readme_table() -> str:
    """All recipes with their papers, those of text first."""
    rows = ["| Method | Recipe | Paper |", "| --- | --- | --- |"]
    for recipe in sorted(facts.recipe_names(), key=facts.is_image_method):
        paper = "; ".join(facts.papers(recipe))
        if not paper and recipe != "mle":
            raise LookupError(f"the docstring of the method of {recipe!r} names no paper")
        paper = paper or "the baseline to beat"
        rows.append(f"| {facts.title(recipe)} | `{recipe}` | {paper} |")
    return "\n".join(rows)


def _table(rows: list[Setting], paper: dict[str, Any]) -> str:
    differ = any(paper.get(s.flag, s.value) != s.value for s in rows)
    head = (
        "| Setting | `default` | `paper` | Meaning |"
        if differ
        else "| Setting | `default` | Meaning |"
    )
    lines = [head, "| --- " * (4 if differ else 3) + "|"]
    for s in rows:
        other = paper.get(s.flag, s.value)
        middle = f"| {_code(other) if other != s.value else ''} " if differ else ""
        lines.append(f"| `{s.flag}` | {_code(s.value)} {middle}| {_cell(s.help)} |")
    return "\n".join(lines)


def shown(value: Any) -> str:
    """A setting's value as it is typed on the command line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return " ".join(map(shown, value))
    return str(value)


def _code(value: Any) -> str:
    text = shown(value)
    return f"`{text}`" if text else "(empty)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")

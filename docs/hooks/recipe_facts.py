"""What the pages of methods show of a recipe: commands, docstring parts, presets and settings.

Everything is read from the recipe and its method, so that a page cannot go out of date.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

ROOT = Path(__file__).resolve().parents[2]
METHOD_ROOMS = ("seqgan_kit.methods.", "image_gans.methods.")


@dataclasses.dataclass(frozen=True)
class Setting:
    """One flag: its group in the recipe's Config, its name, its value in a preset, its help."""

    group: str
    flag: str
    value: Any
    help: str


def recipe_names() -> list[str]:
    """Names of all recipes."""
    return sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))


@cache
def load(recipe: str) -> ModuleType:
    """The recipe as a module; it starts nothing."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    name = f"docs_recipe_{recipe}"
    spec = importlib.util.spec_from_file_location(name, ROOT / "recipes" / f"{recipe}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"there is no recipe {recipe!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def is_image_method(recipe: str) -> bool:
    """Whether the recipe builds on image_gans."""
    return "image_gans" in (ROOT / "recipes" / f"{recipe}.py").read_text(encoding="utf-8")


def title(recipe: str) -> str:
    """What the recipe's docstring calls the method, before the colon."""
    return (load(recipe).__doc__ or recipe).splitlines()[0].split(":")[0].strip()


def summary(recipe: str) -> str:
    """The first line of the recipe's docstring."""
    return (load(recipe).__doc__ or "").splitlines()[0].strip()


def commands(recipe: str) -> list[str]:
    """The command lines in the recipe's docstring, each below its comment."""
    found = []
    for line in (load(recipe).__doc__ or "").splitlines():
        if not line.startswith("$ "):
            continue
        # The comment stands behind two spaces, or, where the command is long, behind its last path.
        parts = re.match(r"(.*?\S)\s{2,}(.*)$|(.*--(?:out|resume) \S+) (.*)$", line[2:])
        command, comment = [part for part in parts.groups() if part] if parts else (line[2:], "")
        found.append(f"# {comment.strip()}\n{command}" if comment else command)
    return found


def method_module(recipe: str) -> ModuleType:
    """The method that the recipe runs."""
    modules = [m for m in vars(load(recipe)).values() if isinstance(m, ModuleType)]
    for module in modules:
        if module.__name__.startswith(METHOD_ROOMS):
            return module
    raise LookupError(f"the recipe {recipe!r} imports no module of {METHOD_ROOMS}")


def paragraphs(recipe: str) -> list[str]:
    """The method's docstring, cut at blank lines."""
    return re.split(r"\n\s*\n", inspect.cleandoc(method_module(recipe).__doc__ or ""))


def citation(recipe: str) -> str:
    """The first paragraph: the method and its paper."""
    return " ".join(paragraphs(recipe)[0].split())


def papers(recipe: str) -> list[str]:
    """Authors and year of the papers that the citation names, as in "Nie et al. 2019"."""
    beginning, authors, end = (
        r"(?:\((?:after )?|; |, (?:and )?(?=[A-Z][\w-]+ et al\.))",
        r"(?:van den |de )?[A-Z][^()\";:]*?",
        r"(?=[,:;)])",
    )
    found = re.findall(rf"{beginning}({authors}) (\d{{4}}){end}", citation(recipe))
    return [f"{_short(names)} {year}" for names, year in found]


def _short(names: str) -> str:
    first, *others = names.split(", ")
    return (
        names
        if not others
        else f"{first} and {others[0]}"
        if len(others) == 1
        else f"{first} et al."
    )


def equation(recipe: str) -> str:
    """The indented paragraphs, with the sentences between them that introduce symbols."""
    body = paragraphs(recipe)[1:]
    kept = [i for i, text in enumerate(body) if text.startswith("    ")]
    if not kept:
        return ""
    parts = []
    for text in body[: kept[-1] + 1]:
        block = textwrap.dedent(text)
        parts.append(f"```text\n{block}\n```" if text.startswith("    ") else block)
    return "\n\n".join(parts)


def remarks(recipe: str) -> str:
    """What the docstring says after the equations, up to the differences."""
    body = paragraphs(recipe)[1:]
    last = max((i for i, text in enumerate(body) if text.startswith("    ")), default=-1)
    return "\n\n".join(text for text in body[last + 1 :] if not text.startswith("Differs from"))


def differences(recipe: str) -> str:
    """The paragraph that begins with "Differs from" as a list, or what stands for it."""
    for text in paragraphs(recipe)[1:]:
        if text.startswith("Differs from"):
            start, _, rest = " ".join(text.split()).partition(": ")
            first, *more = re.split(r"(?<=[a-z0-9)]\.) (?=[A-Z])", rest)
            parts = [*re.split(r"; (?![^()]*\))", first), *more]
            items = [f"- {_as_sentence(part)}" for part in parts if part]
            return "\n".join([f"{start}:", "", *items])
    return "The method's file records none."


def _as_sentence(text: str) -> str:
    """With a capital, unless it begins with a symbol, and a full stop."""
    symbol = len(text.split()[0]) == 1
    return f"{text[0] if symbol else text[0].upper()}{text[1:].rstrip('.')}."


def presets(recipe: str) -> dict[str, list[Setting]]:
    """All settings of every preset."""
    return {name: list(_settings(config)) for name, config in load(recipe).PRESETS.items()}


def _settings(config: Any) -> Iterator[Setting]:
    hints, told = get_type_hints(type(config), include_extras=True), helps(type(config))
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if not dataclasses.is_dataclass(value):
            flag = f"--{field.name}".replace("_", "-")
            yield Setting("method", flag, value, told.get(field.name, ""))
            continue
        flat = any(
            getattr(m, "name", None) == "" for m in getattr(hints[field.name], "__metadata__", ())
        )
        yield from _of_group(field.name, value, "" if flat else f"{field.name}.")


def _of_group(group: str, value: Any, prefix: str) -> Iterator[Setting]:
    told = helps(type(value))
    hints = get_type_hints(type(value), include_extras=True)
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if "Suppress" in str(hints[field.name]):
            continue
        if dataclasses.is_dataclass(inner):
            yield from _of_group(group, inner, f"{prefix}{field.name}.")
        else:
            flag = f"--{prefix}{field.name}".replace("_", "-")
            yield Setting(group, flag, inner, told.get(field.name, ""))


@cache
def helps(config: type) -> dict[str, str]:
    """The string under each field of a dataclass."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(config))).body
    assert isinstance(tree, ast.ClassDef)
    told = {}
    for field, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            told[field.target.id] = " ".join(str(after.value.value).split())
    return told

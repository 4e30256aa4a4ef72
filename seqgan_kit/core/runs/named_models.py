"""The shorthand ``--generator hf:MODEL`` of ``--generator hf --generator-model MODEL``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

SHORTHAND = "hf"


def with_named_models(arguments: Sequence[str], config: Any) -> list[str]:
    """Write out ``hf:MODEL`` as two flags, wherever the configuration has a second one for the model."""
    known = {f"--{name.replace('_', '-')}" for name in _field_names(config)}
    words, found = list(arguments), list[str]()
    while words:
        word = words.pop(0)
        flag, joined, value = word.partition("=")
        if not joined and words:
            value = words[0]
        if f"{flag}-model" not in known or not value.startswith(f"{SHORTHAND}:"):
            found.append(word)
            continue
        if not joined:
            words.pop(0)
        found += [flag, SHORTHAND, f"{flag}-model", value.removeprefix(f"{SHORTHAND}:")]
    return found


def _field_names(config: Any) -> Iterator[str]:
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _field_names(value)
        yield field.name

"""The space of a search: settings with ranges or choices, read from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqgan_kit.errors import DataError

_EXAMPLE = "mle_learning_rate: {low: 1.0e-4, high: 1.0e-1, log: true}"
_KEYS = {"low", "high", "log"}
Value = str | int | float | bool


@dataclass(frozen=True)
class Setting:
    """A setting of the recipe that is searched: choices, or a range of whole or real numbers."""

    name: str
    choices: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def ends(self) -> tuple[Value, ...]:
        """Return values that the recipe must accept: all choices, or both ends."""
        return self.choices or (self.low, self.high)

    def suggest(self, trial: Any) -> Value:
        """Return the value that an Optuna trial proposes."""
        suggested: Value
        if self.choices:
            suggested = trial.suggest_categorical(self.name, list(self.choices))
        elif self.whole:
            suggested = trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        else:
            suggested = trial.suggest_float(self.name, self.low, self.high, log=self.log)
        return suggested


def read_space(file: Path) -> tuple[Setting, ...]:
    """Read the settings of a search."""
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        line = str(error).strip().splitlines()[0]
        raise DataError(f"the space {file} cannot be read ({line}): give a YAML file.") from None
    if not isinstance(found, dict) or not found:
        raise DataError(
            f"the space {file} names no settings: write one per line, as in {_EXAMPLE}."
        )
    return tuple(_setting(file, str(name), value) for name, value in found.items())


def words_of(values: Mapping[str, Value]) -> list[str]:
    """Return settings as flags of a recipe."""
    words = []
    for name, value in values.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            group, dot, last = flag.rpartition(".")
            words.append(f"--{flag}" if value else f"--{group}{dot}no-{last}")
        else:
            words += [f"--{flag}", str(value)]
    return words


def _setting(file: Path, name: str, value: Any) -> Setting:
    if isinstance(value, list) and value and all(isinstance(v, Value) for v in value):
        return Setting(name, tuple(value))
    if isinstance(value, dict) and {"low", "high"} <= set(value) <= _KEYS:
        low, high = _number(value["low"]), _number(value["high"])
        log = value.get("log", False)
        if low is not None and high is not None and low < high and isinstance(log, bool):
            if log and not low > 0:
                raise DataError(
                    f"{file}: {name} is searched in logarithms, so low must be above 0."
                )
            return Setting(name, (), low, high, log)
    raise DataError(
        f"{file}: {name} is {value!r}; give a list of choices, or low, high and log, as in {_EXAMPLE}."
    )


def _number(value: Any) -> int | float | None:
    """Return a number; YAML reads 1e-3, without a dot, as text."""
    if isinstance(value, bool):
        return None
    try:
        return value if isinstance(value, int | float) else float(value)
    except (TypeError, ValueError):
        return None

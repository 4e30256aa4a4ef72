"""User-defined functions from lines to numbers, named ``my.py:function`` and used as rewards and metrics.

The user names the file in a setting. A file in a run's directory is refused, since run directories are data.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqgan_kit.core.runs.log import read_config
from seqgan_kit.data.text.tokenizer import Tokenizer
from seqgan_kit.errors import DataError, UsageError, unknown
from seqgan_kit.evaluation.score_tables import AS_REAL, Column, column
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.divergences import Estimate

_TRIED_LINES = 8
_SHOWN = 60


@dataclass(frozen=True)
class LineFunction:
    """A checked function from lines to one finite number each."""

    place: str
    """``my.py:function``, as the user wrote it."""
    name: str
    function: Callable[[list[str]], Any]
    digest: str
    """First digits of its file's SHA-256."""

    def __call__(self, lines: Sequence[str]) -> NDArray[np.float64]:
        """Return the function's numbers [N]; it is called once, with the distinct lines."""
        distinct = list(dict.fromkeys(lines))
        try:
            values = self._as_array(self.function(list(distinct)), distinct)
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(self._blame(distinct, error)) from error
        number = dict(zip(distinct, values.tolist(), strict=True))
        return np.array([number[line] for line in lines], dtype=np.float64)

    def _as_array(self, given: Any, lines: list[str]) -> NDArray[np.float64]:
        if isinstance(given, Tensor):
            given = given.detach().cpu().numpy()
        values = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else None
        if values is None or len(values) != len(lines):
            what = f"{len(values)} values" if values is not None else repr(given)[:_SHOWN]
            raise UsageError(
                f"{self.place} returned {what} for {len(lines)} lines: it is called with a list of lines and "
                "must return a list of as many numbers."
            )
        for row, (value, line) in enumerate(zip(values, lines, strict=True), start=1):
            number = _number(value)
            if number is None or not math.isfinite(number):
                raise UsageError(
                    f"{self.place} returned {str(value)[:_SHOWN]!r} for row {row} of {len(lines)}, "
                    f"{line[:_SHOWN]!r}: return a finite number for every line."
                )
        return np.array([float(value) for value in values], dtype=np.float64)

    def _blame(self, lines: list[str], error: Exception) -> str:
        """Find the row that raises an exception, by calling the function again row by row."""
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        for row, line in enumerate(lines, start=1):
            try:
                self.function([line])
            except Exception:
                return (
                    f"{self.place} failed with {why} on row {row} of {len(lines)}, {line[:_SHOWN]!r}: it "
                    "must return a number for any line."
                )
        return f"{self.place} failed with {why} on a batch of {len(lines)} lines."


@dataclass(frozen=True)
class OwnFunctions:
    """The user's functions of a run: its reward, if that is one, and its metrics."""

    reward: LineFunction | None = None
    metrics: tuple[LineFunction, ...] = ()

    @property
    def all(self) -> tuple[LineFunction, ...]:
        """Return all functions, each once."""
        first = () if self.reward is None else (self.reward,)
        return first + tuple(m for m in self.metrics if m.place not in {f.place for f in first})

    def check(self, lines: Sequence[str], taken: Iterable[str]) -> None:
        """Try each function on a few real lines; refuse a name that another metric has."""
        names = set(taken)
        for function in self.all:
            if function.name in names:
                raise UsageError(
                    f"{function.place}: another metric is called {function.name!r}. Rename the function."
                )
            names.add(function.name)
            function(lines[:_TRIED_LINES])

    def means(self, lines: Sequence[str]) -> dict[str, float]:
        """Return the mean of each function over the lines, for a curve."""
        return {name: estimate.value for name, estimate in self.estimates(lines).items()}

    def estimates(self, lines: Sequence[str]) -> dict[str, Estimate]:
        """Return each function's mean over the lines with its standard error; empty without lines."""
        found = {}
        for function in self.all if len(lines) else ():
            values = function(lines)
            error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
            found[function.name] = Estimate(float(values.mean()), float(error))
        return found

    def columns(self, samples: int) -> list[Column]:
        """Return the functions' columns in the final table."""
        return [
            column(
                function.name,
                function.name,
                "higher" if function is self.reward else AS_REAL,
                3,
                Signature(f"own|{function.name}|sha256:{function.digest}", hyps=samples),
            )
            for function in self.all
        ]

    def of_rows(self, tokenizer: Tokenizer) -> Callable[[Tensor], Tensor] | None:
        """Return the reward [M] of token rows [M,T]; None if the reward is not a user's function."""
        reward = self.reward
        if reward is None:
            return None

        def worth(rows: Tensor) -> Tensor:
            lines = [tokenizer.decode(row) for row in rows.tolist()]
            return torch.from_numpy(reward(lines)).to(rows.device, torch.float32)

        return worth


def own_functions(reward: str, metrics: Sequence[str]) -> OwnFunctions:
    """Return the functions that two settings name; a reward without a colon is not a function."""
    return OwnFunctions(
        line_function(reward) if ":" in reward else None, tuple(map(line_function, metrics))
    )


def line_function(place: str) -> LineFunction:
    """Return the function that ``FILE.py:FUNCTION`` names."""
    file, colon, name = place.rpartition(":")
    path = Path(file)
    if not colon or path.suffix != ".py" or not name.isidentifier():
        raise UsageError(
            f"{place!r} does not name a function: give FILE.py:FUNCTION, for example my.py:reward."
        )
    if not path.is_file():
        raise DataError(f"{place}: there is no file {file}. Check the path.")
    _refuse_runs(path)
    content = path.read_bytes()
    module = _loaded(path) or _load(path, place)
    function = getattr(module, name, None)
    if not callable(function):
        offered = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
        raise unknown(f"function of {file}", name, offered)
    return LineFunction(place, name, function, hashlib.sha256(content).hexdigest()[:8])


def _refuse_runs(path: Path) -> None:
    for folder in path.resolve().parents:
        if (folder / "config.json").is_file():
            try:
                read_config(folder)
            except UsageError:
                continue
            raise UsageError(
                f"{path} lies in the run directory {folder}, and code is never taken from there. Copy the "
                "file to another place."
            )


def _loaded(path: Path) -> ModuleType | None:
    """Return the module already imported from the file, which may be the main program itself."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if (
            isinstance(file, str)
            and file.endswith(path.name)
            and Path(file).resolve() == path.resolve()
        ):
            return module
    return None


def _load(path: Path, place: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_own_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"{place}: {path} cannot be imported: {type(error).__name__}: {error}."
        ) from error
    return module


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return None

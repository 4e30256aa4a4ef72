"""User-defined functions from lines to numbers, named ``my.py:function`` and used as rewards and metrics.

A function of one argument gets the written lines; one of two gets their sources, then the lines. The user
names the file in a setting. A file in a run's directory is refused, since run directories are data.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seqgan_kit.core.runs.log import read_config
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
    function: Callable[..., Any]
    digest: str
    """First digits of its file's SHA-256."""
    reads_sources: bool = False
    """Whether it takes two lists, the sources of the lines and the lines."""

    def __call__(
        self, lines: Sequence[str], sources: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Return the function's numbers [N]; it is called once, with the distinct lines.

        Args:
            lines: what was written.
            sources: what each line was written from (default: empty texts).
        """
        given = [""] * len(lines)
        if self.reads_sources and sources is not None:
            given = list(sources)
        pairs = list(zip(given, lines, strict=True))
        distinct = list(dict.fromkeys(pairs))
        try:
            values = self._as_array(self._called(distinct), distinct)
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(self._blame(distinct, error)) from error
        number = dict(zip(distinct, values.tolist(), strict=True))
        return np.array([number[pair] for pair in pairs], dtype=np.float64)

    def _called(self, pairs: list[tuple[str, str]]) -> Any:
        lines = [line for _, line in pairs]
        return (
            self.function([s for s, _ in pairs], lines)
            if self.reads_sources
            else self.function(lines)
        )

    def _as_array(self, result: Any, pairs: list[tuple[str, str]]) -> NDArray[np.float64]:
        if isinstance(result, Tensor):
            result = result.detach().cpu().numpy()
        iterable = isinstance(result, Iterable) and not isinstance(result, str)
        values = list(result) if iterable else None
        if values is None or len(values) != len(pairs):
            what = f"{len(values)} values" if values is not None else repr(result)[:_SHOWN]
            lists = "lists of sources and lines" if self.reads_sources else "a list of lines"
            raise UsageError(
                f"{self.place} returned {what} for {len(pairs)} lines: it is called with {lists} and "
                "must return a list of as many numbers."
            )
        for row, (value, pair) in enumerate(zip(values, pairs, strict=True), start=1):
            number = _number(value)
            if number is None or not math.isfinite(number):
                raise UsageError(
                    f"{self.place} returned {str(value)[:_SHOWN]!r} for row {row} of {len(pairs)}, "
                    f"{_shown(pair)}: return a finite number for every line."
                )
        return np.array([float(value) for value in values], dtype=np.float64)

    def _blame(self, pairs: list[tuple[str, str]], error: Exception) -> str:
        """Find the row that raises an exception, by calling the function again row by row."""
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        for row, pair in enumerate(pairs, start=1):
            try:
                self._called([pair])
            except Exception:
                return (
                    f"{self.place} failed with {why} on row {row} of {len(pairs)}, {_shown(pair)}: it "
                    "must return a number for any line."
                )
        return f"{self.place} failed with {why} on a batch of {len(pairs)} lines."


@dataclass(frozen=True)
class OwnFunctions:
    """The user's functions of a run: its objective, if that is one, and its metrics."""

    objective: LineFunction | None = None
    metrics: tuple[LineFunction, ...] = ()

    @property
    def all(self) -> tuple[LineFunction, ...]:
        """Return all functions, each once."""
        first = () if self.objective is None else (self.objective,)
        return first + tuple(m for m in self.metrics if m.place not in {f.place for f in first})

    def check(
        self, lines: Sequence[str], taken: Iterable[str], sources: Sequence[str] | None = None
    ) -> None:
        """Try each function on a few real lines; refuse a name that another metric has."""
        names = set(taken)
        few = None if sources is None else sources[:_TRIED_LINES]
        for function in self.all:
            if function.name in names:
                raise UsageError(
                    f"{function.place}: another metric is called {function.name!r}. Rename the function."
                )
            names.add(function.name)
            function(lines[:_TRIED_LINES], few)

    def means(self, lines: Sequence[str], sources: Sequence[str] | None = None) -> dict[str, float]:
        """Return the mean of each function over the lines, for a curve."""
        return {name: estimate.value for name, estimate in self.estimates(lines, sources).items()}

    def estimates(
        self, lines: Sequence[str], sources: Sequence[str] | None = None
    ) -> dict[str, Estimate]:
        """Return each function's mean over the lines with its standard error; empty without lines."""
        found = {}
        for function in self.all if len(lines) else ():
            values = function(lines, sources)
            error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
            found[function.name] = Estimate(float(values.mean()), float(error))
        return found

    def columns(self, samples: int) -> list[Column]:
        """Return the functions' columns in the final table."""
        return [
            column(
                function.name,
                function.name,
                "higher" if function is self.objective else AS_REAL,
                3,
                Signature(f"own|{function.name}|sha256:{function.digest}", hyps=samples),
            )
            for function in self.all
        ]


def own_functions(objective: str, metrics: Sequence[str]) -> OwnFunctions:
    """Return the functions that two settings name; an objective without a colon is not a function."""
    return OwnFunctions(
        line_function(objective) if ":" in objective else None, tuple(map(line_function, metrics))
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
    digest = hashlib.sha256(content).hexdigest()[:8]
    return LineFunction(place, name, function, digest, takes_sources(function, place))


def takes_sources(function: Callable[..., Any], place: str) -> bool:
    """Return whether a function takes sources and lines, or raise UsageError if it takes neither form."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # Functions written in C do not tell.
        return False
    needed = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) in (1, 2):
        return len(needed) == 2
    if not needed and any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return False
    raise UsageError(
        f"{place} takes {len(needed)} arguments: give it one, a list of lines, or two, a list of sources "
        "and a list of lines."
    )


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


def _shown(pair: tuple[str, str]) -> str:
    source, line = (text[:_SHOWN] for text in pair)
    return f"{line!r} after {source!r}" if source else repr(line)


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return None

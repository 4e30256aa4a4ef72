"""Access to HuggingFace ``datasets``, without output and offline unless a hub dataset is requested."""

from __future__ import annotations

import csv
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from logging import CRITICAL
from pathlib import Path
from types import ModuleType
from typing import Any

from seqgan_kit.data.sources.resolve import Source
from seqgan_kit.errors import DataError

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
_QUIET = (
    "HF_HUB_DISABLE_TELEMETRY",
    "HF_HUB_DISABLE_PROGRESS_BARS",
    "HF_DATASETS_DISABLE_PROGRESS_BARS",
)
_BATCH_ROWS = 256
_TRUE = ("1", "true", "yes", "on")


def quiet_datasets(*, online: bool) -> ModuleType:
    """Return the ``datasets`` module, without output and telemetry; it uses the network only if ``online``.

    After a request to the hub the module stays online, since a stream may still be read. If the user sets
    HF_HUB_OFFLINE=1, the hub is not used either.
    """
    offline = any(os.environ.get(flag, "").lower() in _TRUE for flag in _OFFLINE)
    flags = dict.fromkeys(_OFFLINE, "1" if offline or not online else "0")
    with _environment({**flags, **dict.fromkeys(_QUIET, "1")}):
        datasets = importlib.import_module("datasets")
    if online or offline:
        _set_offline(
            offline
        )  # Both libraries read the environment only when they are first imported.
    # Errors are raised as well as logged; the log would only repeat them.
    datasets.utils.logging.set_verbosity(CRITICAL)
    datasets.disable_progress_bars()
    return datasets


def is_offline() -> bool:
    """Return whether ``datasets`` is offline."""
    return bool(importlib.import_module("datasets").config.HF_HUB_OFFLINE)


def _set_offline(offline: bool) -> None:
    for module, owner in (("datasets", "config"), ("huggingface_hub", "constants")):
        setattr(getattr(importlib.import_module(module), owner), "HF_HUB_OFFLINE", offline)  # noqa: B010


@contextmanager
def _cut_off() -> Iterator[None]:
    """Turn the network off; otherwise ``datasets`` sends telemetry even for local files and waits for
    time-outs."""
    before = is_offline()
    _set_offline(True)
    try:
        yield
    finally:
        _set_offline(before)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def open_rows(source: Source, *, streaming: bool = True) -> Any:
    """Return a ``Dataset`` or ``IterableDataset`` of the rows of a table or hub source.

    Local files are always streamed. A copy in the library's own cache (keyed by modification time) would take
    disk space and could be outdated, and only the encoded tensors are kept anyway.
    """
    library = quiet_datasets(online=source.format == "hub")
    with reading(source):
        if source.format == "hub":
            return library.load_dataset(
                source.hub_name,
                source.hub_config,
                split=source.hub_split,
                revision=source.revision,
                streaming=streaming,
            )
        options: dict[str, Any] = {}
        if source.format == "csv":
            options = _csv_options(library, source.files[0])
        with _cut_off():
            return library.load_dataset(
                source.format,
                data_files=[glob_free(path) for path in source.files],
                split="train",
                streaming=True,
                **options,
            )


def iterate(source: Source, rows: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows; errors of the library become a DataError that names the source."""
    with reading(source):
        for batch in rows.iter(batch_size=_BATCH_ROWS):  # Reading row by row is ten times slower.
            names = list(batch)
            for values in zip(*batch.values(), strict=True):
                yield dict(zip(names, values, strict=True))


def column_names(source: Source, rows: Any) -> list[str]:
    """Return the column names, from the first row if the format does not state them."""
    if rows.column_names:
        return list(rows.column_names)
    first = list(islice(iterate(source, rows), 1))
    return list(first[0]) if first else []


def hub_splits(source: Source) -> list[str]:
    """Return the names of all splits of a hub dataset."""
    library = quiet_datasets(online=True)
    with reading(source):
        names = library.get_dataset_split_names(
            source.hub_name, source.hub_config, revision=source.revision
        )
    return list(names)


@contextmanager
def reading(source: Source) -> Iterator[None]:
    """Turn errors into a one-line DataError that says which source cannot be read and why."""
    library_error = importlib.import_module("datasets.exceptions").DatasetsError
    try:
        yield
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        NotImplementedError,
        library_error,
    ) as error:
        root = error.__cause__ or error
        reason = str(root).strip().split("\n")[0] or type(root).__name__
        hint = ""
        if source.format == "hub":
            hint = (
                " Check the name, the configuration (hub:name:config), the split and the network."
            )
        raise DataError(f"cannot read {source}: {reason.rstrip('.')}.{hint}") from error


def _csv_options(library: ModuleType, path: Path) -> dict[str, Any]:
    """Return options that read every column as text; otherwise 007 becomes 7 and NA an empty cell."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            header = next(csv.reader(file, delimiter=delimiter), [])
        except csv.Error as error:
            raise DataError(
                f"the first line of {path} is not a header ({error}): give a table whose first line names "
                "its columns, or plain text as .txt."
            ) from None
    columns = {name: library.Value("string") for name in header}
    return {
        "features": library.Features(columns),
        "delimiter": delimiter,
        "keep_default_na": False,
        "encoding": "utf-8-sig",
    }


def glob_free(path: Path) -> str:
    """Return a path that ``datasets`` does not mistake for a pattern."""
    text = str(path.resolve())
    if any(mark in text for mark in "*?["):
        raise DataError(
            f"{path} has one of * ? [ in its name, which ``datasets`` reads as a pattern: rename it."
        )
    return text

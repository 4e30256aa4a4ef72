"""What every loader of models of the transformers library checks: no pickles, and no code from data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from seqgan_kit.errors import DataError, UsageError


def transformers_library(needed_by: str = "a language model (--generator hf:...)") -> Any:
    """Import transformers, or say which extra has it."""
    try:
        return import_module("transformers")
    except ImportError:
        raise UsageError(
            f"{needed_by} needs transformers: install it with pip install 'seqgan-kit[lm]'."
        ) from None


def refuse_code(settings: Mapping[str, Any], name: str) -> None:
    """Raise UsageError for a model whose settings name code of its own."""
    if settings.get("auto_map"):
        raise UsageError(
            f"{name} needs code from its own repository (auto_map), and code from data is never run. Use a "
            "model whose architecture is part of transformers."
        )


def refuse_pickles(folder: Path, name: str) -> None:
    """Raise DataError for a folder with pickled weights alone."""
    pickled = next(folder.glob("pytorch_model*.bin"), None) if folder.is_dir() else None
    if pickled is not None and not any(folder.glob("*.safetensors")):
        raise DataError(
            f"{name} has pickled weights only ({pickled.name}), and unpickling can run code. Save the model "
            "again with transformers' save_pretrained, which writes safetensors."
        )


@contextmanager
def silent_loading(transformers: Any, *, reports: bool = True) -> Iterator[None]:
    """Turn the library's progress bar off; loading takes seconds, and bars would break messages.

    ``reports=False``: its report of missing weights too, for callers that check them.
    """
    logging = transformers.utils.logging
    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    if not reports:
        logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, as a sentence."""
    line = (str(error) or type(error).__name__).strip().splitlines()[0].rstrip(".")
    return f"{line}."

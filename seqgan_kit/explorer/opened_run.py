"""A run that the explorer shows: its model is loaded once, used by one request at a time, and renewed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import CheckpointError, SeqganKitError, UsageError
from seqgan_kit.evaluation.discriminator_export import load_discriminator


class OpenedRun:
    """A run's directory and its model.

    Requests come from several threads, and a network may hold state while it samples, so a request holds the
    run's lock. A run that is still training saves newer models, which replace the loaded one.

    Args:
        folder: the run's directory.
        kind: kind of its model, ``text`` or ``image``; empty for a run without a model yet.
        load: function that restores the model.
        name: name on the page; by default that of the directory.
        find: function that returns kind and loader of a directory's model, None while there is none.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        load: Callable[[Path], Any] | None = None,
        name: str | None = None,
        find: Callable[[Path], tuple[str, Callable[[Path], Any]] | None] | None = None,
    ):
        self.folder, self.kind, self._load, self._find = folder, kind, load, find
        self.name = folder.absolute().name if name is None else name
        self._lock = threading.Lock()
        self._model: Any = None
        self._discriminator: Discriminator | None = None
        self._saved_at = -1
        self._derived: dict[str, Any] = {}
        if kind:
            self._renew()

    @property
    def has_log(self) -> bool:
        """Whether the directory has a training log; a folder from the hub has none."""
        return (self.folder / "config.json").is_file()

    def wake(self) -> bool:
        """Load the model of a run that had none when it was opened; return whether the run has a model."""
        with self._lock:
            found = self._find(self.folder) if self._find and not self.kind else None
            if found is not None:
                self.kind, self._load = found
                try:
                    self._renew()
                except (SeqganKitError, OSError):  # It is being written.
                    self.kind, self._load = "", None
            return bool(self.kind)

    @contextmanager
    def model(self) -> Iterator[Any]:
        """Lend the newest saved model to one request."""
        with self._lock:
            self._refresh()
            yield self._model

    @contextmanager
    def players(self) -> Iterator[tuple[Any, Discriminator | None]]:
        """Lend the newest saved model, and the discriminator saved with it, if any."""
        with self._lock:
            self._refresh()
            yield self._model, self._discriminator

    def derived(self, name: str, make: Callable[[Any], Any]) -> Any:
        """Return the result of ``make(model)``, computed once for each loaded model.

        Only while the model is lent.
        """
        if name not in self._derived:
            self._derived[name] = make(self._model)
        return self._derived[name]

    def _refresh(self) -> None:
        """Load a newer model; keep the old one while its files are being written."""
        if self._load is None:
            raise UsageError(
                f"{self.folder} has no trained model yet: wait for its first checkpoint."
            )
        if self._time() == self._saved_at:
            return
        try:
            self._renew()
        except (SeqganKitError, OSError):
            if self._model is None:
                raise

    def _renew(self) -> None:
        assert self._load is not None
        saved_at, model = self._time(), self._load(self.folder)
        discriminator = _discriminator_of(self.folder) if self.kind == "text" else None
        self._saved_at, self._model, self._discriminator = saved_at, model, discriminator
        self._derived = {}

    def _time(self) -> int:
        try:
            return (self.folder / "model" / "model.json").stat().st_mtime_ns
        except OSError:
            return self._saved_at


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return the names of different directories, with as many of their parents as tell all of them apart."""
    parts = [folder.absolute().parts for folder in folders]
    for depth in range(1, max(map(len, parts), default=0) + 1):
        names = ["/".join(path[-depth:]) for path in parts]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _discriminator_of(folder: Path) -> Discriminator | None:
    """Return the saved discriminator; None if the method has none or its class is the user's own."""
    try:
        return load_discriminator(folder)
    except CheckpointError:
        raise
    except UsageError:
        return None

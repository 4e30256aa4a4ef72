"""Which folder a run may write to, and what of it --overwrite may delete."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from seqgan_kit.core.runs.log.lock import LOCK, refuse_file
from seqgan_kit.core.runs.log.records import read_config
from seqgan_kit.errors import UsageError

_FOLDERS = ("samples", "figures", "checkpoints", "model", "tensorboard")
_FILES = ("config.json", "metrics.jsonl", "scores.json", "evaluation.json", "report.html")


def claim(folder: Path, *, resume: bool, overwrite: bool) -> bool:
    """Make sure that ``folder`` may be written to, or say what would make it so.

    Returns:
        Whether there is a run in it that has to be deleted first.
    """
    refuse_file(folder)
    if resume:
        read_config(folder)  # raises for a folder that is no run
        _refuse_links(folder)
        return False
    if not _holds_something(folder):
        _refuse_links(folder)
        return False
    if not overwrite:
        raise UsageError(
            f"{folder} is not empty. Go on with the run in it by --resume {folder}, replace that run "
            "by --overwrite, or choose another folder by --out."
        )
    try:
        read_config(folder)
    except UsageError as error:
        raise UsageError(
            f"will not overwrite {folder}, which does not look like a run: {error} "
            "Choose another folder by --out."
        ) from error
    return True


def _refuse_links(folder: Path) -> None:
    """Refuse links among what a run writes: it would write through them into somebody else's files."""
    own = [folder / name for name in (*_FOLDERS, *_FILES)]
    inside = (path for place in own if place.is_dir() for path in place.rglob("*"))
    for path in (*own, *inside):
        if path.is_symlink():
            raise UsageError(
                f"{path} is a symbolic link to {os.readlink(path)}, and a run writes into its own folder "
                "only. Put what it points to in its place, or remove the link."
            )


def would_delete(folder: Path, path: Path) -> bool:
    """Return whether ``delete_run(folder)`` takes ``path``, or something that a reader of it needs."""
    if not path.exists() or not path.resolve().is_relative_to(folder.resolve()):
        return False
    inside = path.resolve().relative_to(folder.resolve()).parts
    return not inside or inside[0] in (*_FOLDERS, *_FILES)


def delete_run(folder: Path) -> None:
    """Delete what a run wrote; other files stay."""
    for name in _FOLDERS:
        path = folder / name
        if path.is_symlink():
            path.unlink()  # the link is the run's, what it points to may not be
        elif path.exists():
            shutil.rmtree(path)
    # config.json goes last: a deletion cut short leaves what can be overwritten again.
    for name in reversed(_FILES):
        (folder / name).unlink(missing_ok=True)


def _holds_something(folder: Path) -> bool:
    """Empty folders and a config.json of ours do not count: a run that made no step leaves no more."""
    if not folder.exists():
        return False
    others = (path for path in folder.iterdir() if not _is_of_a_start(path.name))
    if any(path.name not in _FOLDERS or any(path.iterdir()) for path in others):
        return True
    return (folder / "config.json").exists() and not _is_run(folder)


def _is_of_a_start(name: str) -> bool:
    """Return whether a run that was killed before its first step may have left a file of this name."""
    return name in (LOCK, "config.json") or (
        name.startswith("config.json.") and name.endswith(".partial")
    )


def _is_run(folder: Path) -> bool:
    try:
        read_config(folder)
    except UsageError:
        return False
    return True

"""Checks of a run's folder: whether the run may write to it, and what --overwrite may delete."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from seqgan_kit.core.runs.log.lock import LOCK, refuse_file
from seqgan_kit.core.runs.log.records import read_config
from seqgan_kit.errors import UsageError

_FOLDERS = ("samples", "figures", "checkpoints", "model", "tensorboard", "wandb")
_FILES = ("config.json", "metrics.jsonl", "scores.json", "evaluation.json", "report.html")


def claim(folder: Path, *, resume: bool, overwrite: bool) -> bool:
    """Check that a run may write to ``folder``; otherwise raise an error that says what to do.

    Returns:
        Whether the folder has a run that must be deleted first.
    """
    refuse_file(folder)
    if resume:
        read_config(folder)  # This raises for a folder that is not a run.
        _refuse_links(folder)
        return False
    if not _holds_something(folder):
        _refuse_links(folder)
        return False
    if not overwrite:
        raise UsageError(
            f"{folder} is not empty. Resume the run in it by --resume {folder}, replace it by "
            "--overwrite, or choose another folder by --out."
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
    """Refuse symbolic links among a run's files: the run would write through them into other files."""
    own = [folder / name for name in (*_FOLDERS, *_FILES)]
    inside = (path for place in own if place.is_dir() for path in place.rglob("*"))
    for path in (*own, *inside):
        if path.is_symlink():
            raise UsageError(
                f"{path} is a symbolic link to {os.readlink(path)}, but a run writes only into its own "
                "folder. Replace the link by what it points to, or remove it."
            )


def would_delete(folder: Path, path: Path) -> bool:
    """Return whether ``delete_run(folder)`` would delete ``path`` or files that its reader needs."""
    if not path.exists() or not path.resolve().is_relative_to(folder.resolve()):
        return False
    inside = path.resolve().relative_to(folder.resolve()).parts
    return not inside or inside[0] in (*_FOLDERS, *_FILES)


def delete_run(folder: Path) -> None:
    """Delete the files that a run wrote; other files stay."""
    for name in _FOLDERS:
        path = folder / name
        if path.is_symlink():
            path.unlink()  # The link belongs to the run, but its target may not.
        elif path.exists():
            shutil.rmtree(path)
    # config.json is deleted last, so that after an interrupted deletion --overwrite still works.
    for name in reversed(_FILES):
        (folder / name).unlink(missing_ok=True)


def _holds_something(folder: Path) -> bool:
    """Return whether the folder has more than a run leaves before its first step."""
    if not folder.exists():
        return False
    others = (path for path in folder.iterdir() if not _is_of_a_start(path.name))
    if any(path.name not in _FOLDERS or any(path.iterdir()) for path in others):
        return True
    return (folder / "config.json").exists() and not _is_run(folder)


def _is_of_a_start(name: str) -> bool:
    """Return whether a run killed before its first step may have left a file of this name."""
    return name in (LOCK, "config.json") or (
        name.startswith("config.json.") and name.endswith(".partial")
    )


def _is_run(folder: Path) -> bool:
    try:
        read_config(folder)
    except UsageError:
        return False
    return True

"""Provenance of a result: command line, versions, revision, machine and time."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

_REPORTED_PACKAGES = ("torch", "numpy", "datasets", "sentencepiece", "sacrebleu")


def provenance() -> dict[str, Any]:
    """Return the provenance of a run: command line, versions, revision of the code, machine, start."""
    program, *arguments = sys.argv or [""]
    # sys.argv[0] is the whole "seqgan-kit run seqgan" if that command started the recipe.
    script = (
        ["python", _from_here(program)] if program.endswith(".py") else Path(program).name.split()
    )
    versions = {"python": platform.python_version(), "seqgan_kit": _version("seqgan-kit")}
    return {
        "command": [*script, *arguments],
        "versions": versions | {name: _version(name) for name in _REPORTED_PACKAGES},
        "git": _git(Path(__file__).resolve().parents[4]),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "world_size": int(os.environ.get("WORLD_SIZE", "1")),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _from_here(program: str) -> str:
    path = Path(program).resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _git(project: Path) -> dict[str, Any] | None:
    """Return the revision of the checkout at ``project``; None without a checkout or git."""

    def ask(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(project), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()

    # If the package is installed inside another repository, git would report that one.
    if not (project / ".git").exists():
        return None
    try:
        revision = ask("rev-parse", "HEAD")
        dirty = bool(ask("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"revision": revision, "dirty": dirty}

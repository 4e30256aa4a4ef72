"""Where a result comes from."""

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
    """Where a result comes from: command line, versions, revision of the code, machine, start."""
    program, *arguments = sys.argv or [""]
    # "seqgan-kit run seqgan" stands in one word for the program that started a recipe.
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
    """Revision of the checkout at ``project``, or None where there is no checkout or no git."""

    def ask(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(project), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()

    # Installed inside someone's own repository, git would answer with theirs.
    if not (project / ".git").exists():
        return None
    try:
        revision = ask("rev-parse", "HEAD")
        dirty = bool(ask("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"revision": revision, "dirty": dirty}

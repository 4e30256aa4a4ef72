"""Runs Python programs one after the other in one other process, as if each had a process of its own.

To import torch, to make the first optimizer and to compile the cat world take several seconds of every
process, most of what a program takes that trains for a moment.

    with OneProcess(folder) as shell:
        done = shell.run(["recipes/mle.py", "smoke", "--out", "run"])
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path


class OneProcess:
    """A process in a folder that waits for programs; ``with`` ends it."""

    def __init__(self, folder: Path):
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by __exit__
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )

    def run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """Runs the Python file ``words[0]`` with the other words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            self._complaints.seek(0)
            raise RuntimeError(f"the process died of {words}:\n{self._complaints.read()[-2000:]}")
        return subprocess.CompletedProcess(words, *json.loads(answer))

    def __enter__(self) -> OneProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._complaints.close()


def _run(words: list[str]) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    sys.argv, code, out, errors = words, 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            runpy.run_path(words[0], run_name="__main__")
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
            code = 1
    return code, out.getvalue(), errors.getvalue()


def _serve() -> None:
    """Answers on a copy of standard output; what a program's own children write there goes elsewhere."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    _serve()

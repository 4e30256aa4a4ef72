"""One call in a process of its own: a crash, a hang or a traceback there costs nothing here.

The process is a fork of this one, which has imported everything already, so that a call takes milliseconds.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seqgan_kit.errors import SeqganKitError

_MEMORY_BYTES = 10 << 30
_PROJECT = ("seqgan_kit", "image_gans", "recipes")


@dataclass(frozen=True)
class Outcome:
    """How a call ended."""

    kind: str
    """done, refused, traceback, hang or signal."""
    where: str = ""
    """What makes a failure the same as another: its type, and the line that it came from."""
    text: str = ""
    """The message or the traceback."""

    @property
    def failed(self) -> bool:
        return self.kind in ("traceback", "hang", "signal")


def outcome_of(act: Callable[[], object], folder: Path, seconds: float) -> Outcome:
    """Run ``act`` in ``folder``, in a child that is killed after so many seconds."""
    read, write = os.pipe()
    stacks = folder.parent / "stacks.txt"
    child = os.fork()
    if child == 0:
        os.close(read)
        _be_the_child(act, folder, stacks, write)
    os.close(write)
    try:
        told = _told(read, time.monotonic() + seconds)
        if told is None:
            os.kill(child, signal.SIGUSR1)
            time.sleep(0.2)
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(read)
        _, status = os.waitpid(child, 0)
    if told is None:
        stack = stacks.read_text(errors="replace")
        return Outcome("hang", _first_of_ours(stack), stack)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        stack = stacks.read_text(errors="replace")
        return Outcome("signal", f"{name} {_first_of_ours(stack)}", stack)
    return Outcome(**json.loads(told))


def _told(read: int, deadline: float) -> bytes | None:
    """What the child says until it ends; None where it says nothing in time."""
    content = b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([read], [], [], left)[0]:
            piece = os.read(read, 1 << 16)
            if not piece:
                return content
            content += piece
    return None


def _be_the_child(act: Callable[[], object], folder: Path, stacks: Path, write: int) -> None:
    try:
        os.chdir(folder)
        nowhere, log = os.open(os.devnull, os.O_RDONLY), stacks.open("w")
        os.dup2(nowhere, 0)
        os.dup2(os.open(folder.parent / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        faulthandler.enable(log)
        faulthandler.register(signal.SIGUSR1, log)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            os.write(write, json.dumps(vars(_ending(act))).encode())
        sys.stdout.flush()
    finally:
        os._exit(0)


def _ending(act: Callable[[], object]) -> Outcome:
    try:
        act()
    except SeqganKitError as error:
        return Outcome("refused", text=str(error))
    except SystemExit as end:
        return Outcome("done" if end.code in (0, None) else "refused", text=str(end.code))
    except BaseException as error:
        frames = [
            f"{Path(frame.filename).name}:{frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
            if _is_ours(frame.filename)
        ]
        told = "".join(traceback.format_exception(error))
        return Outcome(
            "traceback", f"{type(error).__name__} in {' < '.join(frames[:-3:-1])}", told[-20_000:]
        )
    return Outcome("done")


def _is_ours(path: str) -> bool:
    return any(f"/{room}/" in path for room in _PROJECT) and "site-packages" not in path


def _first_of_ours(stack: str) -> str:
    """The innermost line of the project in what faulthandler wrote."""
    for line in stack.splitlines():
        if _is_ours(line):
            path, _, rest = line.strip().removeprefix("File ").partition(",")
            return f"{Path(path.strip(chr(34))).name}:{rest.split(' in ')[-1]}"
    return "elsewhere"

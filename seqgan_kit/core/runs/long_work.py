"""Show on stderr that long work continues: a spinner in a terminal, occasional lines in a log.

with long_work("scoring") as step:
    step("MLE")
    ...
    step("SeqGAN")
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.text import Text

from seqgan_kit.core.runs.readings import duration

LINE_SECONDS = 10.0
"""Time between two lines in a log; shorter work prints nothing."""

Step = Callable[[str], None]


@contextmanager
def long_work(
    what: str, *, quiet: bool = False, line_seconds: float = LINE_SECONDS
) -> Iterator[Step]:
    """Show the work's name, current step and elapsed time; call the yielded function with a step's name."""
    if quiet:
        yield lambda step: None
        return
    console = Console(stderr=True, highlight=False)
    alive = console.is_terminal and not console.is_dumb_terminal
    began, ended, at = time.monotonic(), threading.Event(), [""]

    def line() -> str:
        name = f"{what}: {at[0]}" if at[0] else what
        return f"{name}  {duration(time.monotonic() - began)} so far"

    def tick() -> None:
        while not ended.wait(1.0 if alive else line_seconds):
            if status is not None:
                status.update(Text(line()))
            else:
                stamp = time.strftime("%H:%M:%S")
                console.print(Text(f"{stamp}  {line()}"), soft_wrap=True)

    def step(name: str) -> None:
        at[0] = name

    ticking = threading.Thread(target=tick, daemon=True)
    with console.status(Text(what)) if alive else nullcontext() as status:
        ticking.start()
        try:
            yield step
        finally:
            ended.set()
            ticking.join()

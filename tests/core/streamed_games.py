"""Training from a stream whose processes have shares of different sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import tiny_games as tiny

from seqgan_kit.core.runs.run import open_run
from seqgan_kit.data.sources.streaming import Record, StreamFeed
from seqgan_kit.errors import Interrupted

ROWS, SCARCE = 64, 16
CONFIG = tiny.Config("likelihood", batch=4, rounds=3)


def is_usable(place: int) -> bool:
    """Return whether a row can be used: of those of the second process, one in eight."""
    return place % 2 == 0 or place % SCARCE == 1


def _play(
    folder: Path, seen: list[int], *, resume: bool = False, act: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Train on the stream; ``seen`` gets the positions of the rows that this process reads."""
    rows = tiny.sentences(ROWS)

    def records(start: int, rank: int, world_size: int) -> Iterator[Record]:
        for place in range(start, ROWS):
            if place % world_size == rank and is_usable(place):
                seen.append(place)
                yield place, {"real": rows[place]}

    run_settings = replace(CONFIG.run, **({"resume": folder} if resume else {"out": folder}))
    with open_run("streamed", replace(CONFIG, run=run_settings)) as run:
        feed = StreamFeed(records, CONFIG.batch, rows=ROWS, shuffle_buffer=5, **run.share())
        made = tiny.trainer(run, CONFIG, feed=feed)
        if act is not None:
            tiny.before_moves(made, act)
        made.fit()
    return dict(made.game.state_dict())


def _stopped(folder: Path, rank: int) -> dict[str, Any]:
    """Stop twice by a signal to one process, and resume to the end."""
    seen: list[int] = []
    for number, move in enumerate((5, 13)):
        act = tiny.signal_in(move) if rank == number else None
        try:
            _play(folder, seen, resume=number > 0, act=act)
        except Interrupted:
            continue
        raise AssertionError("the run did not stop")
    return _play(folder, seen, resume=True)


def _whole(folder: Path) -> dict[str, Any]:
    seen: list[int] = []
    return {"game": _play(folder, seen), "seen": sorted(set(seen))}


def streamed_stages(rank: int) -> dict[str, Callable[[Path], Any]]:
    """Return the trainings by name."""
    return {"streamed": _whole, "streamed-resumed": lambda folder: _stopped(folder, rank)}

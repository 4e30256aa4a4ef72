"""Training with two processes; each writes a report of its results.

    torchrun --nproc_per_node 2 tests/core/two_ranks.py FOLDER

The second process gets a folder of its own, as on another machine; it must neither read nor write anything
there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import tiny_games as tiny
import torch
from sharded_games import sharded_stages
from streamed_games import streamed_stages
from tiny_games import Batch, Loss, Move

from seqgan_kit.core.runs.run import open_run
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.errors import Interrupted, TrainingError

RANK = int(os.environ.get("RANK", 0))

SEQGAN = tiny.Config("seqgan", batch=8, rounds=2)
PENALTY = tiny.Config("penalty", batch=8, rounds=5)
STOPPED = tiny.Config("stopped", batch=8)
LIKELIHOOD = tiny.Config("likelihood", batch=4, rounds=3)


def whole(config: tiny.Config, folder: Path) -> dict[str, Any]:
    """Train without an interruption."""
    return tiny.play(config, folder).game.state_dict()


def stopped(config: tiny.Config, folder: Path, moves: tuple[int, ...], rank: int) -> dict[str, Any]:
    """Send SIGTERM to one process in each of these updates; then resume the run to its end."""
    seen: list[tuple[int, int, str]] = []
    for number, move in enumerate(moves):
        act = tiny.signal_in(move) if rank == RANK else None
        try:
            tiny.play(config, folder, resume=number > 0, act=act)
        except Interrupted as stop:
            seen.append((stop.exit_code, move, str(stop)))
    game = tiny.play(config, folder, resume=True).game
    return {"stops": seen, "game": game.state_dict()}


def broken_off(
    config: tiny.Config, folder: Path, moves: tuple[int, ...], rank: int
) -> dict[str, Any]:
    """Interrupt each of these updates in one process only; then resume the run to its end."""
    seen: list[tuple[int, int, str]] = []
    for number, move in enumerate(moves):

        def prepare(made: tiny.Trainer, move: int = move) -> None:
            if rank == RANK:
                tiny.break_off_in(made, move)

        try:
            tiny.play(config, folder, resume=number > 0, prepare=prepare)
        except Interrupted as stop:
            seen.append((stop.exit_code, move, str(stop)))
    game = tiny.play(config, folder, resume=True).game
    return {"stops": seen, "game": game.state_dict()}


def killed(config: tiny.Config, folder: Path, moves: tuple[int, ...]) -> dict[str, Any]:
    """Kill both processes in each of these updates, with a timed checkpoint after every update."""
    config = replace(config, run=replace(config.run, save_every_minutes=1e-9))
    for number, move in enumerate(moves):
        try:
            tiny.play(config, folder, resume=number > 0, act=tiny.kill_in(move))
        except tiny.Killed:
            continue
    return tiny.play(config, folder, resume=True).game.state_dict()


def not_finite(config: tiny.Config, folder: Path) -> str:
    """Give only the second process a loss that is not finite."""

    def act(made: tiny.Trainer) -> None:
        loss = made.game.loss

        def broken(name: str, batch: Batch, move: Move) -> Loss:
            found = loss(name, batch, move)
            bad = RANK == 1 and made.state.cursor.total_moves == 4
            return Loss(found.total * float("nan"), found.logs) if bad else found

        made.game.loss = broken

    try:
        settings = replace(config.run, out=folder)
        with open_run("tiny", replace(config, run=settings)) as run:
            made = tiny.trainer(run, config)
            act(made)
            made.fit()
    except TrainingError as error:
        return str(error)
    return "nothing"


def seeds(folder: Path) -> dict[str, float]:
    """Return the first numbers of every source of randomness."""
    import random

    import numpy as np

    with open_run("tiny", replace(SEQGAN, run=replace(SEQGAN.run, out=folder))) as run:
        drawn = {"torch": torch.rand(()).item(), "python": random.random()}
        drawn["numpy"] = float(np.random.rand())  # noqa: NPY002
        rng = run.runtime.generator("moves")
        drawn["moves"] = torch.rand((), generator=rng).item()
        drawn["rows"] = (
            run.feed({"x": torch.rand(4) * 0 + torch.arange(4)}, 1).next_batch()["x"].item()
        )
    return drawn


STAGES: dict[str, Callable[[Path], Any]] = {
    "seeds": seeds,
    "seqgan": lambda folder: whole(SEQGAN, folder),
    "penalty": lambda folder: whole(PENALTY, folder),
    "stopped": lambda folder: whole(STOPPED, folder),
    "likelihood": lambda folder: whole(LIKELIHOOD, folder),
    "seqgan-resumed": lambda folder: stopped(SEQGAN, folder, (3, 9, 20), rank=1),
    "penalty-resumed": lambda folder: stopped(PENALTY, folder, (1, 2, 12), rank=0),
    "seqgan-broken-off": lambda folder: broken_off(SEQGAN, folder, (3, 9, 20), rank=1),
    "penalty-broken-off": lambda folder: broken_off(PENALTY, folder, (1, 3, 12), rank=0),
    "seqgan-killed": lambda folder: killed(SEQGAN, folder, (2, 11, 22)),
    "penalty-killed": lambda folder: killed(PENALTY, folder, (4, 6, 13)),
    "not-finite": lambda folder: not_finite(PENALTY, folder),
    **sharded_stages(RANK),
    **streamed_stages(RANK),
}


def main(folder: Path) -> None:
    """Run every stage and write the results of this process."""
    torch.distributed.init_process_group("gloo")
    Runtime.close = lambda self: None  # type: ignore[method-assign]  # one group serves all stages
    place = folder if RANK == 0 else folder / "another machine"
    found = {name: stage(place / name) for name, stage in STAGES.items()}
    torch.save(found, folder / f"rank{RANK}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What the trainer keeps: checkpoints that resume exactly, the best players, players at a phase's end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from seqgan_kit.core.checkpoint import (
    checkpoint_path,
    keep_last,
    numbered_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from seqgan_kit.core.game import Phase
from seqgan_kit.core.runtime import restore_rng_state, rng_state
from seqgan_kit.errors import CheckpointError, UsageError, unknown

if TYPE_CHECKING:
    from seqgan_kit.core.trainer import Trainer


class Keeper:
    """The trainer's memory on disk."""

    def __init__(self, trainer: Trainer):
        self.trainer, self.settings = trainer, trainer.run.settings
        self.folder = trainer.log.checkpoint_folder
        self.best: dict[str, float] = {}
        """Best value of every watched metric: the run's, and each early stop's (reset by phase)."""
        self.waited: dict[str, int] = {}
        self._saved_at = time.monotonic()

    def save(self) -> None:
        """Writes a checkpoint of everything at the present move."""
        state = self._capture()
        if self.trainer.runtime.leads:
            write_checkpoint(checkpoint_path(self.folder, state["cursor"]["total_moves"]), state)
            keep_last(self.folder, self.settings.keep_checkpoints)
        self._saved_at = time.monotonic()

    def save_if_due(self) -> None:
        """Saves when the last checkpoint is old; with several processes only rounds and phases save."""
        age_minutes = (time.monotonic() - self._saved_at) / 60
        if self.trainer.runtime.world_size == 1 and age_minutes >= self.settings.save_every_minutes:
            self.save()

    def resume(self) -> None:
        """Goes to the newest checkpoint if the run is a resumed one; without any it starts afresh."""
        if not self.trainer.run.resumed:
            return
        found = numbered_checkpoints(self.folder)
        if found:
            state = read_checkpoint(found[-1], self.trainer.runtime.device)
            self._restore(state)
        else:
            self.trainer.log.truncate(0)

    def advice(self) -> str:
        """Where to go back to."""
        found = numbered_checkpoints(self.folder)
        return (
            f"The last good checkpoint is {found[-1]}."
            if found
            else "No checkpoint was written yet."
        )

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Looks at the game without leaving a trace: eval mode, averages playing, randomness put back."""
        trainer = self.trainer
        before = rng_state([trainer.rng])
        try:
            with trainer.averages.in_place_of_players(trainer.game), torch.no_grad():
                trainer.game.eval()
                yield
        finally:
            trainer.game.train()
            restore_rng_state(before, [trainer.rng])

    def judge(self, phase: Phase, values: Mapping[str, float]) -> bool:
        """Keeps the players if they are the best so far; True if the phase's patience is over."""
        metric = self.settings.best_metric
        if metric and self._improves("run", metric, values, self.settings.best_is):
            self._write_players("best")
        stop = phase.early_stop
        if stop is None:
            return False
        if self._improves(phase.name, stop.metric, values, stop.better):
            self.waited[phase.name] = 0
            self._write_players(f"best-of-{phase.name}")
            return False
        self.waited[phase.name] = self.waited.get(phase.name, 0) + 1
        return self.waited[phase.name] >= stop.patience_evaluations

    def end_phase(self, phase: Phase) -> None:
        """Returns to the phase's best players if it asks for that; keeps them aside if it asks for that."""
        if phase.early_stop is not None and phase.early_stop.restore_best:
            path = self.folder / f"best-of-{phase.name}.pt"
            self.load_players(read_checkpoint(path, self.trainer.runtime.device))
        if phase.keep:
            self._write_players(f"after-{phase.name}")

    def load_players(self, state: Mapping[str, Any]) -> None:
        """Loads the shared players and their averages."""
        game, own = self.trainer.game, set(self.trainer.game.private_players())
        try:
            for name, saved in state["players"].items():
                game.players[name].load_state_dict(saved)
            if set(state["players"]) != set(game.players) - own:
                raise KeyError(f"players {sorted(state['players'])}")
            self.trainer.averages.load_state_dict(state["averages"])
        except (RuntimeError, KeyError) as error:
            raise CheckpointError(
                f"the checkpoint is of another game than this run's: {error}. Resume with the settings that "
                "the run was started with."
            ) from error

    def _improves(self, key: str, metric: str, values: Mapping[str, float], better: str) -> bool:
        if metric not in values:
            raise unknown("metric of the evaluation", metric, values.keys())
        if better not in ("lower", "higher"):
            raise UsageError(f"a metric is better 'lower' or 'higher', not {better!r}.")
        value, best = values[metric], self.best.get(key)
        if math.isnan(value) or (best is not None and (value >= best) == (better == "lower")):
            return False
        self.best[key] = value
        return True

    def _write_players(self, name: str) -> None:
        if self.trainer.runtime.leads:
            write_checkpoint(self.folder / f"{name}.pt", self._players())

    def _players(self) -> dict[str, Any]:
        game, own = self.trainer.game, set(self.trainer.game.private_players())
        shared = {n: p.state_dict() for n, p in game.players.items() if n not in own}
        return {"players": shared, "averages": self.trainer.averages.state_dict()}

    def _course(self) -> list[str]:
        """What must agree between a run and its checkpoint: the order of play."""
        return [
            f"{phase.name}: {', '.join(t.players)}: {t.loss or t.rule}"
            for phase in self.trainer.phases
            for t in phase.turns
        ]

    def _capture(self) -> dict[str, Any]:
        t = self.trainer
        private = {n: t.game.players[n].state_dict() for n in t.game.private_players()}
        own = {
            "private_players": private,
            "rng": rng_state([t.rng]),
            "feeds": {name: feed.state_dict() for name, feed in t.feeds.items()},
        }
        return {
            **self._players(),
            "stepper": t.stepper.state_dict(),
            "cursor": t.cursor.state_dict(),
            "sums": t.sums.state_dict(),
            "tally": t.tally,
            "best": self.best,
            "waited": self.waited,
            "course": self._course(),
            "metrics_bytes": t.log.position(),
            "ranks": t.runtime.gather(own),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        t = self.trainer
        if state["course"] != self._course():
            raise CheckpointError(
                "the checkpoint was made by a run with other phases or turns; resume it with the method and "
                "the settings it was started with."
            )
        if len(state["ranks"]) != t.runtime.world_size:
            raise CheckpointError(
                f"the run was made by {len(state['ranks'])} process(es) and is resumed by "
                f"{t.runtime.world_size}; exact resumption needs the same number."
            )
        self.load_players(state)
        t.stepper.load_state_dict(state["stepper"])
        t.cursor.load_state_dict(state["cursor"])
        t.sums.load_state_dict(state["sums"])
        t.tally, self.best, self.waited = (dict(state[k]) for k in ("tally", "best", "waited"))
        t.log.truncate(state["metrics_bytes"])
        own = state["ranks"][t.runtime.rank]
        for name, saved in own["private_players"].items():
            t.game.players[name].load_state_dict(saved)
        for name, position in own["feeds"].items():
            t.feeds[name].load_state_dict(position)
        restore_rng_state(_to_cpu(own["rng"]), [t.rng])


def _to_cpu(state: dict[str, Any]) -> dict[str, Any]:
    """Random states live on the CPU whatever device a checkpoint is loaded to."""

    def move(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.cpu()
        return [move(item) for item in value] if isinstance(value, list) else value

    return {name: move(value) for name, value in state.items()}

"""Files that a run keeps: checkpoints for exact resumption, best players, players at the end of a phase."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch

from seqgan_kit.core.game import Phase
from seqgan_kit.core.runs.runtime import restore_rng_state, rng_state
from seqgan_kit.core.training.checkpoint import (
    checkpoint_path,
    keep_last,
    write_checkpoint,
)
from seqgan_kit.core.training.recovery import set_newer_aside, shared_checkpoint, shared_newest
from seqgan_kit.core.training.resumption import check_same_place, note_changes
from seqgan_kit.core.training.setting_changes import settings_of
from seqgan_kit.core.training.state import TrainingState
from seqgan_kit.errors import CheckpointError, UsageError, unknown


class Keeper:
    """Save and restore the state of a training run."""

    def __init__(self, state: TrainingState):
        self.state, self.settings = state, state.run.settings
        self.folder = state.log.checkpoint_folder
        self.best: dict[str, float] = {}
        """Best value of every watched metric: the run's under "", those of early stops under their phase."""
        self.waited: dict[str, int] = {}
        self._saved_at = time.monotonic()
        self._check_watched()

    def save(self) -> None:
        """Write a checkpoint at the current update, if its losses are finite."""
        self.state.finite.flush()
        state = self._capture()
        if self.state.runtime.leads:
            write_checkpoint(checkpoint_path(self.folder, state["cursor"]["total_moves"]), state)
            keep_last(self.folder, self.settings.keep_checkpoints)
            self._export()
        self.state.sharding.release()
        self._saved_at = time.monotonic()

    def _export(self) -> None:
        """Export the current model, so that a stopped run can be sampled from."""
        if export := getattr(self.state.hooks.evaluate, "export", None):
            at = {"unfinished": {"round": self.state.cursor.total_rounds}}
            with self.state.aside():
                export(self.state.game, self.state.log.model_folder, at)

    def due(self) -> bool:
        """Return whether a checkpoint is due; rank 0's clock decides."""
        age_minutes = (time.monotonic() - self._saved_at) / 60
        return self.state.runtime.leads and age_minutes >= self.settings.save_every_minutes

    def resume(self) -> None:
        """Restore the newest checkpoint of a resumed run; without one, training starts from the beginning."""
        if not self.state.run.resumed:
            return
        found = shared_newest(self.state.runtime, self.folder)
        if found is None:
            self.state.log.truncate(0)
            return
        path, state, problems = found
        self._restore(state)
        if problems and self.state.runtime.leads:
            set_newer_aside(self.folder, path)
            self.state.progress.alarm(
                f"{problems[0].split(' The last good one')[0]} Going on from the one before: {path}."
            )

    def judge(self, phase: Phase, values: Mapping[str, float]) -> bool:
        """Save the players if they are the best so far; return whether the phase's patience is over."""
        metric = self.settings.best_metric
        if metric and self._improves("", metric, values, self.settings.best_is):
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
        """Restore the phase's best players and save the players at its end, if the phase requests it."""
        stop = phase.early_stop
        if stop is not None and stop.restore_best and phase.name in self.best:
            best = self.folder / f"best-of-{phase.name}.pt"
            self.load_players(shared_checkpoint(self.state.runtime, best))
        if phase.keep:
            self._write_players(f"after-{phase.name}")

    def load_players(self, state: Mapping[str, Any]) -> None:
        """Load the shared players and their averages."""
        game, own = self.state.game, set(self.state.game.private_players())
        try:
            for name, saved in state["players"].items():
                _check_shapes(name, saved, game.players[name].state_dict())
                self.state.sharding.load(name, game.players[name], saved)
            if set(state["players"]) != set(game.players) - own:
                raise KeyError(f"players {sorted(state['players'])}")
            self.state.averages.load_state_dict(state["averages"])
        except (RuntimeError, KeyError) as error:
            raise CheckpointError(
                f"the checkpoint is of another game than this run's: {error.args[0]}. Resume with the "
                "settings that the run was started with."
            ) from error

    def _check_watched(self) -> None:
        """Raise UsageError, before training, for metrics that are never measured."""
        evaluates, names = self.state.hooks.evaluate is not None, set[str]()
        if self.settings.best_metric and not evaluates:
            raise UsageError(
                f"best_metric is {self.settings.best_metric!r}, but this run evaluates nothing."
            )
        for phase in self.state.phases:
            if phase.early_stop is not None and not (evaluates and phase.evaluate_every(1) > 0):
                raise UsageError(
                    f"phase {phase.name!r} stops early by {phase.early_stop.metric!r}, so it needs an "
                    "evaluation every so many rounds (evaluate_every_rounds above 0)."
                )
            if phase.name in names:
                raise UsageError(
                    f"two phases are called {phase.name!r}; what is kept of one would replace the other's."
                )
            names.add(phase.name)

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
        players = self._players()
        if self.state.runtime.leads:
            write_checkpoint(self.folder / f"{name}.pt", players)
        self.state.sharding.release()

    def _players(self) -> dict[str, Any]:
        """Return the shared players and averages; all processes must call this, and rank 0 has them whole."""
        game, own = self.state.game, set(self.state.game.private_players())
        self.state.collect()
        state_of = self.state.sharding.state_of
        shared = {n: state_of(n, p) for n, p in game.players.items() if n not in own}
        return {"players": shared, "averages": self.state.averages.state_dict()}

    def _course(self) -> list[str]:
        """Return what must be equal in a run and its checkpoint: seed, order of turns, batches."""
        return (
            [f"seed {self.settings.seed}"]
            + [
                f"{phase.name}: {', '.join(t.players)}: {t.loss or t.rule}"
                + (f" by {t.optimizer.name}" if t.optimizer is not None else "")
                for phase in self.state.phases
                for t in phase.turns
            ]
            + [f"{name}: {f.batches_per_epoch} batches" for name, f in self.state.feeds.items()]
        )

    def _capture(self) -> dict[str, Any]:
        t = self.state
        private = {n: t.game.players[n].state_dict() for n in t.game.private_players()}
        own = {
            "private_players": private,
            "rng": rng_state([t.rng]),
            "feeds": {name: feed.state_dict() for name, feed in t.feeds.items()},
            "sums": t.sums.state_dict(),
            # Within a round, every process has its own running statistics.
            "buffers": t.shared_buffers() if t.runtime.world_size > 1 else [],
        }
        return {
            **self._players(),
            "stepper": t.stepper.state_dict(),
            "cursor": t.cursor.state_dict(),
            "tally": t.tally,
            "best": self.best,
            "waited": self.waited,
            "course": self._course(),
            "device": t.runtime.device.type,
            "settings": settings_of(t.run.record),
            "metrics_bytes": t.log.position(),
            "ranks": t.runtime.gather(_to_cpu(own)) if t.runtime.world_size > 1 else [own],
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        t = self.state
        if state["course"] != self._course():
            was, now = set(state["course"]), set(self._course())
            raise CheckpointError(
                "the checkpoint was made by a run with other phases, turns or batches; resume it with the "
                f"settings it was started with. It has {sorted(was - now)}, this run {sorted(now - was)}."
            )
        check_same_place(t.runtime, state)
        self.load_players(state)
        t.stepper.load_state_dict(state["stepper"])
        t.cursor.load_state_dict(state["cursor"])
        t.tally, self.best, self.waited = (dict(state[k]) for k in ("tally", "best", "waited"))
        own = state["ranks"][t.runtime.rank]
        t.sums.load_state_dict(own["sums"], t.runtime.device)
        for name, saved in own["private_players"].items():
            t.game.players[name].load_state_dict(saved)
        for name, position in own["feeds"].items():
            t.feeds[name].load_state_dict(position)
        with torch.no_grad():
            for buffer, saved in zip(t.shared_buffers(), own["buffers"], strict=False):
                buffer.copy_(saved)
        restore_rng_state(own["rng"], [t.rng])
        # This comes last because it writes first; a run that cannot be resumed stays unchanged.
        note_changes(t, state)
        t.log.truncate(state["metrics_bytes"])


def _check_shapes(player: str, saved: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Raise KeyError for the first tensor of another shape; torch would list all of them."""
    for name in (name for name in here if name in saved):
        theirs, ours = list(saved[name].shape), list(here[name].shape)
        if theirs != ours:
            raise KeyError(f"{player}'s {name} has shape {theirs} there and {ours} here")


def _to_cpu(value: Any) -> Any:
    """Move nested tensors to the CPU; otherwise receivers would put them all on the sender's device."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, Mapping):
        return {name: _to_cpu(item) for name, item in value.items()}
    return [_to_cpu(item) for item in value] if isinstance(value, list | tuple) else value

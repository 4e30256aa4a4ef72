"""Checks and messages before a run resumes from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.training.setting_changes import (
    OF_SCORES,
    changed_settings,
    in_lines,
    settings_of,
)
from seqgan_kit.core.training.state import TrainingState
from seqgan_kit.errors import CheckpointError


def check_same_place(runtime: Runtime, state: Mapping[str, Any]) -> None:
    """Refuse a number of processes or a kind of device that differs from the checkpoint's."""
    if len(state["ranks"]) != runtime.world_size:
        raise CheckpointError(
            f"the run was made by {len(state['ranks'])} process(es) and is resumed by "
            f"{runtime.world_size}; exact resumption needs the same number."
        )
    if state["device"] != runtime.device.type:
        raise CheckpointError(
            f"the run was made on {state['device']} and is resumed on {runtime.device.type}, which "
            f"draws other random numbers; resume it with --device {state['device']}, or start a new run."
        )


def note_changes(here: TrainingState, saved: Mapping[str, Any]) -> None:
    """Print and record the settings that differ from those of the checkpoint."""
    now = settings_of(here.run.record)
    changes = changed_settings(saved.get("settings", now), now)
    finished = here.finished
    here.log.note_resumption(here.cursor.total_rounds, changes, finished=finished)
    if finished:
        changes = {k: v for k, v in changes.items() if not k.startswith(f"{OF_SCORES}.")}
    if changes:
        told = (
            "These settings differ from the run's and are not used, since its training has finished"
            if finished
            else "These settings differ from those of the checkpoint"
        )
        here.run.say(f"{told} (then → now):\n{in_lines(changes)}")

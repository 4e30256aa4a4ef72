"""Plan of a comparison: arms and a budget become runs, each with its exact command."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from seqgan_kit.cli.compare.arm_settings import (
    arm_settings,
    control_of,
    shared_settings,
)
from seqgan_kit.cli.compare.arms import Arm
from seqgan_kit.cli.engines.planned_run import PlannedRun, run_folder
from seqgan_kit.errors import UsageError
from seqgan_kit.report.comparison.arm_runs import (
    BASELINE,
    START,
    role_of_reward,
    updates_per_round,
)

SHARED_FILE = "shared.json"


@dataclass(frozen=True)
class Budget:
    """Budget of every arm after the common start."""

    kind: Literal["updates", "seconds"] = "updates"
    """Unit of the budget."""
    updates: int = 0
    """Updates of the generator; 0 keeps each recipe's schedule."""
    seconds: float = 0.0
    """Wall-clock seconds of training, evaluations included."""


@dataclass(frozen=True)
class Plan:
    """All runs of a comparison."""

    arms: tuple[Arm, ...]
    runs: tuple[PlannedRun, ...]
    shared: dict[str, Any]
    """Settings that all runs share, as written to shared.json."""


def make_plan(
    asked: Sequence[Arm],
    out: Path,
    seeds: Sequence[int],
    budget: Budget,
    *,
    preset: str,
    shared_words: Sequence[str] = (),
    trains_baseline: bool = True,
) -> Plan:
    """Plan the runs of a comparison and check all settings.

    Args:
        asked: methods; a control is added.
        out: folder of the comparison.
        seeds: seeds of the runs.
        budget: budget of every arm.
        preset: preset of every method's recipe.
        shared_words: flags for all runs.
        trains_baseline: False if MLE's runs exist already.
    """
    shared, pretraining = shared_settings(asked, preset, shared_words)
    arms = {arm.name: arm for arm in asked}
    configs = {name: arm_settings(arm, preset, shared) for name, arm in arms.items()}
    for name, config in configs.items():
        role = role_of_reward(getattr(config.method, "reward", None))
        arms[name] = replace(arms[name], role=role)
    if control := control_of(arms, configs):
        arms[control.name] = control
        configs[control.name] = arm_settings(control, preset, shared)
    training = configs[asked[0].name].training
    start = replace(training, **pretraining)
    updates = max(_updates(arms[name], config, budget) for name, config in configs.items())
    limits = {name: _limit(config, budget) for name, config in configs.items()}
    baseline = (Arm(BASELINE, BASELINE, role="baseline"),) if trains_baseline else ()
    runs = []
    for seed in seeds:
        runs.append(_start_run(start, seed, out))
        if trains_baseline:
            runs.append(_baseline_run(training, updates, seed, out, budget))
        for name, arm in arms.items():
            words = (preset, *_from_start(out, seed), *limits[name], *arm.flags)
            runs.append(_run(arm, words, seed, out, budget.seconds))
    return Plan(
        (Arm(START, BASELINE, role="start"), *baseline, *arms.values()), tuple(runs), shared
    )


def write_shared(plan: Plan, out: Path) -> None:
    """Write shared.json; refuse a folder whose runs have other shared settings."""
    path, text = out / SHARED_FILE, json.dumps(plan.shared, indent=2) + "\n"
    begun = any(run.folder.exists() for run in plan.runs)
    if begun and path.exists() and path.read_bytes() != text.encode():
        raise UsageError(
            f"{out} holds runs with other shared settings (see {path}): choose another folder "
            "with --out, or delete this one."
        )
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file: give a folder.")
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _updates(arm: Arm, config: Any, budget: Budget) -> int:
    """Return the number of updates of the arm's generator, adversarial and by teacher forcing."""
    per_round = _per_round(config)
    if not per_round:
        raise UsageError(
            f"arm {arm.name!r} never updates its generator: give it at least one round."
        )
    if not budget.updates:
        return int(config.training.rounds) * per_round
    if "--rounds" in arm.flags:
        raise UsageError(f"arm {arm.name!r}: --rounds contradicts --updates; give one of them.")
    return math.ceil(budget.updates / per_round) * per_round


def _per_round(config: Any) -> int:
    from seqgan_kit.core.runs.settings import to_dict

    return updates_per_round(to_dict(config))


def _limit(config: Any, budget: Budget) -> tuple[str, ...]:
    if not budget.updates:
        return ()
    return "--rounds", str(math.ceil(budget.updates / _per_round(config)))


def _start_run(training: Any, seed: int, out: Path) -> PlannedRun:
    """Return the MLE run that equals the first arm's pretraining; it keeps its best evaluation."""
    epochs = max(1, math.ceil(training.mle_epochs))
    words = (
        "--config", str(out / SHARED_FILE),
        "--batch-size", str(training.batch_size),
        "--mle-epochs", str(training.mle_epochs),
        "--mle-learning-rate", str(training.mle_learning_rate),
        "--mle-schedule", training.mle_schedule,
        "--evaluate-every-epochs", str(math.ceil(epochs / 15)),
        "--patience-evaluations", str(epochs),
    )  # fmt: skip
    return _run(Arm(START, BASELINE, role="start"), words, seed, out)


def _baseline_run(training: Any, updates: int, seed: int, out: Path, budget: Budget) -> PlannedRun:
    """Return the MLE run that continues with the budget of the others; it keeps its best evaluation."""
    words = (
        *_from_start(out, seed),
        "--batch-size", str(training.batch_size),
        *([] if budget.seconds else ["--mle-moves", str(updates)]),
        "--mle-learning-rate", str(training.generator_learning_rate),
        "--mle-schedule", "linear",
        "--patience-evaluations", "10",
    )  # fmt: skip
    return _run(Arm(BASELINE, BASELINE, role="baseline"), words, seed, out, budget.seconds)


def _from_start(out: Path, seed: int) -> tuple[str, ...]:
    start = run_folder(out, START, seed)
    return "--config", str(out / SHARED_FILE), "--pretrained", str(start)


def _run(
    arm: Arm, words: tuple[str, ...], seed: int, out: Path, seconds: float = 0.0
) -> PlannedRun:
    folder = run_folder(out, arm.name, seed)
    # Runs must be as long as planned on any data, so that the comparison is fair.
    words = (*words, "--most-work", "0", "--seed", str(seed), "--out", str(folder))
    start = None if arm.role == "start" else run_folder(out, START, seed)
    return PlannedRun(arm.name, seed, arm.recipe, words, folder, start, seconds)

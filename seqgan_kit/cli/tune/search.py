"""The search: Optuna proposes settings, runs are trained, hopeless ones are stopped."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from seqgan_kit.cli.tune.space import Setting, words_of
from seqgan_kit.cli.tune.trial_run import TrialOutcome, run_trial
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.errors import DataError, TrainingError, UsageError

STUDY, RESULT = "study.db", "tuned.json"
_INTERRUPTED = "interrupted"
"""Numbers of the trials that were interrupted, kept with the study."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Search:
    """What is searched, and for how long."""

    recipe: str
    words: tuple[str, ...]
    """Preset and flags that all trials share."""
    space: tuple[Setting, ...]
    metric: str
    higher: bool
    """Whether higher values of the metric are better."""
    trials: int
    prunes: bool
    """Whether trials below the median of earlier ones are stopped."""
    seed: int
    out: Path

    def described(self) -> dict[str, Any]:
        """Return what must not change when the search is continued."""
        return {
            "recipe": self.recipe,
            "flags": list(self.words),
            "metric": self.metric,
            "higher": self.higher,
            "space": [vars(setting) | {"choices": list(setting.choices)} for setting in self.space],
        }


def optuna_library() -> Any:
    """Import Optuna, or say which extra has it."""
    try:
        library: Any = import_module("optuna")
    except ImportError:
        raise UsageError(
            "seqgan-kit tune needs Optuna: install it with pip install 'seqgan-kit[tune]'."
        ) from None
    library.logging.set_verbosity(library.logging.WARNING)
    return library


def search(asked: Search, tell: Tell) -> dict[str, Any]:
    """Make the trials that are missing, and return and write what all of them came to."""
    optuna = optuna_library()
    asked.out.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{asked.out / STUDY}",
        study_name="tune",
        load_if_exists=True,
        direction="maximize" if asked.higher else "minimize",
        pruner=optuna.pruners.MedianPruner() if asked.prunes else optuna.pruners.NopPruner(),
    )
    # A search that is continued must not propose the first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=asked.seed + len(study.trials))
    _check_same(study, asked)
    _repeat_interrupted(study, optuna)
    while (number := len(_made(study))) < asked.trials:
        _make_trial(study, optuna, asked, number, tell)
    return _result(study, asked)


def _make_trial(study: Any, optuna: Any, asked: Search, number: int, tell: Tell) -> None:
    trial = study.ask()
    values = {setting.name: setting.suggest(trial) for setting in asked.space}
    folder = asked.out / f"trial-{trial.number:03d}"
    shown = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )

    def is_hopeless(step: int, value: float) -> bool:
        trial.report(value, step)
        return bool(trial.should_prune())

    began, states = time.monotonic(), optuna.trial.TrialState
    words = (*asked.words, *words_of(values))
    try:
        outcome = run_trial(asked.recipe, words, folder, asked.metric, is_hopeless)
    except TrainingError as error:
        study.tell(trial, state=states.FAIL)
        tell(f"trial {number + 1} of {asked.trials}: failed: {error}")
        return
    trial.set_user_attr("updates", outcome.updates)
    trial.set_user_attr("seconds", time.monotonic() - began)
    if outcome.stopped:
        study.tell(trial, state=states.PRUNED)
    elif outcome.value is None:
        raise UsageError(
            f"no evaluation of {asked.recipe} has the metric {asked.metric!r}; see the names in "
            f"{folder}/metrics.jsonl and give one with --metric."
        )
    else:
        study.tell(trial, outcome.value)
    tell(f"trial {number + 1} of {asked.trials}: {_in_words(outcome, asked.metric)} ({shown})")


def _in_words(outcome: TrialOutcome, metric: str) -> str:
    how = "stopped at" if outcome.stopped else "has"
    return f"{how} {metric} {outcome.value:.4g} after {outcome.updates:,} updates"


def _made(study: Any) -> list[Any]:
    """Return the trials that ended, without interrupted ones."""
    interrupted = study.user_attrs.get(_INTERRUPTED, [])
    return [
        trial
        for trial in study.trials
        if trial.state.is_finished() and trial.number not in interrupted
    ]


def _check_same(study: Any, asked: Search) -> None:
    before, now = study.user_attrs.get("asked"), json.loads(json.dumps(asked.described()))
    if before is None:
        study.set_user_attr("asked", now)
    elif before != now:
        changed = ", ".join(name for name in now if before.get(name) != now[name])
        raise UsageError(
            f"{asked.out} holds a search with another {changed}: continue it with the same settings, or "
            "choose another folder with --out."
        )


def _repeat_interrupted(study: Any, optuna: Any) -> None:
    """Count a trial that was interrupted as not made, and propose its settings again."""
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        known = study.user_attrs.get(_INTERRUPTED, [])
        study.set_user_attr(_INTERRUPTED, [*known, trial.number])
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)


def _result(study: Any, asked: Search) -> dict[str, Any]:
    made = _made(study)
    states = Counter(trial.state.name.lower() for trial in made)
    if not states["complete"]:
        raise TrainingError(
            f"no trial of {asked.recipe} was finished: see the logs in {asked.out}."
        )
    best = study.best_trial
    result = {
        **asked.described(),
        "trials": len(made),
        "finished": states["complete"],
        "stopped": states["pruned"],
        "failed": states["fail"],
        "updates": sum(int(trial.user_attrs.get("updates", 0)) for trial in made),
        "seconds": sum(float(trial.user_attrs.get("seconds", 0.0)) for trial in made),
        "best": best.value,
        "settings": best.params,
        "run": str(asked.out / f"trial-{best.number:03d}"),
    }
    write_whole(asked.out / RESULT, json.dumps(result, indent=2).encode())
    return result


def read_result(folder: Path) -> dict[str, Any]:
    """Return what another search came to."""
    try:
        found: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise DataError(
            f"--beside {folder}: there is no readable {RESULT}: give the folder of a search that has ended."
        ) from None
    return found


def result_lines(results: Sequence[dict[str, Any]]) -> list[str]:
    """Return a table with a row for each search, so that budgets stand beside scores."""
    head = (
        "recipe",
        "metric",
        "best",
        "trials",
        "finished",
        "stopped",
        "failed",
        "updates",
        "minutes",
    )
    rows = [
        (
            r["recipe"],
            r["metric"],
            f"{r['best']:.4g}",
            *(f"{r[name]:,}" for name in ("trials", "finished", "stopped", "failed", "updates")),
            f"{r['seconds'] / 60:.1f}",
        )
        for r in results
    ]
    widths = [max(len(str(row[column])) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in (head, *rows)
    ]

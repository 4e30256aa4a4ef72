"""Runs of a comparison, read from their directories."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from seqgan_kit.core.runs.log import read_config, read_metrics, read_scores, settings_of
from seqgan_kit.errors import UsageError
from seqgan_kit.report.tables import is_reference

START = "start"
"""Name of the arm that trains the common start."""
BASELINE = "mle"
CONTROLS = ("constant", "random")
"""Rewards that carry no information."""
ROUNDS = ("adversarial", "self-adversarial", "self-play", "divergence")
"""Names of the phases whose rounds train a method's generator."""
_KINDS = (("text", "text"), ("images", "image"), ("points", "point"))
"""Pairs of a setting and the kind of data that has it."""
_AT = re.compile(r"(.*) at ((?:top-[kp] )?[0-9.]+(?:e-?\d+)?)")

Role = Literal["start", "baseline", "method", "control"]


def updates_per_round(settings: Mapping[str, Any]) -> int:
    """Return the updates of the generator in a round, by its method and by teacher forcing.

    Args:
        settings: a run's settings by group; a method that learns several times from one batch of replies has
            a policy.
    """
    training, policy = settings.get("training", {}), settings.get("policy")
    moves = training.get("generator_moves", 0)
    if policy:
        moves = policy["update_epochs"] * policy["minibatches"]
    return int(moves + training.get("teacher_forcing_moves", 0))


@dataclass(frozen=True)
class ComparedRun:
    """A finished run."""

    arm: str
    folder: Path
    role: Role = "method"
    on_the_way: bool = False
    """Whether an unfinished run is represented by its last evaluation."""

    @cached_property
    def config(self) -> dict[str, Any]:
        """Contents of config.json."""
        return read_config(self.folder)

    @property
    def kind(self) -> str:
        """Kind of the training data: text, image or point; empty if the settings do not say."""
        data = self.config.get("config", {}).get("data", {})
        return next((kind for setting, kind in _KINDS if setting in data), "")

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Settings in config.json, by group."""
        return settings_of(self.folder)

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """Rows of metrics.jsonl."""
        return read_metrics(self.folder)

    @cached_property
    def scores(self) -> dict[str, Any]:
        """Contents of scores.json."""
        record = read_scores(self.folder)
        if record is None and self.on_the_way:
            return _last_evaluation(self)
        if record is None:
            raise UsageError(
                f"{self.folder} is not a finished run, because scores.json is missing. Finish it "
                f"with --resume {self.folder}, or leave it out."
            )
        return record

    @property
    def seed(self) -> int:
        """Seed of the run."""
        if "seed" not in self.config:
            raise UsageError(
                f"{self.folder / 'config.json'} has no seed: restore the original file."
            )
        return int(self.config["seed"])

    @property
    def seconds(self) -> float:
        """Training time in seconds, evaluations included."""
        return float(self.metrics[-1]["seconds"]) if self.metrics else 0.0

    @property
    def command(self) -> list[str]:
        """Command line that started it."""
        return [str(word) for word in self.config.get("command", [])]

    @cached_property
    def rows(self) -> dict[str, Mapping[str, Any]]:
        """Rows of the run's own generator (the last in its table) by sampling setting: "" for temperature
        1, "0.9" for another temperature, "top-k 10", "top-p 0.9".
        """
        models = [row for row in self.scores["rows"] if not is_reference(row)]
        if not models:
            raise UsageError(
                f"{self.folder / 'scores.json'} has no row of a generator: "
                "recompute the scores with --resume."
            )
        own = _split(models[-1]["name"])[0]
        named = [(_split(row["name"]), row) for row in models]
        return {at: row for (name, at), row in named if name == own}

    @property
    def label(self) -> str:
        """Name of the generator in the run's table."""
        return _split(str(next(iter(self.rows.values()))["name"]))[0]

    @property
    def real_row(self) -> Mapping[str, Any] | None:
        """Row of real data in the run's table."""
        return next((row for row in self.scores["rows"] if is_reference(row)), None)

    @cached_property
    def evaluations(self) -> list[dict[str, Any]]:
        """Evaluations during training."""
        return [row for row in self.metrics if row["kind"] == "evaluation"]

    @property
    def updates_per_round(self) -> int:
        """Updates of the generator in a round of its method; 0 for runs without such rounds."""
        return updates_per_round(self.settings)

    def updates_at(self, row: Mapping[str, Any]) -> int | None:
        """Return the updates of the generator up to a row of metrics.jsonl, without those of the start;
        None before the phase that counts.
        """
        if not self.updates_per_round:
            return int(row["move"])
        return self.updates_per_round * int(row["round"]) if row["phase"] in ROUNDS else None

    @property
    def updates(self) -> int:
        """Total number of updates of the generator."""
        return (self.updates_at(self.metrics[-1]) or 0) if self.metrics else 0

    @property
    def held_out_nll(self) -> float:
        """Nats per token of the validation split for the final players: the best evaluation if the run
        keeps its best, else the last.
        """
        values = [row["values"].get("nll_valid") for row in self.evaluations]
        known = [value for value in values if value is not None]
        if not known:
            return float("inf")
        best_kept = self.settings.get("method", {}).get("patience_evaluations", 0) > 0
        return float(min(known) if best_kept else known[-1])


@dataclass(frozen=True)
class ArmRuns:
    """An arm: its finished runs, and the reasons why others are missing."""

    name: str
    role: Role
    runs: tuple[ComparedRun, ...]
    problems: Mapping[int, str] = field(default_factory=dict)
    """Reasons why runs are missing, by seed."""

    def by_seed(self) -> dict[int, ComparedRun]:
        """Return the runs by seed; refuse two runs with the same seed."""
        found: dict[int, ComparedRun] = {}
        for run in self.runs:
            if run.seed in found:
                raise UsageError(
                    f"arm {self.name!r} has two runs with seed {run.seed}: "
                    f"{found[run.seed].folder} and {run.folder}. Leave one out."
                )
            found[run.seed] = run
        return dict(sorted(found.items()))


def collected_arms(folders: Mapping[str, Sequence[Path]]) -> list[ArmRuns]:
    """Return the arms of existing runs; the role of an arm follows from its name and settings."""
    arms = []
    for name, paths in folders.items():
        runs = tuple(ComparedRun(name, path, _role(name, path)) for path in paths)
        arms.append(ArmRuns(name, runs[0].role, runs))
    return arms


def _role(name: str, folder: Path) -> Role:
    if name == START:
        return "start"
    if name == BASELINE:
        return "baseline"
    method = read_config(folder).get("config", {}).get("method", {})
    return role_of_reward(method.get("reward"))


def role_of_reward(reward: object) -> Role:
    """Return what an arm with this reward is: a control if the reward tells nothing."""
    return "control" if reward in CONTROLS else "method"


def sweep_order(at: str) -> tuple[str, float]:
    """Return the kind of a sampling setting ("", "top-k" or "top-p") and its value; plain sampling is
    temperature 1.
    """
    kind, _, value = at.rpartition(" ")
    return kind, float(value or 1)


def _split(name: str) -> tuple[str, str]:
    """Split the name of a row into the model's name and the sampling setting."""
    found = _AT.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


def _last_evaluation(run: ComparedRun) -> dict[str, Any]:
    """Return the last evaluation of an unfinished run as a table of scores."""
    if not run.evaluations:
        raise UsageError(
            f"{run.folder} has neither scores nor an evaluation yet. Continue it with --resume "
            f"{run.folder}, or leave it out."
        )
    known = {k: v for k, v in run.evaluations[-1]["values"].items() if v is not None}
    columns = [
        {
            "key": key,
            "label": key,
            "better": "",
            "digits": 3,
            "signature": "evaluation during training",
        }
        for key in known
    ]
    row = {"name": str(run.config.get("recipe", "run")), "values": known, "errors": {}}
    return {"title": "", "columns": columns, "rows": [row], "notes": []}

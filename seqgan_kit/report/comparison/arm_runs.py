"""The runs of a comparison, read from their directories."""

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
"""The arm that trains the generator which all others start from."""
BASELINE = "mle"
CONTROLS = ("constant", "random")
"""Rewards that know nothing."""
ADVERSARIAL = "adversarial"
"""The phase in which a method's generator moves by its discriminator's verdict."""
_KINDS = (("text", "text"), ("images", "image"), ("points", "point"))
"""A setting that data of a kind have, and the kind."""
_AT = re.compile(r"(.*) at ((?:top-[kp] )?[0-9.]+(?:e-?\d+)?)")

Role = Literal["start", "baseline", "method", "control"]


@dataclass(frozen=True)
class ComparedRun:
    """A finished run."""

    arm: str
    folder: Path
    role: Role = "method"
    on_the_way: bool = False
    """Whether a run without a table of scores stands in by its last evaluation."""

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json."""
        return read_config(self.folder)

    @property
    def kind(self) -> str:
        """What it was trained on: text, image or point; empty where its settings do not say."""
        data = self.config.get("config", {}).get("data", {})
        return next((kind for setting, kind in _KINDS if setting in data), "")

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings in config.json, by group."""
        return settings_of(self.folder)

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """metrics.jsonl."""
        return read_metrics(self.folder)

    @cached_property
    def scores(self) -> dict[str, Any]:
        """scores.json."""
        record = read_scores(self.folder)
        if record is None and self.on_the_way:
            return _last_evaluation(self)
        if record is None:
            raise UsageError(
                f"{self.folder} holds no finished run: scores.json is missing. Finish it with --resume "
                f"{self.folder}, or leave it out."
            )
        return record

    @property
    def seed(self) -> int:
        """The run's seed."""
        if "seed" not in self.config:
            raise UsageError(
                f"{self.folder / 'config.json'} names no seed: put back the run's own."
            )
        return int(self.config["seed"])

    @property
    def seconds(self) -> float:
        """How long it trained, evaluations included."""
        return float(self.metrics[-1]["seconds"]) if self.metrics else 0.0

    @property
    def command(self) -> list[str]:
        """What it was started with."""
        return [str(word) for word in self.config.get("command", [])]

    @cached_property
    def rows(self) -> dict[str, Mapping[str, Any]]:
        """Rows of the run's own generator, the last that its table names, by how it was drawn from: "" as
        it is, "0.9" a temperature, "top-k 10", "top-p 0.9"."""
        models = [row for row in self.scores["rows"] if not is_reference(row)]
        if not models:
            raise UsageError(f"{self.folder / 'scores.json'} scores no generator.")
        own = _split(models[-1]["name"])[0]
        named = [(_split(row["name"]), row) for row in models]
        return {at: row for (name, at), row in named if name == own}

    @property
    def label(self) -> str:
        """How its table names its generator."""
        return _split(str(next(iter(self.rows.values()))["name"]))[0]

    @property
    def real_row(self) -> Mapping[str, Any] | None:
        """What real data score in the run's table."""
        return next((row for row in self.scores["rows"] if is_reference(row)), None)

    @cached_property
    def evaluations(self) -> list[dict[str, Any]]:
        """The evaluations on the way."""
        return [row for row in self.metrics if row["kind"] == "evaluation"]

    @property
    def updates_per_round(self) -> int:
        """Updates of the generator in an adversarial round; 0 for runs without any."""
        training = self.settings.get("training", {})
        return int(training.get("generator_moves", 0) + training.get("teacher_forcing_moves", 0))

    def updates_at(self, row: Mapping[str, Any]) -> int | None:
        """Updates of the generator up to a row of metrics.jsonl, the start's not counted; None before the
        phase that counts."""
        if not self.updates_per_round:
            return int(row["move"])
        return self.updates_per_round * int(row["round"]) if row["phase"] == ADVERSARIAL else None

    @property
    def updates(self) -> int:
        """Updates of the generator in all."""
        return (self.updates_at(self.metrics[-1]) or 0) if self.metrics else 0

    @property
    def held_out_nll(self) -> float:
        """Nats per token of the validation split, of the players that the run ended with: its best where
        it goes back to its best, else its last."""
        values = [row["values"].get("nll_valid") for row in self.evaluations]
        known = [value for value in values if value is not None]
        if not known:
            return float("inf")
        best_kept = self.settings.get("method", {}).get("patience_evaluations", 0) > 0
        return float(min(known) if best_kept else known[-1])


@dataclass(frozen=True)
class ArmRuns:
    """An arm: its finished runs, and what became of the others."""

    name: str
    role: Role
    runs: tuple[ComparedRun, ...]
    problems: Mapping[int, str] = field(default_factory=dict)
    """Why the runs of other seeds are missing."""

    def by_seed(self) -> dict[int, ComparedRun]:
        """The runs, by seed; two of one seed are refused."""
        found: dict[int, ComparedRun] = {}
        for run in self.runs:
            if run.seed in found:
                raise UsageError(
                    f"arm {self.name!r} has two runs of seed {run.seed}: {found[run.seed].folder} and "
                    f"{run.folder}. Leave one out."
                )
            found[run.seed] = run
        return dict(sorted(found.items()))


def collected_arms(folders: Mapping[str, Sequence[Path]]) -> list[ArmRuns]:
    """Arms of runs that exist; what an arm is for is read from its name and its settings."""
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
    return "control" if method.get("reward") in CONTROLS else "method"


def sweep_order(at: str) -> tuple[str, float]:
    """What a way of drawing varies ("", "top-k" or "top-p") and how far; as it is counts as temperature 1."""
    kind, _, value = at.rpartition(" ")
    return kind, float(value or 1)


def _split(name: str) -> tuple[str, str]:
    """A row's name, and how the generator was drawn from."""
    found = _AT.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


def _last_evaluation(run: ComparedRun) -> dict[str, Any]:
    """The last evaluation of a run that has not finished, as a table of scores."""
    if not run.evaluations:
        raise UsageError(
            f"{run.folder} has no scores and was not evaluated yet. Go on with it by --resume {run.folder}, "
            "or leave it out."
        )
    known = {k: v for k, v in run.evaluations[-1]["values"].items() if v is not None}
    columns = [
        {"key": key, "label": key, "better": "", "digits": 3, "signature": "evaluation on the way"}
        for key in known
    ]
    row = {"name": str(run.config.get("recipe", "run")), "values": known, "errors": {}}
    return {"title": "", "columns": columns, "rows": [row], "notes": []}

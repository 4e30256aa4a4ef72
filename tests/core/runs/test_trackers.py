"""Trackers, tested with stand-ins: their calls, their failures, and a complete log in either case."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

import seqgan_kit as sk
from seqgan_kit.core.runs.log import RunLog
from seqgan_kit.errors import UsageError

RECORD = {
    "recipe": "seqgan",
    "versions": {"seqgan_kit": "0.1.0"},
    "started": "2026-01-31T12:00:00+00:00",
    "config": {"run": {"seed": 3}},
}


class Service(types.ModuleType):
    """The three calls that wandb and trackio share."""

    def __init__(self, name: str, fails_at: int | None = None):
        super().__init__(name)
        self.inits, self.rows, self.finished, self.fails_at = [], [], 0, fails_at

    def init(self, **options):
        self.inits.append(options)

    def log(self, values, step):
        if step == self.fails_at:
            raise ConnectionError("no route to host")
        self.rows.append((step, values))

    def finish(self):
        self.finished += 1


@pytest.fixture(params=["wandb", "trackio"])
def service(request, monkeypatch) -> Service:
    made = Service(request.param)
    monkeypatch.setitem(sys.modules, request.param, made)
    return made


def add(log: RunLog, total_round: int, **values: float) -> None:
    log.log("train", phase="p", round=1, total_round=total_round, move=1, values=values)


def test_a_service_gets_settings_and_numbers(service: Service, tmp_path: Path) -> None:
    log = RunLog(tmp_path, report_to=[service.__name__])
    log.write_config(RECORD)
    assert service.inits == []
    add(log, 1, loss=1.5, broken=float("nan"))
    add(log, 2, loss=1.0)
    log.close()
    (told,) = service.inits
    assert told["project"] == "seqgan-kit"
    assert told["config"] == {"run": {"seed": 3}}
    assert service.rows == [(1, {"train/loss": 1.5}), (2, {"train/loss": 1.0})]
    assert service.finished == 1
    resumed = RunLog(tmp_path, resume=True, report_to=[service.__name__])
    add(resumed, 3, loss=0.5)
    assert service.inits[1] == told, "a resumed run goes on with the same one"
    assert told["resume"] == "allow"


def test_a_failing_service_costs_no_row(service, tmp_path, capsys) -> None:
    service.fails_at = 2
    log = RunLog(tmp_path, report_to=[service.__name__])
    log.write_config(RECORD)
    for total_round in (1, 2, 3):
        add(log, total_round, loss=1.0)
    log.close()
    assert [step for step, _ in service.rows] == [1]
    note = f"note: {service.__name__} stopped taking metrics (no route to host); the run goes on"
    assert capsys.readouterr().err.count(note) == 1
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 3


def test_a_missing_package_names_its_extra(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UsageError, match=r"pip install 'seqgan-kit\[wandb\]'.*--report-to"):
        RunLog(tmp_path / "run", report_to=["wandb"])
    with pytest.raises(UsageError, match=r"unknown tracker 'wnadb'\. Did you mean 'wandb'"):
        RunLog(tmp_path / "run", report_to=["wnadb"])
    assert not (tmp_path / "run").exists()


def test_a_recipe_reports_to_several(monkeypatch, tmp_path) -> None:
    services = {name: Service(name) for name in ("wandb", "trackio")}
    for name, service in services.items():
        monkeypatch.setitem(sys.modules, name, service)
    (tmp_path / "my.txt").write_text("".join(f"a {c} sat .\n" for c in "bcdefghijklm"))
    run = sk.run(
        "mle", "smoke", text=tmp_path / "my.txt", out=tmp_path / "run", score_samples=20,
        report_to=("wandb", "trackio"), batch_size=4, quiet=True,
    )  # fmt: skip
    rows = [row for row in run.metrics if any(v is not None for v in row["values"].values())]
    for service in services.values():
        assert [step for step, _ in service.rows] == [row["total_round"] for row in rows]
        assert service.inits[0]["config"]["run"]["report_to"] == ["wandb", "trackio"]
        assert service.finished == 1

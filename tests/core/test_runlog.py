"""The run directory: allowed paths, rows that are always valid JSON, and exact truncation."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqgan_kit.core.runs.log import RunLog, provenance, read_config, read_metrics, read_scores
from seqgan_kit.errors import CheckpointError, UsageError

RECORD = {"recipe": "seqgan", "config": {"seed": 3}, "versions": {"seqgan_kit": "0.1.0"}}


def add(run: RunLog, total_round: int, kind: str = "train", **values: object) -> None:
    run.log(
        kind,
        phase="adversarial",
        round=total_round,
        total_round=total_round,
        move=2 * total_round,
        values=values,
    )


def begun(folder: Path, record: dict, resume: bool = False) -> None:
    run = RunLog(folder, resume=resume)
    run.write_config(record)
    run.begin()


def finished_run(folder: Path) -> Path:
    run = RunLog(folder)
    run.write_config(RECORD)
    add(run, 1, loss=2.0)
    run.write_scores({"title": "t", "columns": [], "rows": [], "notes": []})
    run.sample_path(1, "txt").write_text("a cat\n")
    return folder


class TestClaim:
    def test_new_folder_is_made_with_its_parents(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path / "a" / "b")
        run.begin()
        assert run.checkpoint_folder.is_dir()
        assert run.model_folder.is_dir()
        assert run.sample_path(7, ".txt") == tmp_path / "a" / "b" / "samples" / "000007.txt"
        assert run.sample_path(7, "").with_suffix(".png").name == "000007.png"
        assert run.figure_path("grid") == tmp_path / "a" / "b" / "figures" / "grid.png"

    def test_non_empty_folder_is_refused_and_both_options_are_named(self, tmp_path: Path) -> None:
        folder = finished_run(tmp_path / "run")
        with pytest.raises(UsageError, match=r"not empty.*--resume .*run.*--overwrite.*--out"):
            RunLog(folder)

    def test_a_run_that_died_before_its_first_step_is_not_in_the_way(self, tmp_path: Path) -> None:
        RunLog(tmp_path / "run").begin()
        begun(tmp_path / "run", RECORD)
        RunLog(tmp_path / "run")

    def test_another_programs_settings_are_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text('{"model": "bert"}')
        with pytest.raises(UsageError, match="not empty"):
            RunLog(tmp_path)

    def test_overwrite_deletes_the_run_and_nothing_else(self, tmp_path: Path) -> None:
        folder = finished_run(tmp_path / "run")
        (folder / "my-notes.txt").write_text("mine")
        run = RunLog(folder, overwrite=True)
        run.write_config(RECORD | {"recipe": "maligan"})
        add(run, 0, kind="phase")
        assert [row["kind"] for row in read_metrics(folder)] == ["phase"]
        assert read_config(folder)["recipe"] == "maligan"
        assert not (folder / "scores.json").exists()
        assert run.checkpoint_folder.is_dir()
        assert list((folder / "samples").iterdir()) == []
        assert (folder / "my-notes.txt").read_text() == "mine"

    def test_a_run_is_replaced_only_when_the_next_one_trains(self, tmp_path: Path) -> None:
        folder = finished_run(tmp_path / "run")
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        run = RunLog(folder, overwrite=True)
        run.write_config(RECORD | {"recipe": "maligan"})
        run.close()
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    @pytest.mark.parametrize(
        "write", [lambda run: run.write_scores({}), lambda run: run.position()]
    )
    def test_nothing_new_is_written_beside_the_old(self, tmp_path: Path, write: object) -> None:
        folder = finished_run(tmp_path / "run")
        run = RunLog(folder, overwrite=True)
        run.write_config(RECORD | {"recipe": "maligan"})
        write(run)  # type: ignore[operator]
        assert read_metrics(folder) == []
        assert read_config(folder)["recipe"] == "maligan"

    def test_overwrite_unlinks_a_linked_folder_and_spares_its_target(self, tmp_path: Path) -> None:
        folder = finished_run(tmp_path / "run")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "precious.pt").write_text("weights")
        (folder / "checkpoints").rmdir()
        (folder / "checkpoints").symlink_to(elsewhere)
        add(RunLog(folder, overwrite=True), 1)
        assert (elsewhere / "precious.pt").exists()
        assert not (folder / "checkpoints").is_symlink()

    @pytest.mark.parametrize(
        "config", [None, "{}", '{"model": "bert"}', "[]", "not json", '{"versions": 3}']
    )
    def test_overwrite_spares_a_foreign_folder(self, tmp_path: Path, config: str | None) -> None:
        (tmp_path / "samples").mkdir()
        (tmp_path / "samples" / "thesis.txt").write_text("years of work")
        if config is not None:
            (tmp_path / "config.json").write_text(config)
        with pytest.raises(UsageError, match="does not look like a run"):
            RunLog(tmp_path, overwrite=True)
        assert (tmp_path / "samples" / "thesis.txt").exists()

    def test_resume_needs_a_run(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="not a run directory"):
            RunLog(tmp_path / "absent", resume=True)
        assert not (tmp_path / "absent").exists()

    def test_resume_and_overwrite_exclude_each_other(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="exclude each other"):
            RunLog(tmp_path, resume=True, overwrite=True)

    def test_a_file_in_place_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "run").write_text("")
        with pytest.raises(UsageError, match="is a file"):
            RunLog(tmp_path / "run")

    @pytest.mark.parametrize(
        ("text", "message"),
        [("{", "is not JSON"), ("[1]", "no table"), ("{}", "columns or rows are missing")],
    )
    def test_scores_that_are_no_table_are_named(
        self, tmp_path: Path, text: str, message: str
    ) -> None:
        assert read_scores(tmp_path) is None
        (tmp_path / "scores.json").write_text(text)
        with pytest.raises(UsageError, match=message):
            read_scores(tmp_path)

    def test_other_ranks_write_nothing(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path / "run", active=False)
        run.write_config(RECORD)
        add(run, 1, loss=1.0)
        run.write_scores({})
        run.truncate(run.position())
        run.close()
        assert not (tmp_path / "run").exists()


class TestRows:
    def test_a_row_holds_what_was_logged(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path)
        run.log(
            "alarm",
            phase="adversarial",
            round=3,
            total_round=9,
            move=40,
            values={"x": 1},
            message="ö\n猫",
        )
        (row,) = read_metrics(tmp_path)
        seconds = row.pop("seconds")
        assert 0 <= seconds < 60
        assert row == {
            "kind": "alarm",
            "phase": "adversarial",
            "round": 3,
            "total_round": 9,
            "move": 40,
            "values": {"x": 1},
            "message": "ö\n猫",
        }

    def test_every_row_is_strict_json_whatever_the_numbers(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path)
        values = {
            "nan": float("nan"),
            "inf": np.float32("-inf"),
            "numpy": np.float32(0.5),
            "zero_dim": np.array(2.5),
            "integer": np.int64(7),
            "flag": True,
        }
        add(run, 1, **values)

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is not JSON")

        (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
        assert json.loads(line, parse_constant=refuse)["values"] == {
            "nan": None,
            "inf": None,
            "numpy": 0.5,
            "zero_dim": 2.5,
            "integer": 7,
            "flag": True,
        }

    def test_numbers_survive_to_the_last_bit(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path)
        numbers = np.random.default_rng(0).normal(size=50)
        for index, number in enumerate(numbers):
            add(run, index, value=number)
        assert [row["values"]["value"] for row in read_metrics(tmp_path)] == numbers.tolist()

    def test_unknown_kind_names_the_nearest(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="Did you mean 'evaluation'"):
            add(RunLog(tmp_path), 1, kind="evaluations")

    def test_reading_drops_a_last_line_cut_short(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path)
        add(run, 1, loss=1.0)
        add(run, 2, loss=2.0)
        path = tmp_path / "metrics.jsonl"
        path.write_bytes(path.read_bytes()[:-9])
        assert [row["round"] for row in read_metrics(tmp_path)] == [1]

    def test_reading_names_a_broken_file(self, tmp_path: Path) -> None:
        (tmp_path / "metrics.jsonl").write_text("garbage\n")
        with pytest.raises(CheckpointError, match=r"metrics\.jsonl holds a row that is not JSON"):
            read_metrics(tmp_path)


class TestResume:
    def test_truncate_forgets_exactly_the_later_rows(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path)
        run.write_config(RECORD)
        add(run, 1, loss=1.0)
        add(run, 2, loss=2.0)
        position, kept = run.position(), (tmp_path / "metrics.jsonl").read_bytes()
        add(run, 3, loss=3.0)
        resumed = RunLog(tmp_path, resume=True)
        resumed.truncate(position)
        assert (tmp_path / "metrics.jsonl").read_bytes() == kept
        add(resumed, 3, loss=3.0)
        assert [row["round"] for row in read_metrics(tmp_path)] == [1, 2, 3]

    def test_truncate_to_nothing(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path)
        assert run.position() == 0
        add(run, 1)
        run.truncate(0)
        assert read_metrics(tmp_path) == []

    @pytest.mark.parametrize("shift", [-1, 1])
    def test_truncate_refuses_a_position_that_ends_no_row(self, tmp_path: Path, shift: int) -> None:
        run = RunLog(tmp_path)
        add(run, 1)
        with pytest.raises(CheckpointError, match="no row ends at byte"):
            run.truncate(run.position() + shift)
        assert len(read_metrics(tmp_path)) == 1

    def test_a_row_cut_short_by_a_kill_is_dropped(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path)
        run.write_config(RECORD)
        add(run, 1)
        position = run.position()
        with (tmp_path / "metrics.jsonl").open("ab") as file:
            file.write(b'{"kind": "tra')
        resumed = RunLog(tmp_path, resume=True)
        assert resumed.position() == position
        add(resumed, 2)
        assert [row["round"] for row in read_metrics(tmp_path)] == [1, 2]

    def test_seconds_go_on(self, tmp_path: Path) -> None:
        run = RunLog(tmp_path)
        run.write_config(RECORD)
        run.seconds_offset = 1000.0
        add(run, 1)
        position = run.position()
        run.seconds_offset = 5000.0
        add(run, 2)
        resumed = RunLog(tmp_path, resume=True)
        assert resumed.seconds == pytest.approx(5000.0, abs=30)
        resumed.truncate(position)
        assert resumed.seconds == pytest.approx(1000.0, abs=30)
        assert resumed.seconds >= 1000.0

    def test_config_keeps_its_origin_and_counts_the_resumes(self, tmp_path: Path) -> None:
        first = {"config": {"rounds": 5}, "seed": 3} | provenance() | {"command": ["first"]}
        begun(tmp_path, first)
        for attempt in ("second", "third"):
            record = {"config": {"rounds": 10}, "seed": 3} | provenance() | {"command": [attempt]}
            begun(tmp_path, record, resume=True)
        config = read_config(tmp_path)
        assert config["command"] == ["first"]
        assert config["config"] == {"rounds": 10}
        assert [entry["command"] for entry in config["resumes"]] == [["second"], ["third"]]


def test_config_of_any_python_values_is_valid_json(tmp_path: Path) -> None:
    config = {"path": Path("a/b"), "sizes": (1, 2), "limit": float("inf"), "none": None, 3: {4.5}}
    begun(tmp_path, RECORD | {"config": config})
    assert read_config(tmp_path)["config"] == {
        "path": "a/b",
        "sizes": [1, 2],
        "limit": None,
        "none": None,
        "3": [4.5],
    }
    assert list(tmp_path.glob("*.partial")) == []


def test_a_figure_stays_in_its_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="plain file name"):
        RunLog(tmp_path).figure_path("../grid.png")


class TestProvenance:
    def test_says_what_ran(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [str(tmp_path / "recipes" / "mle.py"), "smoke"])
        record = provenance()
        assert record["command"] == ["python", "recipes/mle.py", "smoke"]
        assert record["versions"]["numpy"] == np.__version__
        assert {"python", "torch", "datasets", "sentencepiece", "sacrebleu", "seqgan_kit"} <= set(
            record["versions"]
        )

    def test_a_recipe_started_by_its_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.argv", ["seqgan-kit run seqgan", "smoke", "--out", "a b"])
        command = provenance()["command"]
        assert command == ["seqgan-kit", "run", "seqgan", "smoke", "--out", "a b"]

    def test_no_git_is_no_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        assert provenance()["git"] is None

    def test_costs_little_and_loads_no_torch(self) -> None:
        code = (
            "import sys; from seqgan_kit.core.runs.log import provenance; provenance();"
            "sys.exit('torch' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestTensorBoard:
    def test_missing_extra_says_how_to_get_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
        with pytest.raises(UsageError, match=r"pip install 'seqgan-kit\[tensorboard\]'"):
            RunLog(tmp_path / "run", report_to=["tensorboard"])
        assert not (tmp_path / "run").exists()

    def test_mirrors_the_numbers(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        calls: list[tuple] = []

        class Writer:
            def __init__(self, folder: str, purge_step: int | None) -> None:
                calls.append((folder, purge_step))

            def add_scalar(self, *call: object) -> None:
                calls.append(call)

            add_text = add_scalar

            def close(self) -> None:
                calls.append(("close",))

        module = types.ModuleType("torch.utils.tensorboard")
        module.SummaryWriter = Writer  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
        run = RunLog(tmp_path, report_to=["tensorboard"])
        run.write_config(RECORD)
        add(run, 4, loss=1.5, broken=float("nan"))
        run.close()
        folder = str(tmp_path / "tensorboard")
        assert calls == [(folder, None), ("train/loss", 1.5, 4), ("close",)]
        add(RunLog(tmp_path, resume=True, report_to=["tensorboard"]), 5, loss=1.0)
        assert calls[3] == (folder, 5)


class TestEditedFiles:
    """A value of the wrong type anywhere in a run's files ends with one sentence."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"versions": {"seqgan_kit": 3}}, r"versions\.seqgan_kit is 3"),
            ({"versions": []}, "was not written by seqgan-kit"),
            ({"seed": "0"}, 'seed is "0"; allowed is a whole number'),
            ({"seed": -1}, "seed is -1"),
            ({"config": []}, "config is a list of 0; allowed is an object"),
            ({"config": {"run": 3}}, r"config\.run is 3"),
            ({"config": {"data": {"text": 3}}}, r"config\.data\.text is 3"),
            ({"config": {"training": {"rounds": "many"}}}, r"config\.training\.rounds is \"many\""),
            ({"config": {"method": {"patience_evaluations": None}}}, "patience_evaluations is null"),
            ({"command": "python"}, "command is \"python\"; allowed is a list"),
            ({"command": [3]}, r"command\[0\] is 3"),
            ({"started": "yesterday"}, "started is \"yesterday\"; allowed is a date"),
            ({"world_size": 0}, "world_size is 0"),
            ({"cpu_count": "two"}, "cpu_count is \"two\""),
            ({"git": {"revision": 3, "dirty": False}}, r"git\.revision is 3"),
            ({"resumes": 3}, "resumes is 3"),
            ({"preset": {}}, "preset is an object"),
        ],
    )  # fmt: skip
    def test_config(self, tmp_path: Path, change: dict[str, Any], message: str) -> None:
        config = {"versions": {"seqgan_kit": "0"}, "config": {"run": {}}, "seed": 0}
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(UsageError, match=rf"config\.json .*{message}"):
            read_config(tmp_path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"kind": "x"}, r"row \[0\]\.kind is \"x\""),
            ({"phase": None}, "phase is null"),
            ({"round": 1.5}, "round is 1.5"),
            ({"total_round": -1}, "total_round is -1"),
            ({"move": "3"}, 'move is "3"'),
            ({"seconds": None}, "seconds is null"),
            ({"seconds": 1e300}, "seconds is 1e"),
            ({"values": []}, "values is a list"),
            ({"values": {"nll": "low"}}, r"values\.nll is \"low\"; allowed is a finite number, or null"),
            ({"message": 3}, "message is 3"),
        ],
    )  # fmt: skip
    def test_metrics(self, tmp_path: Path, change: dict[str, Any], message: str) -> None:
        row = {"kind": "train", "phase": "p", "round": 1, "total_round": 1, "move": 1}
        row |= {"seconds": 1.0, "values": {"nll": None}}
        (tmp_path / "metrics.jsonl").write_text(json.dumps(row | change) + "\n")
        with pytest.raises(CheckpointError, match=rf"metrics\.jsonl .*{message}"):
            read_metrics(tmp_path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"columns": 3}, "columns is 3"),
            ({"columns": [{"key": "a", "label": "A"}]}, r"columns\[0\]\.signature is missing"),
            ({"columns": [{"key": "a", "label": 3, "signature": ""}]}, r"label is 3"),
            (
                {"columns": [{"key": "a", "label": "A", "signature": "", "digits": 99}]},
                "digits is 99",
            ),
            ({"rows": {}}, "rows is an object"),
            ({"rows": [3]}, r"rows\[0\] is 3"),
            ({"rows": [{"name": None, "values": {}}]}, "name is null"),
            ({"rows": [{"name": "x", "values": {"a": []}}]}, r"values\.a is a list"),
            ({"rows": [{"name": "x", "values": {}, "errors": 3}]}, "errors is 3"),
            ({"rows": [{"name": "x", "values": {}, "reference": "yes"}]}, "reference is"),
            ({"notes": "n"}, "notes is"),
            ({"title": 3}, "title is 3"),
        ],
    )
    def test_scores(self, tmp_path: Path, change: dict[str, Any], message: str) -> None:
        table: dict[str, Any] = {"title": "t", "columns": [], "rows": [], "notes": []}
        (tmp_path / "scores.json").write_text(json.dumps(table | change))
        with pytest.raises(UsageError, match=rf"scores\.json .*{message}"):
            read_scores(tmp_path)

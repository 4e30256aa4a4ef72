"""``sample`` and ``report`` on run directories, with stand-ins for the models."""

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seqgan_kit.cli.main import main
from seqgan_kit.errors import UsageError

Capture = pytest.CaptureFixture[str]


class Recorder:
    """A stand-in for both kinds of model that records its calls."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        asked["run_dir"] = run_dir

    def sample(self, n: int, *, out: Path | None = None, **how: Any) -> list[str] | Path:
        asked.update(n=n, out=out, **how)
        if json.loads((self.run_dir / "model" / "model.json").read_text())["kind"] == "text":
            return [f"katze {i} mit é" for i in range(n)]
        if how["top_k"] is not None:
            raise UsageError("top-k chooses among tokens, and this run makes images.")
        grid = out or self.run_dir / "grid.png"
        grid.write_bytes(b"png")
        return grid


asked: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory, and both loaders installed."""
    module = ModuleType("stand_in_models")
    module.load = Recorder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stand_in_models", module)
    offer(monkeypatch, "text", "image")
    monkeypatch.chdir(tmp_path)
    asked.clear()


def offer(monkeypatch: pytest.MonkeyPatch, *kinds: str) -> None:
    def entry_points(group: str) -> list[EntryPoint]:
        assert group == "seqgan_kit.models"
        return [EntryPoint(kind, "stand_in_models:load", group) for kind in kinds]

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)


def make_run(name: str, content: str) -> Path:
    model = Path(name) / "model"
    model.mkdir(parents=True)
    (model / "model.json").write_text(content, encoding="utf-8")
    return Path(name)


def mistake(capsys: Capture, *words: str) -> str:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_text_is_printed_line_by_line(capsys: Capture) -> None:
    run = make_run("run", '{"kind": "text"}')
    assert main(["sample", "run", "-n", "2"]) == 0
    assert capsys.readouterr().out == "katze 0 mit é\nkatze 1 mit é\n"
    assert asked == {
        "run_dir": run, "n": 2, "out": None,
        "temperature": 1.0, "top_k": None, "top_p": None, "seed": 0, "condition": None, "detokenize": False,
    }  # fmt: skip


def test_all_options_reach_the_model(capsys: Capture) -> None:
    make_run("run", '{"kind": "text"}')
    words = "sample run -n 3 --temperature 0.7 --top-k 9 --top-p 0.9 --seed 4 --detokenize"
    assert main(words.split()) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    how = {"temperature": 0.7, "top_k": 9, "top_p": 0.9, "seed": 4, "detokenize": True}
    assert {name: asked[name] for name in how} == how


def test_conditions_reach_the_model_as_one() -> None:
    make_run("run", '{"kind": "image"}')
    words = "sample run --condition coat=ginger,eyes=odd --condition size=small"
    assert main(words.split()) == 0
    assert asked["condition"] == "coat=ginger,eyes=odd,size=small"


def test_text_goes_to_a_file(capsys: Capture) -> None:
    make_run("run", '{"kind": "text"}')
    assert main(["sample", "run", "-n", "2", "--out", "s.txt"]) == 0
    assert Path("s.txt").read_text(encoding="utf-8") == "katze 0 mit é\nkatze 1 mit é\n"
    assert capsys.readouterr().out == "wrote 2 sentences to s.txt\n"


@pytest.mark.parametrize(("words", "file"), [([], "run/grid.png"), (["--out", "c.png"], "c.png")])
def test_images_become_a_grid(words: list[str], file: str, capsys: Capture) -> None:
    make_run("run", '{"kind": "image"}')
    assert main(["sample", "run", "-n", "4", "--seed", "2", *words]) == 0
    assert Path(file).read_bytes() == b"png"
    assert capsys.readouterr().out == f"wrote {file}\n"
    assert (asked["n"], asked["seed"]) == (4, 2)


def test_a_model_refuses_what_does_not_apply_to_it(capsys: Capture) -> None:
    make_run("run", '{"kind": "image"}')
    message = mistake(capsys, "sample", "run", "--top-k", "1")
    assert "error: top-k chooses among tokens, and this run makes images." in message


def test_a_missing_run_suggests_a_near_name(capsys: Capture) -> None:
    make_run("runs/first", '{"kind": "text"}')
    for command in ("sample", "report"):
        message = mistake(capsys, command, "runs/frist")
        assert "no such run directory: runs/frist. Did you mean 'runs/first'?" in message


def test_a_file_instead_of_a_run(capsys: Capture) -> None:
    Path("file").write_text("", encoding="utf-8")
    for command in ("sample", "report"):
        assert "file is a file: give the run's directory" in mistake(capsys, command, "file")


def test_a_run_without_a_model_says_how_to_get_one(capsys: Capture) -> None:
    Path("run").mkdir()
    message = mistake(capsys, "sample", "run")
    assert "run holds no trained model (run/model/model.json is missing)" in message
    assert "'--resume run'" in message


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "3"])
def test_a_damaged_model_file(content: str, capsys: Capture) -> None:
    make_run("run", content)
    assert "model.json is damaged" in mistake(capsys, "sample", "run")


def test_an_unknown_kind_of_model(capsys: Capture) -> None:
    make_run("run", '{"kind": "texts"}')
    message = mistake(capsys, "sample", "run")
    assert "unknown model kind 'texts'. Did you mean 'text'? Allowed: image, text." in message


def test_a_copy_that_was_never_installed(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    make_run("run", '{"kind": "text"}')
    offer(monkeypatch)
    assert "seqgan-kit is not installed here" in mistake(capsys, "sample", "run")


def test_out_into_a_missing_folder_fails_before_sampling(capsys: Capture) -> None:
    make_run("run", '{"kind": "text"}')
    assert "no such folder: no" in mistake(capsys, "sample", "run", "--out", "no/s.txt")
    message = mistake(capsys, "sample", "run", "--out", "run")
    assert "run is a folder: give the name of a file" in message
    message = mistake(capsys, "sample", "run", "--out", "new/")
    assert "new is a folder: give the name of a file" in message
    assert asked == {}


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("-n", "0", "must be a whole number of 1 or more, got '0'"),
        ("-n", "2.5", "must be a whole number of 1 or more, got '2.5'"),
        ("--seed", "-1", "must be a whole number from 0 to 9223372036854775807, got '-1'"),
        ("--top-k", "0", "must be a whole number of 1 or more, got '0'"),
        ("--temperature", "0", "must be a number above 0, got '0'"),
        ("--temperature", "inf", "must be a number above 0, got 'inf'"),
        ("--temperature", "nan", "must be a number above 0, got 'nan'"),
        ("--temperature", "warm", "must be a number above 0, got 'warm'"),
        ("--top-p", "1.5", "must be a number above 0 and at most 1, got '1.5'"),
    ],
)
def test_values_out_of_range(option: str, value: str, complaint: str, capsys: Capture) -> None:
    assert f"argument {option}: {complaint}" in mistake(capsys, "sample", "run", option, value)


def test_report_writes_and_names_the_page(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    run = make_run("run", "{}")
    module = ModuleType("seqgan_kit.report.run_page")
    module.write_report = lambda run_dir: run_dir / "report.html"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "seqgan_kit.report.run_page", module)
    assert main(["report", "run"]) == 0
    assert capsys.readouterr().out == f"wrote {run / 'report.html'}\n"


def test_table_takes_names_and_tells_of_missing_runs(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[str, Path]] = []

    def record(runs: list[tuple[str, Path]], *_: object) -> dict[str, Any]:
        taken.extend(runs)
        return {"title": "", "columns": [], "rows": [], "refused": []}

    monkeypatch.setattr("seqgan_kit.report.runs_table.runs_record", record)
    plain, odd = tmp_path / "plain", tmp_path / "a=b"
    plain.mkdir()
    odd.mkdir()
    words = [f"mine={plain}", str(plain), str(odd)]
    assert main(["table", *words, "--format", "json"]) == 0
    assert taken == [("mine", plain), ("", plain), ("", odd)]
    assert main(["table", str(tmp_path / "plan")]) == 2
    assert "Did you mean" in capsys.readouterr().err

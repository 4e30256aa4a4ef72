"""The command line of a recipe: preset, file, flags; each overrides the one before."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pytest
import torch

from seqgan_kit.core.runs.launch import flat, launch, parse
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.errors import DataErrorOfOneProcess, Interrupted, TrainingError, UsageError


@dataclass(frozen=True)
class Method:
    """How it is trained."""

    rounds: int = 10
    """How many rounds."""
    learning_rate: float = 0.1
    """Step size."""


@dataclass(frozen=True)
class Network:
    """A network."""

    width: int = 32
    """How wide."""


@dataclass(frozen=True)
class Config:
    """A recipe."""

    method: Annotated[Method, flat] = Method()
    network: Network = Network()
    run: Annotated[RunSettings, flat] = RunSettings()  # noqa: RUF009


PRESETS = {
    "default": Config(),
    "paper": Config(method=Method(rounds=500)),
    "smoke": Config(method=Method(rounds=1), network=Network(width=2)),
}


def read(*words: object) -> Config:
    return parse(PRESETS, [str(word) for word in words], "A recipe for tests.")


@pytest.fixture
def settings_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("method:\n  rounds: 77\nrun:\n  seed: 5\n", encoding="utf-8")
    return path


@pytest.fixture
def earlier_run(tmp_path) -> Path:
    """The folder of a run with settings of its own."""
    config = replace(
        PRESETS["smoke"],
        network=Network(width=9),
        run=RunSettings(
            out=tmp_path / "run", seed=4, quiet=True, device="cpu", preset="smoke", max_minutes=3.0
        ),
    )
    with open_run("test", config) as run:
        run.log.begin()
        return run.folder


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["--out", "x", "smoke"], "smoke --out x"),
        (["--out=x y", "smoke"], "smoke '--out=x y'"),
        (["--overwrite", "smoke", "--seed", "3"], "smoke --overwrite --seed 3"),
        (["--run.quiet", "smoke"], "smoke --run.quiet"),
    ],
)
def test_a_preset_after_flags_is_told_with_the_command_to_type(words, command, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["recipes/toy.py", *words])
    with pytest.raises(UsageError) as refused:
        read(*words)
    assert str(refused.value).endswith(f"before all flags: python recipes/toy.py {command}")


def test_two_presets_are_refused_and_a_presets_name_may_be_a_value():
    with pytest.raises(UsageError, match="two presets are given, 'smoke' and 'paper'"):
        read("smoke", "--seed", "3", "paper")
    assert read("--out", "smoke").run.out == Path("smoke")


def test_the_first_word_may_be_a_preset():
    assert read().method.rounds == 10
    assert read("paper").method.rounds == 500
    assert read("smoke").network.width == 2
    assert [read(*words).run.preset for words in ((), ("smoke",))] == ["default", "smoke"]


def test_an_unknown_preset_suggests_the_nearest():
    with pytest.raises(
        UsageError,
        match=r"unknown preset 'smok'\. Did you mean 'smoke'\? Allowed: default, paper, smoke",
    ):
        read("smok")


def test_flags_are_flat_or_nested_as_the_recipe_says():
    config = read(
        "--rounds", 3, "--learning-rate", 0.5, "--network.width", 7, "--seed", 9, "--quiet"
    )
    assert (config.method, config.network) == (Method(3, 0.5), Network(7))
    assert (config.run.seed, config.run.quiet) == (9, True)


def test_each_overrides_the_one_before(settings_file):
    assert read("smoke", "--config", settings_file).method.rounds == 77
    config = read("smoke", "--config", settings_file, "--rounds", 8)
    assert config.method.rounds == 8
    assert (config.network.width, config.run.seed) == (2, 5), "what nothing overrides stays"


def test_several_files_are_read_in_order(settings_file, tmp_path):
    second = tmp_path / "second.toml"
    second.write_text("[method]\nrounds = 78\n", encoding="utf-8")
    config = read(f"--config={settings_file}", "--config", second)
    assert (config.method.rounds, config.run.seed) == (78, 5)


def test_a_wrong_setting_in_a_file_is_named(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("method:\n  round: 7\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"setting of method 'round'\. Did you mean 'rounds'"):
        read("--config", path)


def test_a_flat_name_in_a_file_is_suggested_too(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("sed: 7\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"setting 'sed'\. Did you mean 'seed'"):
        read("--config", path)


@pytest.mark.parametrize("flag", ["--config", "--resume"])
def test_a_flag_without_its_path_is_refused(flag):
    with pytest.raises(UsageError, match=f"{flag} needs a path after it"):
        read("smoke", flag)


@pytest.mark.parametrize(
    "words", [("--resume", "{}"), ("--resume={}",), ("paper", "--resume", "{}")]
)
def test_a_resumed_run_has_its_own_settings(earlier_run, words):
    config = read(*(word.format(earlier_run) for word in words))
    assert (config.method.rounds, config.network.width, config.run.seed) == (1, 9, 4)
    assert config.run.preset == "smoke"
    assert config.run.resume == earlier_run
    assert config.run.max_minutes == 0, "or it would stop at once, over and over"


def test_a_setting_that_an_older_run_lacks_is_not_taken_from_its_preset(earlier_run):
    path = earlier_run / "config.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    del record["config"]["method"]["rounds"]
    path.write_text(json.dumps(record), encoding="utf-8")
    assert read("smoke", "--resume", earlier_run).method.rounds == 10


def test_flags_override_a_resumed_runs_settings(earlier_run):
    config = read("--resume", earlier_run, "--rounds", 20, "--max-minutes", 5)
    assert (config.method.rounds, config.run.max_minutes, config.network.width) == (20, 5.0, 9)


def test_only_a_run_can_be_resumed(tmp_path):
    with pytest.raises(UsageError, match=r"has no run to resume: there is no config\.json"):
        read("--resume", tmp_path / "nothing")
    (tmp_path / "config.json").write_text(json.dumps({"config": {}}), encoding="utf-8")
    with pytest.raises(UsageError, match=r"config\.json was not written by seqgan-kit"):
        read("--resume", tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rounds", "many"), "many"),
        (("--round", "3"), "--round"),
        (("--precision", "fp17"), "fp17"),
        (("--learning-rate",), "--learning-rate"),
    ],
)
def test_wrong_flags_end_with_status_2_and_their_name(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        read(*words)
    assert message in capsys.readouterr().err


def test_help_tells_presets_files_and_every_setting(capsys):
    with pytest.raises(SystemExit, match="0"):
        read("--help")
    text = capsys.readouterr().out
    for word in (
        "A recipe for tests",
        "default, paper, smoke",
        "--config FILE",
        "--rounds",
        "Step size.",
    ):
        assert word in text


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (UsageError("no such thing."), 2, "error: no such thing."),
        (TrainingError("loss became nan."), 1, "error: loss became nan."),
        (Interrupted("Stopped.", 130), 130, "Stopped."),
        (KeyboardInterrupt(), 130, "saved checkpoints are kept"),
        (MemoryError(), 1, "error: out of memory. Use smaller networks"),
        (
            RuntimeError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total"),
            1,
            "error: out of memory: 2.50 GiB at once.",
        ),
    ],
)
def test_mistakes_end_in_one_sentence_and_a_status(error, status, text, monkeypatch, capsys):
    def main(config: Config) -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["recipe.py", "smoke"])
    with pytest.raises(SystemExit, match=str(status)):
        launch(main, PRESETS)
    told = capsys.readouterr().err
    assert text in told
    assert "Traceback" not in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("size", "told"), [(10**7, ": 400,000,000,000,000 bytes at once."), (2**62, ". Use smaller")]
)
def test_what_torch_cannot_hold_is_no_bug(size, told, monkeypatch, capsys):
    """A size that no machine has, and one that is no number of bytes."""
    monkeypatch.setattr(sys, "argv", ["recipe.py"])
    with pytest.raises(SystemExit, match="1"):
        launch(lambda config: torch.empty(size, 10**7), PRESETS)
    assert f"error: out of memory{told}" in capsys.readouterr().err


def test_a_preset_is_no_flag():
    with pytest.raises(UsageError, match=r"the first word, without a flag: .* smoke --rounds 3$"):
        read("--preset", "smoke", "--rounds", 3)
    with pytest.raises(UsageError, match="Did you mean 'smoke'"):
        read("--preset", "smok")
    with pytest.raises(UsageError, match="--preset needs a name after it"):
        read("--preset")


def test_only_the_leading_process_tells(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(sys, "argv", ["recipe.py", "smok"])
    with pytest.raises(SystemExit, match="2"):
        launch(lambda config: None, PRESETS)
    assert capsys.readouterr().err == ""


def test_a_process_tells_of_data_that_the_others_do_not_see(monkeypatch, capsys):
    def main(config):
        raise DataErrorOfOneProcess("process 1 of 2: row 7 has 9 tokens")

    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(sys, "argv", ["recipe.py"])
    with pytest.raises(SystemExit, match="2"):
        launch(main, PRESETS)
    assert capsys.readouterr().err == "error: process 1 of 2: row 7 has 9 tokens\n"


def test_bugs_keep_their_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["recipe.py"])
    with pytest.raises(ZeroDivisionError, match="division"):
        launch(lambda config: 1 / 0, PRESETS)
    with pytest.raises(RuntimeError, match="storage of size"):
        launch(lambda config: torch.arange(5).as_strided((10,), (1,)), PRESETS)


def test_run_settings_are_checked():
    with pytest.raises(UsageError, match="keep_checkpoints is 0; it must be at least 1"):
        RunSettings(keep_checkpoints=0)
    with pytest.raises(UsageError, match="save_every_minutes must be above 0"):
        RunSettings(save_every_minutes=0.0)
    with pytest.raises(UsageError, match="max_minutes is nan"):
        RunSettings(max_minutes=float("nan"))


@pytest.mark.parametrize("setting", ["seed", "threads", "max_minutes"])
def test_negative_settings_of_a_run_are_refused_before_it_starts(setting):
    with pytest.raises(UsageError, match=f"{setting} is -1; it must be 0 or more"):
        RunSettings(**{setting: -1})


@dataclass(frozen=True)
class Reading:
    """A recipe that reads a file."""

    data: str
    run: RunSettings


def test_a_run_may_not_read_from_the_run_that_it_replaces(earlier_run):
    """The run could not be resumed without the files that it reads. A user's files are kept."""
    overwriting = RunSettings(out=earlier_run, overwrite=True, quiet=True, device="cpu")
    for inside in (earlier_run, earlier_run / "samples", earlier_run / "config.json"):
        with (
            pytest.raises(UsageError, match=r"--overwrite would delete .*choose another --out"),
            open_run("test", Reading(str(inside), overwriting)),
        ):
            pass
    (earlier_run / "mine.txt").write_text("a cat", encoding="utf-8")
    with open_run("test", Reading(str(earlier_run / "mine.txt"), overwriting)):
        pass

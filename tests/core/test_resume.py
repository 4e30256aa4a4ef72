"""Exact resumption: a run stopped or killed anywhere ends bit for bit like an uninterrupted one."""

from __future__ import annotations

import random
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_games as tiny

from seqgan_kit.core.runs.log import provenance, read_config, read_metrics
from seqgan_kit.core.runs.run import Run
from seqgan_kit.core.training.checkpoint import numbered_checkpoints
from seqgan_kit.errors import CheckpointError, Interrupted

CONFIGS = {
    "seqgan": tiny.Config("seqgan", batch=16, rounds=2),
    "penalty": tiny.Config("penalty", rounds=5),
    "stopped": tiny.Config("stopped"),
}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of an uninterrupted run of every game."""
    folders = {name: tmp_path_factory.mktemp(name) / "run" for name in CONFIGS}
    for name, config in CONFIGS.items():
        tiny.play(config, folders[name])
    return folders


def moves_of(folder: Path) -> int:
    moves: int = tiny.last_checkpoint(folder)["cursor"]["total_moves"]
    return moves


@pytest.mark.parametrize("game", CONFIGS)
def test_two_unbroken_runs_are_equal(game: str, unbroken: dict[str, Path], tmp_path: Path) -> None:
    tiny.play(CONFIGS[game], tmp_path / "again")
    assert tiny.run_differences(tmp_path / "again", unbroken[game]) == []


def test_the_early_stopped_game_stops_early_and_goes_on(unbroken: dict[str, Path]) -> None:
    rounds = [row["phase"] for row in tiny.rows(unbroken["stopped"]) if row["kind"] == "train"]
    assert 3 <= rounds.count("first") < 40
    assert rounds.count("second") == 2


@pytest.mark.parametrize("game", CONFIGS)
def test_stopped_after_every_single_move(
    game: str, unbroken: dict[str, Path], tmp_path: Path
) -> None:
    """A run with one process per update: every state between two updates is saved and restored."""
    config, folder, last = CONFIGS[game], tmp_path / "run", moves_of(unbroken[game])
    for move in range(last):
        told = rf"after {move + 1} updates; everything is saved.*\n.* --resume {folder}"
        with pytest.raises(Interrupted, match=told):
            tiny.play(config, folder, resume=move > 0, act=tiny.signal_in(move))
        assert moves_of(folder) == move + 1
    tiny.play(config, folder, resume=True)
    assert tiny.run_differences(folder, unbroken[game]) == []


@pytest.mark.parametrize("save_every_minutes", [1e-9, 5.0])
@pytest.mark.parametrize("game", CONFIGS)
def test_killed_again_and_again(
    game: str, save_every_minutes: float, unbroken: dict[str, Path], tmp_path: Path
) -> None:
    """Unsaved updates are repeated, and metrics.jsonl has no missing and no duplicate rows.

    Checkpoints lie after every move, or (5 minutes) at the ends of phases and where a phase saves.
    """
    config = CONFIGS[game]
    config = replace(config, run=replace(config.run, save_every_minutes=save_every_minutes))
    folder, resume, last = tmp_path / "run", False, moves_of(unbroken[game])
    for move in sorted(random.Random(1).sample(range(last), 6)):
        with pytest.raises(tiny.Killed):
            tiny.play(config, folder, resume=resume, act=tiny.kill_in(move))
        resume = True
    tiny.play(config, folder, resume=True)
    assert tiny.run_differences(folder, unbroken[game]) == []


def test_a_finished_run_says_that_nothing_is_left_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Run, "say", lambda self, text: said.append(text))
    for resume in (False, True):
        tiny.play(CONFIGS["penalty"], tmp_path / "run", resume=resume)
        told = [text for text in said if text.startswith("Training already finished; recomput")]
        assert len(told) == int(resume)


def test_killed_before_the_first_checkpoint(unbroken: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(tiny.Killed):
        tiny.play(CONFIGS["seqgan"], folder, act=tiny.kill_in(5))
    assert numbered_checkpoints(folder / "checkpoints") == []
    assert read_metrics(folder)
    tiny.play(CONFIGS["seqgan"], folder, resume=True)
    assert tiny.run_differences(folder, unbroken["seqgan"]) == []


def test_killed_while_writing_the_settings(unbroken: dict[str, Path], tmp_path: Path) -> None:
    """There is nothing to resume, and the same command can start again."""
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.json.partial").write_text('{"recipe": "ti')
    tiny.play(CONFIGS["penalty"], folder)
    assert tiny.run_differences(folder, unbroken["penalty"]) == []


def test_killed_while_writing_a_row_and_a_checkpoint(
    unbroken: dict[str, Path], tmp_path: Path
) -> None:
    """Files left incomplete by a kill are not read, and are deleted."""
    folder = tmp_path / "run"
    with pytest.raises(Interrupted):
        tiny.play(CONFIGS["penalty"], folder, act=tiny.signal_in(9))
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "phase": "adver')
    (folder / "checkpoints" / ".move-000000011.pt.4242.tmp").write_bytes(b"PK\x03\x04 half a file")
    tiny.play(CONFIGS["penalty"], folder, resume=True)
    assert tiny.run_differences(folder, unbroken["penalty"]) == []
    assert not list((folder / "checkpoints").glob(".*"))


@pytest.mark.parametrize("game", CONFIGS)
def test_resuming_a_finished_run_changes_nothing(
    game: str, unbroken: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(unbroken[game], folder)
    metrics = (folder / "metrics.jsonl").read_bytes()
    again = tiny.play(CONFIGS[game], folder, resume=True)
    assert (folder / "metrics.jsonl").read_bytes() == metrics
    assert tiny.run_differences(folder, unbroken[game]) == []
    state = tiny.last_checkpoint(folder)
    for name, player in again.game.players.items():
        saved = state["players"].get(name) or state["ranks"][0]["private_players"][name]
        if name in again.state.averages.decays:
            # Parameters alone: batch statistics of an average are measured anew at the end.
            own = [k for k, _ in player.named_parameters()]
            saved = {k: state["averages"][f"copies.{name}.{k}"] for k in own}
        found = {k: v for k, v in player.state_dict().items() if k in saved}
        assert tiny.differences(found, dict(saved)) == []


def test_the_last_row_is_in_the_last_checkpoint(unbroken: dict[str, Path], tmp_path: Path) -> None:
    """A run killed between its last update and its scores has one closing row."""
    folder = tmp_path / "run"
    shutil.copytree(unbroken["seqgan"], folder)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(
            '{"kind": "evaluation", "phase": "adversarial", "round": 99, "total_round": 99, "move": 99, '
            '"seconds": 1.0, "values": {}}\n'
        )
    tiny.play(CONFIGS["seqgan"], folder, resume=True)
    assert [row.get("message") for row in read_metrics(folder)].count("finished") == 1
    assert tiny.run_differences(folder, unbroken["seqgan"]) == []


def in_last_evaluation(config: tiny.Config, folder: Path) -> tiny.Hooks:
    seen = iter(range(100))

    def evaluate(game: tiny.Game, rng: tiny.torch.Generator) -> dict[str, float]:
        if next(seen) == 2:  # the third is the last of 5 rounds, every second and the last
            signal.raise_signal(signal.SIGTERM)
        return tiny.evaluate(game, rng)

    return tiny.Hooks(evaluate, tiny.draw)


def test_a_signal_after_the_last_move_is_heard(unbroken: dict[str, Path], tmp_path: Path) -> None:
    """Otherwise the run would compute its scores despite the stop request."""
    config, folder = CONFIGS["penalty"], tmp_path / "run"
    with pytest.raises(Interrupted, match=r"SIGTERM.*--resume|SIGTERM[^$]*"):
        tiny.play(config, folder, hooks=in_last_evaluation(config, folder))
    tiny.play(config, folder, resume=True)
    assert tiny.run_differences(folder, unbroken["penalty"]) == []


def test_time_limit(unbroken: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Interrupted, match="Stopped by time limit in phase 'adversarial'") as stop:
        tiny.play(CONFIGS["penalty"], folder, max_minutes=1e-9)
    assert stop.value.exit_code == 0
    assert moves_of(folder) == 1
    tiny.play(CONFIGS["penalty"], folder, resume=True)
    assert tiny.run_differences(folder, unbroken["penalty"]) == []


@pytest.mark.parametrize(
    ("number", "code", "name"), [(signal.SIGTERM, 143, "SIGTERM"), (signal.SIGINT, 130, "Ctrl-C")]
)
def test_exit_codes_of_signals(number: int, code: int, name: str, tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match=f"Stopped by {name} in phase 'first' after 2") as stop:
        tiny.play(CONFIGS["stopped"], tmp_path / "run", act=tiny.signal_in(1, number))
    assert stop.value.exit_code == code


def test_second_ctrl_c_stops_at_once_but_not_its_echo(tmp_path: Path) -> None:
    """torchrun passes a terminal's Ctrl-C on to processes that have heard it already."""
    from seqgan_kit.core.runs import interrupts

    wish = interrupts.StopWish()
    with wish.listening():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert wish.signal == signal.SIGINT
        wish._heard_at -= 2.0
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            signal.raise_signal(signal.SIGINT)


def stopped_run(folder: Path) -> Path:
    with pytest.raises(Interrupted, match="everything is saved"):
        tiny.play(CONFIGS["penalty"], folder, act=tiny.signal_in(12), save_every_minutes=1e-9)
    return folder


def _other_phases(folder: Path) -> tiny.Config:
    return tiny.Config("seqgan", batch=8)


def _other_batch(folder: Path) -> tiny.Config:
    return replace(CONFIGS["penalty"], batch=16)


def _truncated(folder: Path) -> tiny.Config:
    newest = numbered_checkpoints(folder / "checkpoints")[-1]
    newest.write_bytes(newest.read_bytes()[:2000])
    return CONFIGS["penalty"]


def _foreign(folder: Path) -> tiny.Config:
    newest = numbered_checkpoints(folder / "checkpoints")[-1]
    tiny.torch.save({"weights": tiny.torch.zeros(3)}, newest)
    return CONFIGS["penalty"]


def _flipped(folder: Path) -> tiny.Config:
    newest = numbered_checkpoints(folder / "checkpoints")[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 4
    newest.write_bytes(content)
    return CONFIGS["penalty"]


def _nothing_good(folder: Path) -> tiny.Config:
    for path in numbered_checkpoints(folder / "checkpoints"):
        path.write_bytes(path.read_bytes()[:2000])
    return CONFIGS["penalty"]


def _code_inside(folder: Path) -> tiny.Config:
    """A pickle that would run code (here: print) if it were unpickled."""

    class Evil:
        def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
            return print, ("this must never be printed",)

    newest = numbered_checkpoints(folder / "checkpoints")[-1]
    tiny.torch.save({"format": "seqgan-kit checkpoint 1", "players": Evil()}, newest)
    return CONFIGS["penalty"]


def _metrics_gone(folder: Path) -> tiny.Config:
    (folder / "metrics.jsonl").unlink()
    return CONFIGS["penalty"]


def _two_processes(folder: Path) -> tiny.Config:
    newest = numbered_checkpoints(folder / "checkpoints")[-1]
    state = tiny.torch.load(newest, weights_only=True)
    state["ranks"] *= 2
    tiny.torch.save(state, newest)
    return CONFIGS["penalty"]


def _other_device(folder: Path) -> tiny.Config:
    newest = numbered_checkpoints(folder / "checkpoints")[-1]
    state = tiny.torch.load(newest, weights_only=True)
    tiny.torch.save({**state, "device": "cuda"}, newest)
    return CONFIGS["penalty"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_other_phases, r"other phases, turns or batches.*'adversarial: discriminator"),
        (
            _other_batch,
            r"other phases.*It has \['train: 8 batches'\], this run \['train: 4 batches'\]",
        ),
        (_nothing_good, r"move-000000013\.pt cannot be read.*no other checkpoint.*--overwrite"),
        (_metrics_gone, "does not match the checkpoint"),
        (_two_processes, r"made by 2 process\(es\) and is resumed by 1"),
        (_other_device, "made on cuda and is resumed on cpu.*--device cuda"),
    ],
)
def test_what_cannot_be_resumed_says_why(
    change: Callable[[Path], tiny.Config],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = stopped_run(tmp_path / "run")
    config = change(folder)
    with pytest.raises(CheckpointError, match=message):
        tiny.play(config, folder, resume=True)
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncated, r"move-000000013\.pt cannot be read: it is truncated"),
        (_flipped, r"move-000000013\.pt cannot be read: .*checksum"),
        (_foreign, r"move-000000013\.pt is not a seqgan-kit checkpoint"),
        (_code_inside, r"move-000000013\.pt cannot be read"),
    ],
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken(
    damage: Callable[[Path], tiny.Config],
    message: str,
    unbroken: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = stopped_run(tmp_path / "run")
    tiny.play(damage(folder), folder, resume=True)
    assert tiny.run_differences(folder, unbroken["penalty"]) == []
    told = capsys.readouterr()
    assert re.search(rf"{message}.*Going on from the one before: .*move-000000012\.pt", told.err)
    assert "never" not in told.out
    assert (folder / "checkpoints" / "move-000000013.pt.damaged").is_file()


class TestChangedSettings:
    """``rounds`` stands for any setting that the course of the run does not show."""

    @pytest.fixture
    def said(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        said: list[str] = []
        monkeypatch.setattr(Run, "say", lambda self, text: said.append(text))
        return said

    def test_nothing_is_told_where_nothing_differs(self, said: list[str], tmp_path: Path) -> None:
        folder = stopped_run(tmp_path / "run")
        tiny.play(CONFIGS["penalty"], folder, resume=True, max_minutes=3.0, keep_checkpoints=5)
        assert said == []
        entry = read_config(folder)["resumes"][-1]
        assert (entry["changed"], entry["from_round"]) == ({}, 2)

    def test_each_is_told_with_its_value_then_and_now(
        self, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = stopped_run(tmp_path / "run")
        known = dict(provenance()["versions"])
        monkeypatch.setattr(
            "seqgan_kit.core.runs.run.provenance",
            lambda: {**provenance(), "versions": {**known, "torch": "1.0"}},
        )
        tiny.play(replace(CONFIGS["penalty"], rounds=6), folder, resume=True, precision="bf16")
        (told,) = said
        first, *lines = told.splitlines()
        assert first == "These settings differ from those of the checkpoint (then → now):"
        assert lines == [
            "  rounds: 5 → 6",
            '  run.precision: "fp32" → "bf16"',
            f'  versions.torch: "{known["torch"]}" → "1.0"',
        ]
        config = read_config(folder)
        assert config["resumes"][-1]["changed"]["rounds"] == ["5", "6"]
        assert config["config"]["rounds"] == 6

    def test_a_finished_run_keeps_the_settings_of_its_training(
        self, said: list[str], unbroken: dict[str, Path], tmp_path: Path
    ) -> None:
        folder = Path(shutil.copytree(unbroken["penalty"], tmp_path / "run"))
        tiny.play(replace(CONFIGS["penalty"], rounds=9), folder, resume=True)
        assert said == [
            "These settings differ from the run's and are not used, since its training has finished "
            "(then → now):\n  rounds: 5 → 9",
            "Training already finished; recomputing the scores.",
        ]
        assert read_config(folder)["config"]["rounds"] == 5

    def test_a_checkpoint_that_does_not_know_its_settings(
        self, said: list[str], tmp_path: Path
    ) -> None:
        folder = stopped_run(tmp_path / "run")
        for path in numbered_checkpoints(folder / "checkpoints"):
            state = tiny.torch.load(path, weights_only=True)
            del state["settings"]
            tiny.torch.save(state, path)
        tiny.play(replace(CONFIGS["penalty"], rounds=6), folder, resume=True)
        assert said == []

"""The folder of a run: one writer at a time, nothing written before training or through links."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_games as tiny
from kill_campaign import ended, start

from seqgan_kit.core.runs.log import FolderLock, RunLog
from seqgan_kit.core.runs.log.run_log import _append
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.checkpoint import numbered_checkpoints, read_checkpoint
from seqgan_kit.errors import DataError, Interrupted, SeqganKitError, StorageError, UsageError

PENALTY = tiny.Config("penalty", rounds=5)


def contents(folder: Path) -> dict[str, bytes | str]:
    """Every path under a folder: bytes of files, targets of links."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = path.read_bytes() if path.is_file() else "folder"
    return found


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(Interrupted, match="everything is saved"):
        tiny.play(PENALTY, folder, act=tiny.signal_in(9), save_every_minutes=1e-9)
    return folder


@pytest.fixture
def stopped(stopped_once: Path, tmp_path: Path) -> Path:
    """The folder of a run that stopped after 10 updates."""
    return Path(shutil.copytree(stopped_once, tmp_path / "run"))


class TestLock:
    @pytest.mark.parametrize("how", ["fresh", "overwrite", "resume"])
    def test_a_second_process_is_refused_and_told_of_the_first(
        self, how: str, stopped: Path
    ) -> None:
        lock, before = FolderLock(stopped), contents(stopped)
        try:
            with pytest.raises(UsageError, match=rf"in use: process {os.getpid()} on .*--out"):
                tiny.play(PENALTY, stopped, resume=how == "resume", overwrite=how == "overwrite")
        finally:
            lock.release()
        assert contents(stopped) == {k: v for k, v in before.items() if k != ".lock"}

    def test_two_that_resume_one_run_leave_the_rows_of_one(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        folder, whole = tmp_path / "run", tmp_path / "whole"
        with pytest.raises(Interrupted, match="everything is saved"):
            tiny.play(PENALTY, folder, act=tiny.signal_in(9))
        words = ["--resume", str(folder), "--pause-milliseconds", "30"]
        logs = [tmp_path / "first.txt", tmp_path / "second.txt"]
        processes = [start(words, log) for log in logs]
        codes = [ended(process, 60) for process in processes]
        assert sorted(code or 0 for code in codes) == [0, 2]
        told = capfd.readouterr().err
        assert "in use: process" in told
        assert "Traceback" not in told
        tiny.play(PENALTY, whole)
        assert tiny.run_differences(folder, whole) == []

    def test_a_killed_process_leaves_no_lock(self, tmp_path: Path) -> None:
        script = (
            "import os, sys; from pathlib import Path; from seqgan_kit.core.runs.log import FolderLock\n"
            "lock = FolderLock(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
        )
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")])
        assert done.returncode == -signal.SIGKILL
        assert (tmp_path / "run" / ".lock").exists()
        tiny.play(PENALTY, tmp_path / "run")
        assert not (tmp_path / "run" / ".lock").exists()

    def test_many_threads_and_one_holder(self, tmp_path: Path) -> None:
        """The holder removes the file while others open it: the lock still has one holder at a time."""
        held, most, problems = [0], [0], []

        def work() -> None:
            for _ in range(100):
                try:
                    lock = FolderLock(tmp_path / "run")
                except UsageError:
                    continue
                held[0] += 1
                most[0] = max(most[0], held[0])
                held[0] -= 1
                lock.release()

        threads = [threading.Thread(target=work) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert (most[0], problems) == (1, [])

    def test_a_home_folder_is_written_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A shell leaves the ~ of --out=~/run as it is."""
        monkeypatch.setenv("HOME", str(tmp_path))
        assert RunSettings(out=Path("~/run")).out == tmp_path / "run"
        with pytest.raises(DataError, match="there is no home folder of '~nosuchuser'"):
            RunSettings(out=Path("~nosuchuser/run"))

    def test_a_file_on_the_way_to_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "notes").write_text("")
        with pytest.raises(
            UsageError, match=r"run cannot be used as a run's folder \(.*\): choose another"
        ):
            tiny.play(PENALTY, tmp_path / "notes" / "run")


def _other_phases(folder: Path) -> tiny.Config:
    return tiny.Config("seqgan", batch=8)


def _other_network(folder: Path) -> tiny.Config:
    for path in numbered_checkpoints(folder / "checkpoints"):
        state = tiny.torch.load(path, weights_only=True)
        state["players"]["generator"]["net.0.weight"] = tiny.torch.zeros(2, 2)
        tiny.torch.save(state, path)
    return PENALTY


def _other_device(folder: Path) -> tiny.Config:
    for path in numbered_checkpoints(folder / "checkpoints"):
        state = tiny.torch.load(path, weights_only=True)
        tiny.torch.save({**state, "device": "cuda"}, path)
    return PENALTY


def _shorter_metrics(folder: Path) -> tiny.Config:
    path = folder / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-100])
    return PENALTY


class TestNothingIsWrittenFirst:
    @pytest.mark.parametrize(
        "change", [_other_phases, _other_network, _other_device, _shorter_metrics]
    )
    def test_a_refused_resume_leaves_every_byte(
        self, change: Callable[[Path], tiny.Config], stopped: Path
    ) -> None:
        config = change(stopped)
        with (stopped / "metrics.jsonl").open("a") as file:
            file.write('{"kind": "train", "cut')
        before = contents(stopped)
        with pytest.raises(SeqganKitError):
            tiny.play(config, stopped, resume=True)
        assert contents(stopped) == before

    @pytest.mark.parametrize("place", ["run", "new/and/deep", "there"])
    def test_a_refused_run_leaves_no_folder(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        with pytest.raises(UsageError, match="best_metric"):
            tiny.play(PENALTY, tmp_path / place, hooks=tiny.Hooks(), best_metric="nll")
        assert contents(tmp_path) == {"there": "folder"}

    def test_an_unexpected_end_before_training_leaves_no_folder(self, tmp_path: Path) -> None:
        config = replace(PENALTY, run=replace(PENALTY.run, out=tmp_path / "run"))
        with pytest.raises(ZeroDivisionError), open_run("tiny", config):
            raise ZeroDivisionError
        assert contents(tmp_path) == {}


class TestFullDisk:
    @pytest.mark.parametrize("writer", ["checkpoint", "row"])
    def test_nothing_written_is_lost_and_the_run_goes_on_later(
        self, writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, whole = tmp_path / "run", tmp_path / "whole"
        written, save = [0], tiny.torch.save

        def full(*arguments: object) -> None:
            written[0] += 1
            if written[0] > 3:
                raise OSError(errno.ENOSPC, "No space left on device")
            save(*arguments)

        with monkeypatch.context() as patched:
            if writer == "checkpoint":
                patched.setattr(tiny.torch, "save", full)
            else:
                patched.setattr("seqgan_kit.core.runs.log.run_log._append", half_row_from(3))
            with pytest.raises(
                StorageError,
                match=rf"(?s)cannot be written: No space.* resume with:.*--resume {folder}",
            ):
                tiny.play(PENALTY, folder, save_every_minutes=1e-9)
        assert not list((folder / "checkpoints").glob(".*"))
        read_checkpoint(numbered_checkpoints(folder / "checkpoints")[-1])
        tiny.play(PENALTY, folder, resume=True)
        tiny.play(PENALTY, whole)
        assert tiny.run_differences(folder, whole) == []


def half_row_from(number: int) -> Callable[[Path, bytes], None]:
    """Appends rows until a row for which there is no room."""
    append, rows = _append, itertools.count(1)

    def act(path: Path, line: bytes) -> None:
        if next(rows) >= number:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        append(path, line)

    return act


def test_a_row_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """Under a limit of the file's size, which cuts a write short as a full disk does."""
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from seqgan_kit.core.runs.log.run_log import _append\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))\n"
        "[_append(Path(sys.argv[1]), b'x' * 19 + b'\\n') for _ in range(3)]"
    )
    path = tmp_path / "metrics.jsonl"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert "No space left" in done.stderr
    assert path.read_bytes() == (b"x" * 19 + b"\n") * 2


class TestLinks:
    @pytest.mark.parametrize(
        "name", ["metrics.jsonl", "config.json", "samples", "checkpoints", "samples/000003.txt"]
    )
    def test_a_run_with_a_link_in_it_is_not_resumed(
        self, name: str, stopped: Path, tmp_path: Path
    ) -> None:
        precious = tmp_path / "precious"
        if (stopped / name).exists():
            (stopped / name).rename(precious)
        else:
            precious.write_text("mine")
        (stopped / name).symlink_to(precious)
        before = contents(tmp_path)
        with pytest.raises(UsageError, match=rf"{name} is a symbolic link to .*precious"):
            tiny.play(PENALTY, stopped, resume=True)
        assert contents(tmp_path) == before

    def test_a_new_run_does_not_write_through_a_link_that_waits_for_it(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "precious").mkdir()
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "samples").symlink_to(tmp_path / "precious")
        with pytest.raises(UsageError, match="symbolic link"):
            tiny.play(PENALTY, tmp_path / "run")
        assert contents(tmp_path / "precious") == {}

    def test_a_half_written_file_that_is_a_link(self, tmp_path: Path) -> None:
        precious = tmp_path / "precious"
        precious.write_text("mine")
        run = RunLog(tmp_path / "run")
        run.begin()
        (tmp_path / "run" / f"scores.json.{os.getpid()}.partial").symlink_to(precious)
        run.write_scores({"columns": [], "rows": []})
        assert precious.read_text() == "mine"
        assert not (tmp_path / "run" / "scores.json").is_symlink()

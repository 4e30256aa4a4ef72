"""Checkpoint files: complete or absent, read without running code, and errors for damaged files."""

import errno
import os
import pickle
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seqgan_kit.core.training.checkpoint import (
    checkpoint_path,
    keep_last,
    numbered_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from seqgan_kit.errors import CheckpointError

STATE = {
    "weights": torch.arange(6.0).view(2, 3),
    "moves": 3,
    "name": "é",
    "parts": [{"a": (1, 2.5)}],
}


def write(folder: Path, moves: int) -> Path:
    path = checkpoint_path(folder, moves)
    write_checkpoint(path, STATE)
    return path


def test_what_was_written_comes_back(tmp_path):
    path = tmp_path / "new" / "folder" / "best.pt"
    write_checkpoint(path, STATE)
    state = read_checkpoint(path)
    assert torch.equal(state.pop("weights"), STATE["weights"])
    assert state.pop("format").startswith("seqgan-kit checkpoint")
    assert state == {k: v for k, v in STATE.items() if k != "weights"}
    assert [p.name for p in path.parent.iterdir()] == ["best.pt"], "no temporary file remains"


def test_checkpoints_are_ordered_by_their_moves(tmp_path):
    for moves in (10, 9, 2_000_000_000, 100):
        write(tmp_path, moves)
    for name in (
        "best.pt",
        "after-mle.pt",
        "move-x.pt",
        "move-3.pt.bak",
        ".move-000000999.pt.1.tmp",
    ):
        (tmp_path / name).write_bytes(b"")
    found = [int(path.stem.split("-")[1]) for path in numbered_checkpoints(tmp_path)]
    assert found == [9, 10, 100, 2_000_000_000]


def test_a_folder_that_is_not_there_has_no_checkpoints(tmp_path):
    assert numbered_checkpoints(tmp_path / "none") == []


@pytest.mark.parametrize("left", [0, 1, 100, -1])
def test_a_truncated_file_names_the_last_good_one(tmp_path, left):
    good, bad = write(tmp_path, 10), write(tmp_path, 20)
    content = bad.read_bytes()
    bad.write_bytes(content[:left])
    with pytest.raises(
        CheckpointError,
        match=r"move-000000020\.pt cannot be read: it is truncated.* last good one is .*move-000000010\.pt",
    ):
        read_checkpoint(bad)
    assert read_checkpoint(good)["moves"] == 3


def test_every_flipped_bit_is_found(tmp_path):
    """Of 400 random ones, a third of them in the checksum and the end of the zip file that is around it."""
    path = write(tmp_path, 20)
    content, choose = path.read_bytes(), random.Random(0)
    ends = 120 * 8
    bits = [choose.randrange(len(content) * 8) for _ in range(260)]
    bits += [len(content) * 8 - 1 - choose.randrange(ends) for _ in range(140)]
    for bit in bits:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_checkpoint(path)


def test_a_checkpoint_without_a_checksum_is_read_as_before(tmp_path):
    path = tmp_path / "old.pt"
    torch.save({"format": "seqgan-kit checkpoint 1", "moves": 3}, path)
    assert read_checkpoint(path)["moves"] == 3


def test_torch_reads_a_checkpoint_with_its_checksum(tmp_path):
    assert torch.load(write(tmp_path, 20), weights_only=True, mmap=True)["moves"] == 3


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = write(tmp_path, 20)
    before = path.read_bytes()

    def full(state, file):
        file.write(b"PK half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, 20)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == {path: before}


def test_a_disk_that_fills_while_torch_writes_is_told_by_its_own_error(tmp_path):
    """torch.save raises an error of its own when the rest of its file cannot be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))  # A file may have 1 MiB.
    try:
        with pytest.raises(OSError, match=r"File too large.*move-000000007\.pt"):
            write_checkpoint(checkpoint_path(tmp_path, 7), {"weights": torch.zeros(1 << 19)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [*tmp_path.iterdir()]


def test_the_last_good_one_is_good(tmp_path):
    """The advice skips all damaged files."""
    for moves in (10, 20, 30, 40):
        write(tmp_path, moves)
    for moves in (20, 30, 40):
        checkpoint_path(tmp_path, moves).write_bytes(b"PK garbage")
    with pytest.raises(CheckpointError, match=r"The last good one is .*move-000000010\.pt"):
        read_checkpoint(checkpoint_path(tmp_path, 40))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", bytes(range(256)) * 40])
def test_garbage_without_a_good_neighbour_says_so(tmp_path, content):
    path = checkpoint_path(tmp_path, 1)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"no other checkpoint in that folder; .*--overwrite"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "foreign", [{"state_dict": {}}, {"format": "other 2"}, [1, 2], torch.ones(2)]
)
def test_somebody_elses_file_is_refused(tmp_path, foreign):
    path = tmp_path / "foreign.pt"
    torch.save(foreign, path)
    write(tmp_path, 5)
    with pytest.raises(
        CheckpointError, match=r"is not a seqgan-kit checkpoint\. The last good one is .*000005"
    ):
        read_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint .*best\.pt"):
        read_checkpoint(tmp_path / "best.pt")


class Touch:
    """Pickles as a call that creates a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "save", [torch.save, lambda state, path: path.write_bytes(pickle.dumps(state))]
)
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, save):
    trap, path = tmp_path / "was-here", tmp_path / "evil.pt"
    save({"format": "seqgan-kit checkpoint 1", "weights": Touch(trap)}, path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Touch(trap)))
    assert trap.exists(), "the trap works"


def test_only_the_newest_are_kept_and_no_other_file_is_touched(tmp_path):
    for moves in (1, 2, 3, 4):
        write(tmp_path, moves)
    (tmp_path / "best.pt").write_bytes(b"x")
    keep_last(tmp_path, 2)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"move-000000003.pt", "move-000000004.pt", "best.pt"}
    keep_last(tmp_path, 5)
    assert len(numbered_checkpoints(tmp_path)) == 2


def test_what_a_killed_writer_left_is_cleared_away(tmp_path):
    write(tmp_path, 1)
    leftover = tmp_path / ".move-000000002.pt.999999.tmp"
    leftover.write_bytes(b"half")
    keep_last(tmp_path, 2)
    assert not leftover.exists()


def test_a_writer_killed_half_way_leaves_the_old_file(tmp_path):
    """The process dies after the temporary file's first bytes, before the rename."""
    path = write(tmp_path, 1)
    before = path.read_bytes()
    script = (
        "import os, sys, torch\n"
        "from pathlib import Path\n"
        "from seqgan_kit.core.training import checkpoint\n"
        "def half(state, file): file.write(b'PK half'); file.flush(); os._exit(9)\n"
        "checkpoint.torch.save = half\n"
        "checkpoint.write_checkpoint(Path(sys.argv[1]), {'moves': 4})\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=Path(__file__).parents[3])
    assert done.returncode == 9
    assert path.read_bytes() == before
    assert numbered_checkpoints(tmp_path) == [path]
    assert len(list(tmp_path.iterdir())) == 2, "the half file lies beside it under another name"


def test_the_file_is_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    """Without the sync a power cut could leave a checkpoint's name on an empty file."""
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        order.append("sync")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    write(tmp_path, 1)
    assert order == ["sync", "rename", "sync"], "the file, its name, the folder"

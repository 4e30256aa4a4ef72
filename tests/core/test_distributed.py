"""Two processes under torchrun (gloo) stay equal, stop together and resume exactly; only rank 0 writes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny_games as tiny
import torch
import two_ranks
from streamed_games import ROWS, is_usable
from torch import Tensor

from seqgan_kit.core.runs.log import read_config
from seqgan_kit.core.runs.restarts import restarted_seconds_ago
from seqgan_kit.core.runs.runtime import _all_answering
from seqgan_kit.errors import LostProcess, UsageError

HERE = Path(__file__).parent
RECIPE = HERE.parents[1] / "recipes" / "seqgan.py"
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``two_ranks.py`` wrote."""
    place = tmp_path_factory.mktemp("two")
    command = [*TORCHRUN, str(HERE / "two_ranks.py"), str(place)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]


def shared(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state without pools and walks, which are private to each process."""
    own = ("players.negatives", "players.balance")
    return {name: value for name, value in state.items() if not name.startswith(own)}


@pytest.mark.parametrize("game", ["seqgan", "penalty", "stopped", "likelihood"])
def test_ranks_are_identical_after_training(game: str, ranks: list[dict[str, Any]]) -> None:
    """This includes batch norm's statistics and the moving averages."""
    ours, theirs = (shared(rank[game]) for rank in ranks)
    assert tiny.differences(ours, theirs) == []


def test_private_players_differ(ranks: list[dict[str, Any]]) -> None:
    pools = [rank["seqgan"]["players.negatives.samples"] for rank in ranks]
    assert not torch.equal(*pools)


def test_every_source_of_randomness_differs_by_rank(ranks: list[dict[str, Any]]) -> None:
    ours, theirs = (rank["seeds"] for rank in ranks)
    assert [name for name in ours if ours[name] == theirs[name]] == []


def test_two_ranks_of_batch_4_follow_one_process_of_batch_8(
    ranks: list[dict[str, Any]], folder: Path, tmp_path: Path
) -> None:
    """Both have the same start and the same rows per update, so the same gradient, norm, clipping and
    step."""
    alone = tiny.play(tiny.Config("likelihood", batch=8, rounds=3), tmp_path / "alone")
    start = tiny.trainer_start(tiny.Config("likelihood"))
    moved = 0.0
    for name, value in alone.game.state_dict().items():
        torch.testing.assert_close(ranks[0]["likelihood"][name], value, rtol=1e-5, atol=1e-6)
        moved = max(moved, (value - start[name]).abs().max().item())
    assert moved > 0.05
    ours, theirs = tiny.rows(folder / "likelihood"), tiny.rows(tmp_path / "alone")
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one["values"] == pytest.approx(other["values"], rel=1e-4)


def test_only_rank_0_writes(folder: Path) -> None:
    assert not (folder / "another machine").exists()
    assert read_config(folder / "seqgan")["world_size"] == 2


@pytest.mark.parametrize("way", ["resumed", "killed", "broken-off"])
@pytest.mark.parametrize("game", ["seqgan", "penalty"])
def test_a_broken_run_of_two_ends_where_an_unbroken_one_ends(
    game: str, way: str, folder: Path, ranks: list[dict[str, Any]]
) -> None:
    """Stopped by a signal that one process alone heard, after its move or inside it, or killed with what
    the clock had saved."""
    broken, whole = folder / f"{game}-{way}", folder / game
    assert tiny.run_differences(broken, whole) == []
    for rank in ranks:
        end = rank[f"{game}-{way}"]
        assert tiny.differences(dict(end.get("game", end)), dict(rank[game])) == []


@pytest.mark.parametrize("way", ["resumed", "broken-off"])
@pytest.mark.parametrize("game", ["seqgan", "penalty"])
def test_both_stop_after_the_same_move_for_the_same_reason(
    game: str, way: str, ranks: list[dict[str, Any]]
) -> None:
    ours, theirs = (
        [
            (code, text.split(";")[0], text.splitlines()[1].split(" --resume")[0])
            for code, _, text in rank[f"{game}-{way}"]["stops"]
        ]
        for rank in ranks
    )
    assert ours == theirs
    assert len(ours) == 3
    for code, text, command in ours:
        assert code == 143
        assert text.startswith("Stopped by SIGTERM in phase")
        assert ("interrupted and undone" in text) == (way == "broken-off")
        assert command.strip().startswith("torchrun --nproc_per_node 2 ")


def test_a_loss_that_is_not_finite_on_one_process_stops_both(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert rank["not-finite"].startswith("generator_loss became nan at update 4. ")


def assert_close(folder: Path, ranks: list[dict[str, Any]], one: str, other: str) -> None:
    """Two runs log the same values, and end with the same parameters in rounding."""
    for ours, theirs in zip(tiny.rows(folder / one), tiny.rows(folder / other), strict=True):
        assert ours["values"] == pytest.approx(theirs["values"], rel=1e-5, abs=1e-6)
    for rank in ranks:
        ours, theirs = shared(rank[one]), shared(rank[other])
        assert ours.keys() == theirs.keys()
        # Adam divides small gradients, rounded differently, by their size.
        for name in ours:
            torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-4)


class TestSharding:
    """Sharded training is the plain training of as many processes."""

    @pytest.mark.parametrize("game", ["transformers", "adapters"])
    def test_it_changes_nothing(self, game: str, folder: Path, ranks: list[dict[str, Any]]) -> None:
        """Rollouts, a lagging policy, D and G in blocks; adapters on a frozen base with recomputation."""
        if game not in ranks[0]:
            pytest.skip("needs transformers and peft")
        assert_close(folder, ranks, f"{game}-sharded", game)
        assert tiny.differences(*(shared(rank[f"{game}-sharded"]) for rank in ranks)) == []

    def test_it_is_resumed_exactly(self, folder: Path, ranks: list[dict[str, Any]]) -> None:
        resumed, whole = "transformers-resumed", "transformers-sharded"
        assert tiny.run_differences(folder / resumed, folder / whole) == []
        for rank in ranks:
            assert tiny.differences(dict(rank[resumed]), dict(rank[whole])) == []

    def test_its_checkpoint_is_a_plain_one(self, folder: Path, ranks: list[dict[str, Any]]) -> None:
        """A sharded run goes on without shards, with the moments of its optimizers."""
        assert_close(folder, ranks, "transformers-unsharded", "transformers")
        forms = [
            form(tiny.last_checkpoint(folder / f"transformers{kind}")) for kind in ("", "-sharded")
        ]
        assert tiny.differences(*forms) == []


def test_a_stream_is_shared_and_resumed_exactly(folder: Path, ranks: list[dict[str, Any]]) -> None:
    """The second process has an eighth of the first one's rows, and goes through them more often."""
    shares = [set(rank["streamed"]["seen"]) for rank in ranks]
    assert shares[0].isdisjoint(shares[1])
    assert shares[0] | shares[1] == set(filter(is_usable, range(ROWS)))
    assert len(shares[0]) == 8 * len(shares[1])
    assert tiny.run_differences(folder / "streamed-resumed", folder / "streamed") == []
    for rank in ranks:
        ends = dict(rank["streamed-resumed"]), dict(rank["streamed"]["game"])
        assert tiny.differences(*ends) == []


def form(state: Any) -> Any:
    """Return nested shapes in place of tensors, and types in place of other values."""
    if isinstance(state, Tensor):
        return list(state.shape)
    if isinstance(state, dict):
        return {name: form(value) for name, value in state.items()}
    if isinstance(state, list | tuple):
        return [form(value) for value in state]
    return type(state).__name__


def wait_for_rows(folder: Path, rows: int, process: subprocess.Popen[str]) -> None:
    """Wait until the run has written ``rows`` rows."""
    until = time.monotonic() + 120
    while not (folder / "metrics.jsonl").exists() or len(tiny.rows(folder)) < rows:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "the run did not get going"
        time.sleep(0.05)


TINY = str(HERE / "tiny_games.py")


def ctrl_c(out: Path) -> None:
    """Start two processes and stop them as a terminal does, which signals torchrun and both processes."""
    settings = ["--game", "seqgan", "--rounds", "2", "--pause-milliseconds", "50"]
    process = subprocess.Popen(
        [*TORCHRUN, TINY, *settings, "--out", str(out)],
        env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    wait_for_rows(out, 2, process)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert told.count("Stopped by Ctrl-C in phase") == 1, told
    assert f"torchrun --nproc_per_node 2 {TINY} --resume {out}" in told


@pytest.mark.slow
def test_ctrl_c_in_the_terminal_of_torchrun(tmp_path: Path) -> None:
    """torchrun passes it on once more, which must not count as the second Ctrl-C."""
    ctrl_c(tmp_path / "run")
    assert tiny.last_checkpoint(tmp_path / "run")["cursor"]["total_moves"] > 0


@pytest.mark.slow
def test_ctrl_c_then_sigterm_to_torchrun_then_to_the_end(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ctrl_c(out)
    again = [*TORCHRUN, TINY, "--resume", str(out)]
    process = subprocess.Popen(again, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE)
    wait_for_rows(out, 5, process)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert told.count("Stopped by SIGTERM in phase") == 1, told
    subprocess.run(
        [*again, "--pause-milliseconds", "0"],
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert tiny.run_differences(out, folder / "seqgan") == []


def test_a_killed_rank_is_started_again_by_torchrun_and_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    """``kill -9`` of the rank that writes; the second start resumes from the last checkpoint, exactly."""
    out = tmp_path / "run"
    settings = ["--game", "penalty", "--rounds", str(two_ranks.PENALTY.rounds), "--out", str(out)]
    pace = ["--pause-milliseconds", "60", "--save-every-minutes", "0.001"]
    process = subprocess.Popen(
        [*TORCHRUN, "--max-restarts", "1", TINY, *settings, *pace],
        env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for_rows(out, 3, process)
    os.kill(json.loads((out / ".lock").read_text())["pid"], signal.SIGKILL)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "another process of this run has ended" in told
    assert "torchrun restarts all processes" in told
    assert "Traceback" not in told
    assert tiny.run_differences(out, folder / "penalty") == []
    assert len(read_config(out)["resumes"]) == 1


class TestLaunches:
    @pytest.fixture
    def run_dir(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A run that this launch began."""
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
        tiny.play(tiny.Config("likelihood", rounds=1), tmp_path / "run")
        return tmp_path / "run"

    def test_only_a_restart_goes_on(self, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert restarted_seconds_ago(run_dir) is None
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
        assert 0 <= (restarted_seconds_ago(run_dir) or -1) < 100
        assert restarted_seconds_ago(run_dir.parent) is None

    @pytest.mark.parametrize("changed", ["run", "agent"])
    def test_another_launchs_run_is_not_gone_on_with(
        self, changed: str, run_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A refused fresh run that torchrun starts again must not take the older run in its folder."""
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
        if changed == "run":
            monkeypatch.setenv("TORCHELASTIC_RUN_ID", "other")
        else:
            monkeypatch.setattr(os, "getppid", lambda: -1)
        with pytest.raises(UsageError, match="not empty"):
            tiny.play(tiny.Config("likelihood", rounds=1), run_dir)


def test_a_lost_process_is_told_with_the_command_that_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(number: int) -> None:
        if number == 2:
            with _all_answering():
                raise RuntimeError("[gloo/transport/tcp/pair.cc:537] Connection reset by peer")

    told = rf"another process .* has ended.*resume with:\n.* --resume {tmp_path / 'run'}"
    with pytest.raises(LostProcess, match=rf"(?s){told}"):
        tiny.play(tiny.Config("penalty"), tmp_path / "run", act=lose)


@pytest.mark.slow
def test_the_documented_command(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    nouns = ("cat", "dog", "owl")
    text.write_text("".join(f"the {nouns[i % 3]} sees {i % 97} mice .\n" for i in range(1500)))
    command = [*TORCHRUN, str(RECIPE), "smoke", "--text", str(text), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for name in ("report.html", "scores.json", "model/generator.safetensors"):
        assert (tmp_path / "run" / name).is_file()
    assert done.stdout.count("adversarial done") == 1


@pytest.mark.slow
def test_the_documented_command_of_a_sharded_language_model(tmp_path: Path) -> None:
    """GAD with adapters on generator and discriminator, at a small size; the model that it saves samples."""
    pytest.importorskip("peft")
    shape = {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
    config, out = tmp_path / "config.json", tmp_path / "run"
    config.write_text(json.dumps(shape))
    adapters = ["--hf.lora-rank", "4", "--hf.checkpointing", "--hf-reader.lora-rank", "4"]
    command = [
        *TORCHRUN, str(RECIPE.with_name("gad.py")), "smoke",
        "--generator", f"hf:config:{config}", "--discriminator", f"hf:config:{config}", *adapters,
        "--hf-reader.checkpointing", "--reference", "base", "--precision", "bf16",
        "--accumulate", "2", "--shard", "--shard-above", "1000", "--out", str(out),
    ]  # fmt: skip
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"sharded over 2 processes: generator \(.* in 2 blocks\), discriminator", done.stdout
    )
    assert "on each of 2 processes" in done.stdout
    given = tmp_path / "given.txt"
    given.write_text("a little cat is resting at the window .\n")
    sample = [sys.executable, "-m", "seqgan_kit", "sample", str(out), "--given", str(given)]
    drawn = subprocess.run(sample, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert drawn.returncode == 0, drawn.stderr
    assert len(drawn.stdout.splitlines()) == 1

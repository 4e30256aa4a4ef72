"""Runs on Ray: lost workers, refusals, and tasks with a stand-in for the library."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqgan_kit.cli.engines import ray_cluster, ray_engine
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.ray_cluster import chosen_address, connect, ray_library
from seqgan_kit.cli.engines.ray_engine import RayEngine, site_of
from seqgan_kit.cli.engines.ray_task import Site, node_problem, read_attempts, run_on_node
from seqgan_kit.cli.engines.resuming import finished, log_path
from seqgan_kit.cli.engines.run_loop import play
from seqgan_kit.errors import UsageError


class RayError(Exception):
    """Anything that Ray reports."""


class RayTaskError(RayError):
    """An exception of the task's function."""


class TaskCancelledError(RayError):
    """A task that was cancelled."""


class GetTimeoutError(RayError):
    """A result that was not there in time."""


class NodeDiedError(RayError):
    """A task whose node died."""


def node(name: str, **resources: float) -> dict[str, Any]:
    return {
        "Alive": True,
        "NodeID": name,
        "NodeManagerHostname": name,
        "Resources": resources,
    }


class StandIn:
    """Ray's interface on threads of this process. ``before`` may raise in place of a task's result."""

    exceptions = SimpleNamespace(
        RayError=RayError,
        RayTaskError=RayTaskError,
        TaskCancelledError=TaskCancelledError,
        GetTimeoutError=GetTimeoutError,
    )
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(NodeAffinitySchedulingStrategy=lambda *a, **k: a)
    )

    def __init__(self, *nodes: dict[str, Any]) -> None:
        self._nodes, self._threads = nodes, concurrent.futures.ThreadPoolExecutor()
        self.before: Callable[[Any], None] = lambda function: None
        self.asked: dict[str, Any] = {}

    def nodes(self) -> tuple[dict[str, Any], ...]:
        return self._nodes

    def init(self, **how: Any) -> None:
        self.asked["init"] = how

    def shutdown(self) -> None:
        self.asked["shut"] = True

    def remote(self, **how: Any) -> Any:
        def wrap(function: Any) -> Any:
            self.asked[function.__name__] = how

            def start(*arguments: Any) -> Any:
                def task() -> Any:
                    self.before(function)
                    return function(*arguments)

                return self._threads.submit(task)

            task = SimpleNamespace(remote=start)
            task.options = lambda **how: task
            return task

        return wrap

    def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        done = concurrent.futures.wait(references, timeout).done
        return list(done), []

    def get(self, reference: Any, timeout: float | None = None) -> Any:
        try:
            return reference.result(timeout)
        except TimeoutError:
            raise GetTimeoutError from None


@pytest.fixture
def on_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RayEngine]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(RayEngine, "poll_seconds", 0.02)

    def engine(ray: StandIn, *, cpus: int = 1, gpus: float = 0.0, retries: int = 2) -> RayEngine:
        monkeypatch.setattr(ray_engine, "ray_library", lambda address: ray)
        how = {"address": "", "cpus": cpus, "gpus": gpus, "jobs": None, "retries": retries}
        return RayEngine(tmp_path / "out", **how)

    return engine


def planned(toy: Path, name: str, *words: str, **more: Any) -> PlannedRun:
    folder = Path("out") / name / "seed-0"
    return PlannedRun(name, 0, str(toy), (*words, "--out", str(folder)), folder, **more)


def test_runs_are_tasks_with_their_resources_and_start_in_order(toy: Path, on_ray) -> None:
    ray = StandIn(node("a", CPU=4.0, GPU=1.0))
    start = planned(toy, "start")
    runs = [start, planned(toy, "a", start=start.folder), planned(toy, "bad", "--fail")]
    lines: list[str] = []
    with on_ray(ray, cpus=2, gpus=0.5) as engine:
        problems = play(runs, engine, lines.append, lambda problems: None)
    assert problems == {"bad, seed 0": "error: asked to fail"}
    assert finished(runs[1])
    assert ray.asked["run_on_node"] == {"num_cpus": 2, "num_gpus": 0.5, "max_retries": 0}
    assert ray.asked["init"]["include_dashboard"] is False
    assert ray.asked["shut"]
    assert [line for line in lines if "a, seed 0: started on" in line]
    assert sorted(p.name for p in Path("out").iterdir()) == ["a", "bad", "start"]


def test_a_lost_run_is_resumed_so_many_times_and_then_reported(toy: Path, on_ray) -> None:
    ray, losses = StandIn(node("a", CPU=1.0)), iter(range(9))
    lost_at_first = 2

    def lose(function: Any) -> None:
        if function is run_on_node and next(losses) < lost_at_first:
            raise NodeDiedError("The node is dead. It was killed.\nadvice")

    ray.before = lose
    lines: list[str] = []
    with on_ray(ray, retries=2) as engine:
        assert play([planned(toy, "a")], engine, lines.append, lambda problems: None) == {}
        losses, lost_at_first = iter(range(9)), 3
        problems = play([planned(toy, "b")], engine, lines.append, lambda problems: None)
    assert problems == {"b, seed 0": "The node is dead"}
    assert [line for line in lines if "(The node is dead); retry 2 of 2 resumes it" in line]


WORKER = """
import sys
from pathlib import Path
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.ray_task import Site, run_on_node
toy, folder, site, sign = sys.argv[1:]
words = ("--rounds", "80", "--out", folder)
run_on_node(PlannedRun("a", 0, toy, words, Path(folder)), Site(Path(site), Path(site), sign))
"""


def test_a_run_ends_with_its_worker_and_is_resumed_by_another(toy: Path, tmp_path: Path) -> None:
    """The process of the first attempt must not go on writing, and the second must not begin anew."""
    (tmp_path / "sign").touch()
    words = [str(toy), "out/a/seed-0", str(tmp_path), "sign"]
    worker = subprocess.Popen([sys.executable, "-c", WORKER, *words], cwd=tmp_path)
    metrics = tmp_path / "out" / "a" / "seed-0" / "metrics.jsonl"
    while not metrics.exists():
        assert worker.poll() is None
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    run = PlannedRun("a", 0, str(toy), ("--rounds", "80", "--out", words[1]), Path(words[1]))
    here = PlannedRun("a", 0, str(toy), run.words, tmp_path / run.folder)
    second = concurrent.futures.ThreadPoolExecutor().submit(
        run_on_node, run, Site(tmp_path, tmp_path, "sign")
    )
    while len(read_attempts(here)) < 2 and not second.done():
        time.sleep(0.01)
    rounds = [json.loads(line)["round"] for line in metrics.read_text().splitlines()]
    assert rounds[-1] < 80
    assert second.result(60).code == 0
    rounds = [json.loads(line)["round"] for line in metrics.read_text().splitlines()]
    assert rounds == list(range(1, 81))
    assert [attempt["how"] for attempt in read_attempts(here)] == ["started", "resumed"]
    assert log_path(here).read_text().count("from round 0\n") == 1


CANCELLED = """
import _thread, signal, sys, threading, time
from pathlib import Path
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.ray_task import Site, run_on_node
toy, folder, site, sign = sys.argv[1:]
signal.signal(signal.SIGINT, signal.SIG_IGN)
def cancel():
    while not (Path(site) / folder / "metrics.jsonl").exists():
        time.sleep(0.01)
    _thread.interrupt_main()
threading.Thread(target=cancel).start()
words = ("--rounds", "80", "--out", folder)
print(run_on_node(PlannedRun("a", 0, toy, words, Path(folder)), Site(Path(site), Path(site), sign)))
"""


def test_a_cancelled_task_lets_the_run_save(toy: Path, tmp_path: Path) -> None:
    """Ray cancels with ``interrupt_main``, which does nothing where a shell's background ignores SIGINT."""
    (tmp_path / "sign").touch()
    words = [str(toy), "out/a/seed-0", str(tmp_path), "sign"]
    done = subprocess.run(
        [sys.executable, "-c", CANCELLED, *words], capture_output=True, text=True, timeout=60
    )
    assert "Ending(code=143" in done.stdout, done.stderr
    rounds = (tmp_path / "out" / "a" / "seed-0" / "metrics.jsonl").read_text().splitlines()
    assert 0 < len(rounds) < 80


def test_resources_that_no_node_has_are_refused(on_ray) -> None:
    ray = StandIn(node("a", CPU=2.0), node("b", CPU=8.0) | {"Alive": False})
    with (
        pytest.raises(UsageError, match=r"needs 4 CPU, but no node .* \(nodes have 2 CPU\): lower"),
        on_ray(ray, cpus=4),
    ):
        pass
    with (
        pytest.raises(UsageError, match=r"1 CPU and 0\.5 GPU, .*have 2 CPU and 0 GPU"),
        on_ray(ray, gpus=0.5),
    ):
        pass
    assert ray.asked["shut"]


def test_runs_do_not_wait_forever_for_nodes_that_are_gone(
    toy: Path, on_ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(ray_engine, "_NO_NODE_SECONDS", 0.05)
    ray = StandIn(node("a", CPU=1.0))
    with on_ray(ray) as engine:
        engine.check([planned(toy, "a")])
        ray._nodes = ()
        engine.check([])
        time.sleep(0.1)
        engine.check([])
        engine.check([planned(toy, "a")])
        time.sleep(0.1)
        with pytest.raises(UsageError, match=r"no node of the cluster has that \(no node is alive"):
            engine.check([planned(toy, "a")])


def test_a_node_that_does_not_share_the_storage_is_refused(tmp_path: Path, on_ray) -> None:
    (tmp_path / "sign").touch()
    (tmp_path / "file").touch()
    good = Site(tmp_path, tmp_path, "sign")
    assert node_problem(good) == ""
    assert "does not see the files in" in node_problem(Site(tmp_path, tmp_path, "other"))
    assert "has no folder" in node_problem(Site(tmp_path / "none", tmp_path, "sign"))
    assert "has seqgan-kit" in node_problem(Site(tmp_path, tmp_path, "sign", version="0.0"))
    unwritable = Path("/proc/self")  # Not even root creates files there.
    if unwritable.is_dir():
        assert "cannot write to /proc/self" in node_problem(Site(tmp_path, unwritable, "status"))
    ray = StandIn(node("a", CPU=1.0))
    ray.before = lambda function: Path("out").rename("gone")
    with pytest.raises(UsageError, match=r"does not see the files in .*out"), on_ray(ray):
        pass


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ray://head:10001", "Ray Client is not supported"),
        ("head", "must be HOST:PORT"),
        ("head:99999", "must be HOST:PORT"),
        ("127.0.0.1:1", r"did not answer within 5 seconds \(Connection refused\)"),
    ],
)
def test_an_address_that_is_none_or_does_not_answer_is_refused(address: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        connect(StandIn(), address)


def test_a_server_that_is_not_ray_or_says_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray itself would try for a minute. A server of gRPC begins with its HTTP/2 settings."""
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", 0.2)
    ray = StandIn()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UsageError, match=r"did not answer within 0 seconds \(no answer\)"):
            connect(ray, address)
        server.accept()[0].close()
        for said, error in ((b"HTTP/1.1 400 Bad", UsageError), (b"\0\0\x12\x04\0\0\0\0\0", None)):
            asked = concurrent.futures.ThreadPoolExecutor().submit(connect, ray, address)
            connection, _ = server.accept()
            assert connection.recv(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            connection.sendall(said)
            failed = asked.exception(10)
            connection.close()
            assert isinstance(failed, error) if error else failed is None
            if failed:
                assert "what answers there is not Ray: give the port" in str(failed)
    assert ray.asked["init"]["address"] == address


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And Ray would have started without statistics, and closed to others if it is this command's own."""
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(os, "environ", {"RAY_USAGE_STATS_ENABLED": "1"})
    assert chosen_address("") == "local"
    for address, token in (("auto", 0), ("local", 64)):
        with pytest.raises(UsageError, match=r"pip install 'seqgan-kit\[ray\]'"):
            ray_library(address)
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert len(os.environ.get("RAY_AUTH_TOKEN", "")) == token
    os.environ["RAY_ADDRESS"] = "head:1"
    assert chosen_address("") == "head:1"


def test_a_run_without_gpus_sees_none(
    tmp_path: Path, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    toy.write_text("import os; print('devices', os.environ['CUDA_VISIBLE_DEVICES'], flush=True)")
    for gpus, shown in ((0.0, "devices \n"), (1.0, "devices 2\n")):
        site = site_of(tmp_path / "out", gpus)
        assert site.threads == "3"
        (site.out / site.sign).touch()
        run = planned(toy, f"gpus-{gpus:g}")
        assert run_on_node(run, site).code == 0
        assert log_path(run).read_text() == shown

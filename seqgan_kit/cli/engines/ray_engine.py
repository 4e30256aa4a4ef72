"""Runs as tasks of a Ray cluster, resumed on another node when their worker or node is lost."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqgan_kit.cli.engines.engine import Ending
from seqgan_kit.cli.engines.planned_run import PlannedRun
from seqgan_kit.cli.engines.ray_cluster import (
    check_resources,
    chosen_address,
    connect,
    fitting_nodes,
    ray_library,
)
from seqgan_kit.cli.engines.ray_task import Site, node_problem, read_attempts, run_on_node
from seqgan_kit.cli.engines.resuming import log_path
from seqgan_kit.errors import UsageError

_CHECK_SECONDS = 60.0
"""How long a node may take to start a worker and look at the storage."""
_NO_NODE_SECONDS = 60.0
"""How long a cluster may be without any node that fits."""
_LOOK_SECONDS = 5.0
_WAIT_SECONDS = 0.5


class RayJob:
    """A task of a Ray cluster that trains a run."""

    def __init__(self, ray: Any, task: Any, run: PlannedRun, site: Site) -> None:
        self._ray, self._run = ray, run
        self._attempts = len(read_attempts(run))
        self._reference = task.remote(run, site)

    def news(self) -> list[str]:
        """Return on which node the run was started or resumed, once."""
        attempts = read_attempts(self._run)
        new, self._attempts = attempts[self._attempts :], len(attempts)
        return [f"{a['how']} on {a['node']} (log: {log_path(self._run)})" for a in new]

    def ending(self) -> Ending | None:
        """Return how the task ended, or None while it waits or trains."""
        if not self._ray.wait([self._reference], timeout=0)[0]:
            return None
        errors = self._ray.exceptions
        try:
            ending: Ending = self._ray.get(self._reference)
            return ending
        except errors.RayTaskError as error:
            said = [line for line in str(error).split("\n") if line.strip()]
            return Ending(1, f"the worker failed: {said[-1].strip()}")
        except errors.TaskCancelledError:
            return Ending(143, "it was cancelled")
        except errors.RayError as error:
            return Ending(1, lost=_reason(error))

    def ask_to_save(self) -> None:
        """Ask the run to save its state and end; a task that waits is dropped."""
        self._ray.cancel(self._reference)

    def wait(self) -> None:
        """Wait until the task has ended."""
        while not self._ray.wait([self._reference], timeout=_WAIT_SECONDS)[0]:
            pass

    def kill(self) -> None:
        """End the task's worker at once, and with it the run."""
        self._ray.cancel(self._reference, force=True)


class RayEngine:
    """Tasks of a Ray cluster, each with its share of a node's processors and GPUs.

    Use it in a ``with`` statement, which disconnects from the cluster at the end.
    """

    poll_seconds = 0.5

    def __init__(
        self, out: Path, *, address: str, cpus: int, gpus: float, jobs: int | None, retries: int
    ) -> None:
        self.jobs, self.retries = jobs or sys.maxsize, retries
        self._needs = {"CPU": float(cpus)} | ({"GPU": gpus} if gpus else {})
        self._site = site_of(out, gpus)
        address = chosen_address(address)
        self._ray = ray_library(address)
        connect(self._ray, address)
        how = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0}
        self._task = self._ray.remote(**how)(run_on_node)
        self._fitted = self._looked = time.monotonic()

    def __enter__(self) -> RayEngine:
        (self._site.out / self._site.sign).touch()
        try:
            check_resources(self._ray, self._needs)
            self._check_nodes()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        (self._site.out / self._site.sign).unlink(missing_ok=True)
        self._ray.shutdown()

    def start(self, run: PlannedRun) -> RayJob:
        """Hand a run to the cluster, which starts it when a node has its resources free."""
        return RayJob(self._ray, self._task, run, self._site)

    def check(self, waiting: Sequence[PlannedRun]) -> None:
        """Raise UsageError if no node has been able to take the waiting runs for a minute."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        try:
            fits = bool(fitting_nodes(self._ray, self._needs))
        except self._ray.exceptions.RayError as error:
            raise UsageError(
                f"the cluster does not answer any more ({_reason(error)}): restart it, then rerun the same "
                "command to continue."
            ) from None
        if fits or not waiting:
            self._fitted = now
        elif now - self._fitted > _NO_NODE_SECONDS:
            check_resources(self._ray, self._needs)

    def _check_nodes(self) -> None:
        """Refuse nodes that lack this version or the storage."""
        placed = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        look = self._ray.remote(num_cpus=0, max_retries=0)(node_problem)
        asked = {}
        for node in fitting_nodes(self._ray, self._needs):
            here = look.options(scheduling_strategy=placed(node["NodeID"], soft=False))
            asked[node["NodeManagerHostname"], node["NodeID"]] = here.remote(self._site)
        last = time.monotonic() + _CHECK_SECONDS
        for (name, _), answer in asked.items():
            try:
                problem = self._ray.get(answer, timeout=max(0.0, last - time.monotonic()))
            except self._ray.exceptions.GetTimeoutError:
                problem = (
                    f"node {name} has not started a worker within {_CHECK_SECONDS:.0f} seconds."
                )
            except self._ray.exceptions.RayError as error:
                problem = f"node {name} cannot start seqgan-kit: {_reason(error)}"
            if problem:
                raise UsageError(problem)


def site_of(out: Path, gpus: float = 0.0) -> Site:
    """Return what nodes must know of this command; create the folder of its runs."""
    out.mkdir(parents=True, exist_ok=True)
    return Site(
        folder=Path.cwd(),
        out=out.absolute(),
        sign=f".seen-{socket.gethostname()}-{os.getpid()}",
        threads=os.environ.get("OMP_NUM_THREADS", ""),
        uses_gpus=gpus > 0,
    )


def _reason(error: Exception) -> str:
    """Return the first sentence of an error of Ray, which is followed by advice and state."""
    lines = [line.strip() for line in str(error).split("\n") if line.strip()]
    return (lines or [type(error).__name__])[0].split(". ")[0].rstrip(".")

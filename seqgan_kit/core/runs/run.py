"""A run: its settings, runtime (device and processes), log (run directory) and progress display."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import tyro
from torch import Tensor

from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.files.user_paths import expanded
from seqgan_kit.core.runs.log import FolderLock, RunLog, provenance, would_delete
from seqgan_kit.core.runs.log.trackers import TrackerName
from seqgan_kit.core.runs.progress import Progress
from seqgan_kit.core.runs.restarts import launch_record, restarted_seconds_ago, restarts_left
from seqgan_kit.core.runs.runtime import Runtime, start_runtime
from seqgan_kit.core.runs.settings import to_dict
from seqgan_kit.errors import LostProcess, SeqganKitError, StorageError, UsageError, system_problem

# With tens of thousands of threads, torch ends the process without a message.
_MOST_THREADS = 4096


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run, common to all recipes."""

    out: Path | None = None
    """Folder of the run (default: runs/RECIPE, or runs/RECIPE-PRESET)."""
    seed: int = 0
    """Seed of all random number generators."""
    resume: Path | None = None
    """Folder of a run to resume, with that run's settings."""
    overwrite: bool = False
    """Delete an earlier run in the folder first."""
    quiet: bool = False
    """Show only alarms."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of losses; penalties and parameters stay float32."""
    compile: bool = False
    """Compile the networks with torch.compile."""
    accumulate: int = 1
    """Parts in which the gradient of a batch is computed. More parts take less memory, and the update is that
    of the whole batch."""
    shard: bool = False
    """Divide large players among the processes of torchrun, so that each holds a part of their parameters,
    gradients and optimizer state (FSDP2)."""
    shard_above: int = 10_000_000
    """Number of parameters above which --shard divides a player."""
    threads: int = 0
    """Number of CPU threads (0: torch's default)."""
    max_minutes: float = 0.0
    """Time limit in minutes; then the run saves, stops and prints how to resume (0: none)."""
    save_every_minutes: float = 5.0
    """Minutes between checkpoints."""
    keep_checkpoints: int = 2
    """Number of newest checkpoints to keep."""
    best_metric: str = ""
    """Evaluation metric by which the best players are kept in checkpoints/best.pt."""
    best_is: Literal["lower", "higher"] = "lower"
    """Whether lower or higher values of that metric are better."""
    report_to: tuple[TrackerName, ...] = ()
    """Trackers that get a copy of all metrics; each needs the extra of its name."""
    tensorboard: bool = False
    """The same as --report-to tensorboard."""
    preset: Annotated[str, tyro.conf.Suppress] = ""
    """Name of the preset that the settings came from, set by the command line."""

    def __post_init__(self) -> None:
        for name in ("out", "resume"):
            # Shells leave the ~ of --out=~/run as it is.
            if (folder := getattr(self, name)) is not None:
                object.__setattr__(self, name, expanded(str(folder)))
        if self.keep_checkpoints < 1:
            raise UsageError(
                f"keep_checkpoints is {self.keep_checkpoints}; it must be at least 1, to be able to resume."
            )
        if self.accumulate < 1:
            raise UsageError(f"accumulate is {self.accumulate}; it must be 1 or more.")
        if not self.save_every_minutes > 0:
            raise UsageError("save_every_minutes must be above 0.")
        for name in ("seed", "threads", "shard_above", "max_minutes"):
            if not getattr(self, name) >= 0:  # This is false for nan too.
                raise UsageError(f"{name} is {getattr(self, name)}; it must be 0 or more.")
        for name, bound in (("seed", 2**63), ("threads", _MOST_THREADS)):
            if getattr(self, name) >= bound:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be below {bound}.")


class HasRun(Protocol):
    """A recipe's configuration."""

    @property
    def run(self) -> RunSettings:
        """The settings of the run."""


@dataclass
class Run:
    """One opened run."""

    recipe: str
    settings: RunSettings
    runtime: Runtime
    log: RunLog
    progress: Progress
    record: Mapping[str, Any] = field(default_factory=dict)
    """Contents of config.json."""
    began: float = field(default_factory=time.monotonic)

    @property
    def folder(self) -> Path:
        return self.log.folder

    @property
    def resumed(self) -> bool:
        return self.settings.resume is not None

    def out_of_time(self) -> bool:
        """Return whether the time limit has passed."""
        left = self.seconds_left()
        return left is not None and left < 0

    def seconds_left(self) -> float | None:
        """Return the seconds until the time limit; None without a limit."""
        limit = self.settings.max_minutes
        return self.began + 60 * limit - time.monotonic() if limit > 0 else None

    def resume_command(self) -> str:
        """Return the command that resumes this run."""
        program = sys.argv[0]
        start = f"python {shlex.quote(program)}" if program.endswith(".py") else program
        processes = self.runtime.world_size
        if processes > 1:
            here = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
            nodes = f"--nnodes {processes // here} " if processes > here else ""
            start = f"torchrun {nodes}--nproc_per_node {here} {shlex.quote(program)}"
        return f"{start} --resume {shlex.quote(str(self.folder))}"

    def share(self) -> dict[str, Any]:
        """Return a feed's arguments for this process: ``corpus.feed(batch_size, **run.share())``."""
        where = self.runtime
        return {
            "seed": self.settings.seed,
            "rank": where.rank,
            "world_size": where.world_size,
            "device": where.device,
        }

    def feed(
        self,
        tensors: Mapping[str, Tensor],
        batch_size: int,
        transform: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
    ) -> TensorFeed:
        """Return a feed of tensors on this run's device, with this process's share of each batch."""
        return TensorFeed(tensors, batch_size, transform=transform, **self.share())

    def say(self, text: str) -> None:
        """Print a line on rank 0, unless quiet."""
        if self.runtime.leads:
            self.progress.message(text)


def default_folder(recipe: str, preset: str) -> Path:
    """Return the default folder of a run."""
    return Path("runs") / (recipe if preset in ("", "default") else f"{recipe}-{preset}")


@contextmanager
def open_run(recipe: str, config: HasRun) -> Iterator[Run]:
    """Start the runtime and claim the run directory; nothing is written to it before training begins."""
    settings = config.run
    runtime = start_runtime(
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
    )
    folder = settings.resume or settings.out or default_folder(recipe, settings.preset)
    if settings.overwrite:
        _check_inputs(to_dict(config), folder)
    with ExitStack() as closing:
        closing.callback(runtime.close)
        ago = runtime.from_leader(restarted_seconds_ago(folder) if runtime.leads else None)
        if ago is not None:
            settings = replace(settings, resume=folder, overwrite=False)
        log = _open_log(settings, folder, runtime, closing)
        record = _record(recipe, config, runtime)
        log.write_config(record)
        progress = Progress("quiet" if settings.quiet or not runtime.leads else "auto")
        run = Run(recipe, settings, runtime, log, progress, record)
        if ago is not None:
            run.began -= ago  # All restarts share one time limit.
            run.say("Restarted by torchrun; resuming from the last checkpoint.")
        try:
            yield run
        except LostProcess as error:
            if restarts_left():
                raise LostProcess(f"{error} torchrun restarts all processes.") from error
            raise LostProcess(
                f"{error} Saved checkpoints are kept; resume with:\n  {run.resume_command()}"
            ) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            if not log.writes:
                raise
            raise StorageError(
                f"{system_problem(error)} Saved checkpoints are kept; resume with:\n  {run.resume_command()}"
            ) from error


def _open_log(settings: RunSettings, folder: Path, runtime: Runtime, closing: ExitStack) -> RunLog:
    """Open the run's directory, locked by rank 0; if rank 0 refuses it, all ranks do."""
    log, problem = None, None
    try:
        if runtime.leads:
            closing.callback(FolderLock(folder).release)
        log = RunLog(
            folder,
            resume=settings.resume is not None,
            overwrite=settings.overwrite,
            active=runtime.leads,
            report_to=(*settings.report_to, *(("tensorboard",) if settings.tensorboard else ())),
        )
        closing.callback(log.close)
    except SeqganKitError as error:
        problem = error
    problem = runtime.from_leader(problem)
    if problem is not None or log is None:
        raise problem or UsageError(f"{folder} cannot be opened: choose another folder by --out.")
    return log


def _check_inputs(config: Mapping[str, Any], folder: Path) -> None:
    """Refuse --overwrite for a run that this run reads from, since it would be deleted first."""
    groups: list[Any] = [group for name, group in config.items() if name != "run"]
    while groups:
        value = groups.pop()
        if isinstance(value, Mapping):
            groups += value.values()
        elif isinstance(value, list):
            groups += value
        elif isinstance(value, str) and value and would_delete(folder, Path(value)):
            raise UsageError(
                f"--overwrite would delete {value}, which this run reads: choose another --out."
            )


def _record(recipe: str, config: HasRun, runtime: Runtime) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "preset": config.run.preset,
        "seed": config.run.seed,
        "config": to_dict(config),
        "world_size": runtime.world_size,
        "device": str(runtime.device),
        **provenance(),
        **({} if (launch := launch_record()) is None else {"torchrun": launch}),
    }

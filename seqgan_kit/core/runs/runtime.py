"""The runtime of a run: device, precision, seeds and processes.

Under ``torchrun`` every process is a rank of one group (gloo on CPU, NCCL on GPUs). Players are not wrapped,
as DistributedDataParallel would: parameters are broadcast once, and each update averages gradients in one
flat all-reduce. So penalties, unused heads and methods other than ``forward`` work.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from seqgan_kit.core.recurrence import autocast_to_kernels
from seqgan_kit.errors import LostProcess, UsageError

_LONGEST_WAIT = timedelta(minutes=30)
"""Longest wait for another process, which may be evaluating; after that the run ends instead of hanging."""
_LOST = re.compile(r"gloo|nccl|connection|peer|broken pipe|timed? ?out|socket", re.IGNORECASE)

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Runtime:
    """Device, precision and rank of this process."""

    device: torch.device
    rank: int = 0
    world_size: int = 1
    precision: str = "fp32"
    seed: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, the only rank that writes files and prints."""
        return self.rank == 0

    def generator(self, purpose: str) -> torch.Generator:
        """Return a random generator for a purpose, with a different seed on each rank."""
        rng = torch.Generator(self.device)
        return rng.manual_seed(mixed_seed(self.seed, self.rank, *purpose.encode()))

    def autocast(self) -> AbstractContextManager[Any]:
        """Return a context with the precision of losses; parameters stay float32."""
        return autocast_to_kernels(self.device.type, self.precision == "bf16")

    def broadcast(self, module: nn.Module) -> None:
        """Copy parameters and buffers from rank 0 to all ranks."""
        if self.world_size > 1:
            with _all_answering():
                for tensor in module.state_dict().values():
                    dist.broadcast(tensor, 0)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the ranks, in one all-reduce."""
        if self.world_size == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().flatten().float() for tensor in tensors])
        with _all_answering():
            dist.all_reduce(flat)
        pieces = (flat / self.world_size).split([tensor.numel() for tensor in tensors])
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.view_as(tensor))

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks, on every rank."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        with _all_answering():
            dist.all_gather_object(values, value)
        return values

    def from_leader(self, value: Any) -> Any:
        """Return rank 0's value on every rank."""
        if self.world_size == 1:
            return value
        box = [value]
        with _all_answering():
            dist.broadcast_object_list(box, 0)
        return box[0]

    def close(self) -> None:
        """Leave the process group."""
        if self.world_size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def start_runtime(
    *, seed: int, device: str = "auto", precision: str = "fp32", threads: int = 0
) -> Runtime:
    """Join the process group if there is one, choose the device and seed all random generators.

    Rank r seeds python, numpy and torch with ``seed + r``.
    """
    if precision == "fp16":
        raise UsageError(
            "precision fp16 is not supported: adversarial losses and penalties overflow its range, and "
            "loss scaling would hide which. Use bf16, which has float32's range, or fp32."
        )
    if precision not in ("fp32", "bf16"):
        raise UsageError(f"unknown precision {precision!r}; use fp32 or bf16.")
    if threads:
        torch.set_num_threads(threads)
    rank, world_size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    chosen = _device(device)
    if world_size > 1 and not dist.is_initialized():
        backend = "nccl" if chosen.type == "cuda" else "gloo"
        with _all_answering():
            _join(backend)
    seed_everything(seed + rank)
    return Runtime(chosen, rank, world_size, precision, seed)


@contextmanager
def _all_answering() -> Iterator[None]:
    """Raise LostProcess with one sentence where torch would raise an error with a long traceback."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and not _LOST.search(str(error)):
            raise
        raise LostProcess(
            "another process of this run has ended, or has not responded for "
            f"{_LONGEST_WAIT.total_seconds() / 60:.0f} minutes."
        ) from error


def _join(backend: str) -> None:
    """Join the process group of this start.

    torchrun keeps one store of addresses for all restarts. With the same keys, restarted processes would look
    for those of the first start, which no longer exist.
    """
    store, rank, world_size = next(dist.rendezvous("env://", timeout=_LONGEST_WAIT))
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    dist.init_process_group(
        backend,
        store=dist.PrefixStore(f"start-{start}", store),
        rank=rank,
        world_size=world_size,
        timeout=_LONGEST_WAIT,
    )


def mixed_seed(*parts: int) -> int:
    """Return a seed whose bits all depend on all parts, for generators that must differ.

    Shifting and adding is not enough: torch's CPU generator reads only the low 32 bits of its seed.
    """
    words = [part >> shift & 0xFFFFFFFF for part in parts for shift in (0, 32)]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])


def seed_everything(seed: int) -> None:
    """Seed python, numpy and torch (every device)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - third-party code may use the global generator
    torch.manual_seed(seed)


def rng_state(generators: Iterable[torch.Generator]) -> dict[str, Any]:
    """Return the state of all random generators as tensors and plain numbers."""
    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "python": [version, torch.tensor(numbers, dtype=torch.int64), gauss],
        "numpy": [
            name,
            torch.from_numpy(np.array(keys, dtype=np.int64)),
            position,
            has_gauss,
            cached,
        ],
        "torch": torch.get_rng_state(),
        # Only this process's device is asked; a run on the CPU does not start the CUDA driver.
        "cuda": [torch.cuda.get_rng_state()] if torch.cuda.is_initialized() else [],
        "private": [generator.get_state() for generator in generators],
    }


def restore_rng_state(state: dict[str, Any], generators: Iterable[torch.Generator]) -> None:
    """Restore what :func:`rng_state` returned."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers.tolist()), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    for saved in state["cuda"]:
        torch.cuda.set_rng_state(saved)
    for generator, saved in zip(generators, state["private"], strict=True):
        generator.set_state(saved)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N.") from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError("no CUDA device is available; use --device cpu.")
        if device.index is None:
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        if device.index >= torch.cuda.device_count():
            raise UsageError(
                f"there is no {device}, only {torch.cuda.device_count()} CUDA device(s): start at most that "
                "many processes, or use --device cpu."
            )
        torch.cuda.set_device(device)
        # A resumed run must end exactly like an uninterrupted one, even if cuDNN has a faster algorithm.
        torch.backends.cudnn.deterministic = True
    return device

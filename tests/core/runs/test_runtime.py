"""Device, precision, seeds; one process here (several are tested with the trainer)."""

import random

import numpy as np
import pytest
import torch

from seqgan_kit.core.runs.runtime import (
    Runtime,
    mixed_seed,
    restore_rng_state,
    rng_state,
    seed_everything,
    start_runtime,
)
from seqgan_kit.errors import UsageError

CPU = torch.device("cpu")


def draw(runtime: Runtime, purpose: str) -> list[float]:
    return torch.rand(4, generator=runtime.generator(purpose)).tolist()


def test_private_randomness_repeats_and_differs_by_purpose():
    runtime = Runtime(CPU, seed=3)
    assert draw(runtime, "moves") == draw(runtime, "moves")
    assert draw(runtime, "moves") != draw(runtime, "evaluation")


def test_every_seed_and_every_rank_has_its_own_randomness():
    """torch's CPU generator reads the low 32 bits of its seed: seed * 2^31 gives only two."""
    seen = [draw(Runtime(CPU, rank=r, seed=s), "moves") for s in range(6) for r in range(4)]
    assert len({tuple(numbers) for numbers in seen}) == len(seen)


def test_a_run_of_one_process_does_not_repeat_another_runs_second_process():
    assert draw(Runtime(CPU, rank=1, seed=0), "moves") != draw(Runtime(CPU, seed=1), "moves")


def test_mixed_seeds_differ_in_their_low_bits():
    seeds = [mixed_seed(a, b) for a in (0, 1, 2, 2**32, 2**40, -1) for b in range(50)]
    assert len({seed % 2**32 for seed in seeds}) == len(seeds)
    assert mixed_seed(1, 2) != mixed_seed(2, 1)


@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_seeding_reaches_python_numpy_and_torch(seed):
    def drawn() -> tuple[float, float, float]:
        seed_everything(seed)
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    assert drawn() == drawn()


def test_all_randomness_can_be_put_back():
    private = torch.Generator().manual_seed(5)

    def drawn() -> list[float]:
        return [
            random.random(),
            random.gauss(0, 1),
            float(np.random.randn()),  # noqa: NPY002
            float(torch.randn(())),
            float(torch.rand((), generator=private)),
        ]

    drawn()  # leaves half a pair of normal numbers in python's and numpy's generators
    before = rng_state([private])
    first = drawn()
    restore_rng_state(before, [private])
    assert drawn() == first


def test_the_state_of_randomness_survives_a_safe_load(tmp_path):
    state = rng_state([torch.Generator().manual_seed(5)])
    torch.save(state, tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    restore_rng_state(state, [torch.Generator()])
    wanted = random.random(), float(np.random.rand())  # noqa: NPY002
    restore_rng_state(loaded, [torch.Generator()])
    assert (random.random(), float(np.random.rand())) == wanted  # noqa: NPY002


def test_half_precision_is_refused_with_the_reason():
    with pytest.raises(UsageError, match=r"fp16 is not supported: .*overflow.*Use bf16"):
        start_runtime(seed=0, device="cpu", precision="fp16")
    with pytest.raises(UsageError, match="unknown precision 'fp8'; use fp32 or bf16"):
        start_runtime(seed=0, device="cpu", precision="fp8")


def test_unknown_and_missing_devices_are_named(monkeypatch):
    with pytest.raises(UsageError, match="unknown device 'gpu'; use auto, cpu, cuda"):
        start_runtime(seed=0, device="gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no CUDA device is available; use --device cpu"):
        start_runtime(seed=0, device="cuda")
    assert start_runtime(seed=0, device="auto").device == CPU


def test_more_processes_than_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(UsageError, match=r"no cuda:2, only 2 CUDA device\(s\): start at most that"):
        start_runtime(seed=0)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_losses_are_computed_in_the_runs_precision(precision, dtype):
    weight = torch.ones(2, 2, requires_grad=True)
    with Runtime(CPU, precision=precision).autocast():
        assert (torch.ones(2, 2) @ weight).dtype == dtype
    assert weight.dtype == torch.float32


def test_a_process_alone_averages_with_nobody():
    tensor = torch.tensor([1.0, 2.0])
    Runtime(CPU).average([tensor])
    assert tensor.tolist() == [1, 2]
    assert Runtime(CPU).gather("x") == ["x"]
    assert Runtime(CPU).from_leader("x") == "x"
    assert Runtime(CPU).leads
    assert not Runtime(CPU, rank=1, world_size=2).leads


def test_bf16_keeps_a_gradient_for_weights_that_were_sampled_from_first():
    """Autocast would cache the cast made under no_grad, so the weight would get no gradient."""
    weight, x = torch.ones(2, 2, requires_grad=True), torch.ones(2, 2)
    with Runtime(CPU, precision="bf16").autocast():
        with torch.no_grad():
            torch.mm(x, weight)
        loss = torch.mm(x, weight).sum()
    assert torch.autograd.grad(loss, weight)[0].abs().sum() > 0

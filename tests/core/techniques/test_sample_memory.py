"""The memory of earlier fakes fills up; then it supplies half of each batch and stores the other half."""

import pytest
import torch

from seqgan_kit.core.techniques.sample_memory import SampleMemory
from seqgan_kit.errors import UsageError


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_it_fills_and_then_replaces_half_of_every_batch() -> None:
    memory, source = SampleMemory(8, (1,)), rng()
    first, second = torch.arange(0.0, 6).view(6, 1), torch.arange(6.0, 12).view(6, 1)
    assert torch.equal(memory.mixed(first, source), first)
    assert torch.equal(memory.mixed(second, source), second)
    assert memory.rows.flatten().tolist() == list(range(8)), "full, and no more"
    third = torch.arange(100.0, 106).view(6, 1)
    mixed = memory.mixed(third, source)
    assert mixed.shape == third.shape
    assert (mixed < 100).sum() == 3
    assert (mixed >= 100).sum() == 3
    kept = memory.rows.flatten().tolist()
    assert sum(value >= 100 for value in kept) == 3
    assert set(kept) & set(mixed.flatten().tolist()) == set(), "none is given and kept"


def test_a_batch_of_one_is_remembered_every_other_time() -> None:
    memory, source = SampleMemory(50, (2, 2)), rng()
    for n in range(50):
        memory.mixed(torch.full((1, 2, 2), float(n)), source)
    old = sum(
        bool(memory.mixed(torch.full((1, 2, 2), 1000.0 + n), source)[0, 0, 0] < 1000 + n)
        for n in range(400)
    )
    assert 150 < old < 250


def test_it_goes_on_from_its_state_and_refuses_to_hold_nothing() -> None:
    memory, other = SampleMemory(4, (1,)), SampleMemory(4, (1,))
    memory.mixed(torch.ones(3, 1), rng())
    other.load_state_dict(memory.state_dict())
    fresh = torch.rand(4, 1)
    for one in (memory, other):
        one.mixed(fresh, rng())
    assert torch.equal(memory.rows, other.rows)
    with pytest.raises(UsageError, match="holds none"):
        SampleMemory(0, (1,))

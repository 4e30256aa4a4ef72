"""Pools of samples."""

import pytest
import torch

from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError


def pool_of(values: list[int]) -> Pool:
    pool = Pool(len(values), torch.zeros(2, dtype=torch.int64))
    pool.refill(torch.tensor(values)[:, None].expand(-1, 2))
    return pool


def test_a_pool_is_read_in_order_and_goes_round():
    pool = pool_of([0, 1, 2, 3, 4])
    assert pool.next(3)[:, 0].tolist() == [0, 1, 2]
    assert pool.next(3)[:, 0].tolist() == [3, 4, 0]
    assert pool.next(12)[:, 0].tolist() == [1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2]


def test_an_epoch_reads_every_sample_once():
    pool = pool_of(list(range(12)))
    read = torch.cat([pool.next(4) for _ in range(3)])[:, 0]
    assert sorted(read.tolist()) == list(range(12))


def test_refilling_starts_over():
    pool = pool_of([0, 1, 2])
    pool.next(2)
    pool.refill(torch.tensor([[7, 7], [8, 8], [9, 9]]))
    assert pool.next(2)[:, 0].tolist() == [7, 8]


def test_samples_handed_out_are_copies():
    pool = pool_of([0, 1, 2])
    pool.next(2).fill_(99)
    assert pool.samples.max() == 2


def test_a_pools_state_is_its_samples_and_its_place():
    pool = pool_of([0, 1, 2, 3])
    pool.next(3)
    other = Pool(4, torch.zeros(2, dtype=torch.int64))
    other.load_state_dict(pool.state_dict())
    assert torch.equal(other.next(3), pool.next(3))
    assert other.samples.dtype == torch.int64


def test_an_empty_pool_is_refused():
    with pytest.raises(UsageError, match="a pool has 0 samples"):
        Pool(0, torch.zeros(2))


def test_pushed_samples_take_the_place_of_the_oldest():
    pool = pool_of([0, 1, 2, 3])
    pool.next(1)
    pool.push(torch.tensor([[7, 7], [8, 8]]))
    assert pool.next(5)[:, 0].tolist() == [2, 3, 7, 8, 2]
    pool.push(torch.arange(6)[:, None].expand(-1, 2))
    assert pool.samples[:, 0].tolist() == [2, 3, 4, 5]

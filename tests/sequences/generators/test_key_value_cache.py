"""Rows that share their beginnings: exact against reading them whole, in float64, whatever is beside them."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seqgan_kit.bench.rollout_timing import without_cache
from seqgan_kit.sequences.generators import transformer
from seqgan_kit.sequences.generators.key_value_cache import CachedRows
from seqgan_kit.sequences.generators.transformer import TransformerConfig, TransformerGenerator
from seqgan_kit.sequences.sampling.prefixes import continue_prefixes
from seqgan_kit.sequences.sampling.rollout import complete_prefixes
from seqgan_kit.sequences.sampling.rows_in_progress import closing_up


def make(length=9, vocabulary=11, *, ends=True):
    tokens = {"bos": 1, "eos": 2, "pad": 0} if ends else {"bos": 0, "eos": None, "pad": None}
    config = TransformerConfig(width=12, layers=2, heads=3, initial_std=0.5)
    return TransformerGenerator(config, vocabulary, length, **tokens, rng=seeded()).eval()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_rows_that_join_and_leave_are_read_as_if_whole():
    """Beginnings of several lengths side by side, rows dropped at random: float64, to rounding."""
    generator = make(length=12, ends=False).double()
    whole = torch.randint(11, (5, 12), generator=seeded(1))
    owner = torch.tensor([0, 0, 0, 1, 2, 2, 4, 4, 4, 4])
    kept = torch.tensor([1, 3, 3, 2, 1, 5, 2, 2, 4, 5])
    tails = torch.randint(11, (10, 12), generator=seeded(2))
    inside = torch.arange(12) < kept.unsqueeze(1)
    rows = torch.where(inside, whole[owner], tails)
    with torch.no_grad():
        stepper, expected = generator.stepper(), generator.prefix_states(rows)
        beginnings = stepper.beginnings(whole[:, :6])
        torch.testing.assert_close(
            beginnings.hidden, generator.prefix_states(whole)[:, :7], atol=1e-12, rtol=0
        )
        states, alive = beginnings.rows(owner, kept), torch.arange(10)
        for step in range(6):
            places = kept[alive] + step
            hidden = states.read(rows[alive, places])
            torch.testing.assert_close(hidden, expected[alive, places + 1], atol=1e-12, rtol=0)
            if step % 2:
                chosen = torch.randperm(len(alive), generator=seeded(step))[:-2].sort().values
                alive = alive[states.keep(chosen)]
    assert len(alive) == 4


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("most_rows", [1, 7, 1024])
def test_completions_are_those_of_caches_made_anew(ends: bool, most_rows: int) -> None:
    """The same random numbers lead to the same tokens, in chunks of any size and any company."""
    generator = make(ends=ends)
    tokens = generator.sample(7, rng=seeded(1))
    plain = complete_prefixes(without_cache(generator), tokens, 3, seeded(2), 512)
    stepper = replace(generator.stepper(), most_rows=most_rows)
    shared = complete_prefixes(stepper, tokens, 3, seeded(2), 512)
    assert torch.equal(shared, plain)
    alone = complete_prefixes(stepper, tokens[:1], 3, seeded(2), 512)
    assert torch.equal(alone, plain[:, :1])


@pytest.mark.parametrize("ends", [False, True])
def test_samples_and_continuations_are_those_of_caches_made_anew(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = make(ends=ends)
    samples = generator.sample(40, rng=seeded(1), chunk_rows=17)
    onward = continue_prefixes(generator, samples[:, :3], 4, rng=seeded(2), chunk_rows=9)
    anew = without_cache(generator)
    monkeypatch.setattr(TransformerGenerator, "stepper", lambda self: anew)
    assert torch.equal(samples, generator.sample(40, rng=seeded(1)))
    assert torch.equal(onward, continue_prefixes(generator, samples[:, :3], 4, rng=seeded(2)))


def test_no_more_rows_are_held_than_a_chunk_has(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    read = CachedRows.read

    def watched(self: CachedRows, tokens: Tensor) -> Tensor:
        hidden = read(self, tokens)
        seen.extend(len(part) for part in self.keys)
        return hidden

    monkeypatch.setattr(CachedRows, "read", watched)
    generator = make()
    tokens = generator.sample(6, rng=seeded())
    complete_prefixes(generator.stepper(), tokens, 2, seeded(), 8)
    assert max(seen) == 8
    monkeypatch.setattr(transformer, "_CACHE_BYTES", 5 * 9 * 2 * 12 * 4)
    complete_prefixes(generator.stepper(), tokens, 2, seeded(), 512)
    assert max(seen) == 8
    assert generator.stepper().most_rows == 5


def test_closing_up_moves_no_more_rows_than_leave() -> None:
    order, places, movers = closing_up(torch.tensor([0, 2, 3, 6]), 7)
    assert order.tolist() == [0, 6, 2, 3]
    assert (places.tolist(), movers.tolist()) == ([1], [6])

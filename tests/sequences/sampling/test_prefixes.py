"""Continuations of given prefixes: their law, by enumeration, and that the prefix itself stays."""

from __future__ import annotations

import pytest
import small_worlds as small
import torch
from torch import Tensor

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.sampling.prefixes import continue_prefixes

DRAWS = 20_000


def law_excess(generator, prefixes: Tensor, rows: Tensor) -> float:
    """Pearson's chi-square of continuations [B,M,T] against G(. | prefix), summed over the prefixes, in
    standard deviations above its mean."""
    sequences, kept = small.enumerate_sequences(generator), prefixes.shape[1]
    probabilities = generator.sequence_log_prob(sequences).detach().double().exp()
    statistic, freedom = 0.0, 0
    for prefix, drawn in zip(prefixes, rows, strict=True):
        begins = (sequences[:, :kept] == prefix).all(1)
        expected = len(drawn) * probabilities[begins] / probabilities[begins].sum()
        same = (drawn.unsqueeze(1) == sequences[begins]).all(2)
        assert same.any(1).all(), "a continuation that the generator cannot write"
        statistic += ((same.double().sum(0) - expected) ** 2 / expected).sum().item()
        freedom += len(expected) - 1
    return (statistic - freedom) / (2 * max(freedom, 1)) ** 0.5


def all_prefixes(generator, kept: int) -> Tensor:
    sequences = small.enumerate_sequences(generator)
    return sequences[:, :kept].unique(dim=0) if kept else sequences[:2, :0]


@pytest.mark.parametrize("kept", range(small.LENGTH + 1))
@pytest.mark.parametrize("world", small.WORLDS)
def test_continuations_have_the_conditional_law(tiny_generator, rng, world, kept):
    """For every prefix of that length, those that hold EOS or all T tokens included."""
    vocabulary, options = small.WORLDS[world]
    generator = tiny_generator(vocabulary, small.LENGTH, initial_std=1.0, **options)
    prefixes = all_prefixes(generator, kept)
    rows = continue_prefixes(generator, prefixes, DRAWS, rng=rng)
    assert rows.shape == (len(prefixes), DRAWS, small.LENGTH)
    assert law_excess(generator, prefixes, rows) < 5


def test_the_law_of_another_prefix_is_found_out(tiny_generator, rng):
    vocabulary, options = small.WORLDS["every row full"]
    generator = tiny_generator(vocabulary, small.LENGTH, initial_std=1.0, **options)
    prefixes = all_prefixes(generator, 1)
    rows = continue_prefixes(generator, prefixes, DRAWS, rng=rng)
    rows[:, :, 1:] = rows.roll(1, dims=0)[:, :, 1:]
    assert law_excess(generator, prefixes, rows) > 50


def test_chunks_do_not_change_the_continuations(tiny_generator):
    generator = tiny_generator(7, 6)
    prefixes = generator.sample(9, rng=torch.Generator().manual_seed(1))[:, :2]
    whole, parts = (
        continue_prefixes(
            generator, prefixes, 4, rng=torch.Generator().manual_seed(0), chunk_rows=rows
        )
        for rows in (1024, 3)
    )
    assert torch.equal(whole, parts)
    assert torch.equal(whole[:, :, :2], prefixes.unsqueeze(1).expand(-1, 4, -1))


def test_the_generator_stays_as_it_is(tiny_generator, rng):
    generator = tiny_generator(dropout=0.5, layers=2).train()
    rows = continue_prefixes(generator, torch.full((3, 2), 4), 2, rng=rng)
    assert all(part.training for part in generator.modules())
    assert not rows.requires_grad


def test_impossible_requests_are_refused(tiny_generator, rng):
    with pytest.raises(UsageError, match="prefixes of 6 tokens 1 times"):
        continue_prefixes(tiny_generator(7, 5), torch.zeros(2, 6).long(), 1, rng=rng)
    with pytest.raises(UsageError, match="0 times"):
        continue_prefixes(tiny_generator(7, 5), torch.zeros(2, 3).long(), 0, rng=rng)

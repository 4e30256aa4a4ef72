"""Beam search against exhaustive search, and what must not change its result."""

import itertools

import pytest
import torch
from small_worlds import enumerate_sequences

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.sampling.beam_search import beam_search

SOURCES = torch.tensor(list(itertools.product((3, 4), repeat=2)))


@pytest.fixture
def generator(tiny_generator):
    return tiny_generator(5, 3, given=2, initial_std=1.5).eval()


def exhaustive(generator, source, alpha):
    """All rows after a source and their log-probabilities, the best first."""
    written = enumerate_sequences(generator)
    rows = torch.cat([source.expand(len(written), -1), written], 1)
    log_probs = generator.sequence_log_prob(rows).detach()
    lengths = generator.token_mask(rows).sum(1)
    order = (log_probs / ((5 + lengths) / 6) ** alpha).argsort(descending=True)
    return rows[order], log_probs[order]


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_wide_beam_is_exhaustive_search(generator, alpha):
    """15 rows can be written in all, and a beam of 15 loses none of their beginnings."""
    found = beam_search(generator, SOURCES, 15, length_penalty=alpha, n_best=15)
    for number, source in enumerate(SOURCES):
        rows, log_probs = exhaustive(generator, source, alpha)
        assert len(rows) == 15
        assert torch.equal(found.rows[number], rows)
        torch.testing.assert_close(found.log_probs[number], log_probs, rtol=1e-4, atol=1e-5)


def test_a_beam_of_one_is_greedy_search(generator):
    greedy = generator.sample(4, given=SOURCES, top_k=1, rng=torch.Generator().manual_seed(0))
    assert torch.equal(beam_search(generator, SOURCES, 1).rows[:, 0], greedy)


def test_neither_chunks_nor_company_change_what_is_found(generator):
    whole = beam_search(generator, SOURCES, 4, n_best=4)
    parts = beam_search(generator, SOURCES, 4, n_best=4, chunk_rows=5)
    alone = beam_search(generator, SOURCES[2:3], 4, n_best=4)
    assert torch.equal(whole.rows, parts.rows)
    assert torch.equal(whole.rows[2:3], alone.rows)
    assert torch.equal(whole.rows[:, :1], beam_search(generator, SOURCES, 4).rows)
    torch.testing.assert_close(
        whole.log_probs.flatten(), generator.sequence_log_prob(whole.rows.flatten(0, 1)).detach()
    )


def test_rows_without_an_end_and_without_a_condition_are_searched_too(tiny_generator):
    generator = tiny_generator(3, 3, bos=0, eos=None, pad=None, initial_std=1.0).eval()
    rows = enumerate_sequences(generator)
    best = rows[generator.sequence_log_prob(rows).argmax()]
    found = beam_search(generator, torch.empty(1, 0, dtype=torch.int64), 27)
    assert torch.equal(found.rows[0, 0], best)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "the beam is 0; it must be at least 1"),
        ({"beam": 3, "n_best": 4}, "n_best is 4; with a beam of 3 it must be 1 to 3"),
        ({"length_penalty": -1.0}, "the length penalty is -1.0"),
    ],
)
def test_a_search_that_finds_nothing_is_refused(generator, options, message):
    with pytest.raises(UsageError, match=message):
        beam_search(generator, SOURCES, **options)

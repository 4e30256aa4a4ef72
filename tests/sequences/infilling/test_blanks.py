"""Which tokens of a text are blank."""

import pytest
import torch

from seqgan_kit.sequences.infilling.blanks import draw_blanks, rows_with_blanks, text_lengths


def drawn(count: int, rate: float, strategy: str, n: int = 4000) -> torch.Tensor:
    rng = torch.Generator().manual_seed(3)
    return draw_blanks(torch.full((n,), count), 8, rate, strategy, rng)


def test_a_contiguous_blank_is_one_piece_of_the_stated_share_anywhere():
    blank = drawn(6, 0.5, "contiguous")
    assert (blank.sum(1) == 3).all()
    assert not blank[:, 6:].any()
    first = blank.long().argmax(1)
    assert all(row[f : f + 3].all() for row, f in zip(blank, first, strict=True))
    shares = torch.bincount(first) / len(first)
    assert shares.tolist() == pytest.approx([0.25] * 4, abs=0.035)


def test_random_blanks_are_independent_tokens_and_never_none():
    """P(blank) = 1/4 of 6 tokens, and one anywhere where there is none: 1/4 + (3/4)^6 / 6."""
    blank = drawn(6, 0.25, "random")
    assert blank.any(1).all()
    assert blank[:, :6].float().mean().item() == pytest.approx(0.25 + 0.75**6 / 6, abs=0.02)
    assert not blank[~blank[:, :6].all(1), 6:].any()


@pytest.mark.parametrize("strategy", ["random", "contiguous"])
def test_with_a_rate_of_1_nothing_is_left(strategy):
    assert drawn(6, 1.0, strategy, 5).all()
    assert drawn(1, 0.1, strategy, 5).all()


def test_rows_have_the_mark_before_the_text():
    texts = torch.tensor([[5, 6, 2, 0], [5, 6, 7, 8]])
    assert text_lengths(texts, 2).tolist() == [2, 4]
    assert text_lengths(texts, None).tolist() == [4, 4]
    blank = torch.tensor([[True, False, False, False], [False, True, True, False]])
    rows = rows_with_blanks(texts, blank, 1)
    assert rows.tolist() == [[1, 6, 2, 0, 5, 6, 2, 0], [5, 1, 1, 8, 5, 6, 7, 8]]

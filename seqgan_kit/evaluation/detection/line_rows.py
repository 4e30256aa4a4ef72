"""Token rows of lines that may be longer than a model's rows, and the words that the tokens belong to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqgan_kit.data.text.encoding import clean_line
from seqgan_kit.data.text.tokenizer import EOS, PAD, SPECIALS, Tokenizer


def cut_rows(rows: Sequence[Sequence[int]], columns: int, *, ends: bool) -> Tensor:
    """Return rows [N,T] of ids: the first T of each line, the end where there is room, then padding.

    Args:
        rows: ids of each line.
        columns: T.
        ends: whether rows of this model have an end.
    """
    table = torch.full((len(rows), columns), PAD, dtype=torch.int64)
    for row, ids in zip(table, rows, strict=True):
        kept = [*ids, EOS][:columns] if ends else ids[:columns]
        row[: len(kept)] = torch.tensor(kept, dtype=torch.int64)
    return table


def shown_tokens(tokenizer: Tokenizer, line: str, ids: Sequence[int]) -> list[str]:
    """Return the tokens of a line and its end as text: unknown words as they stand where words are tokens."""
    words = tokenizer.words(clean_line(line))
    if len(words) != len(ids):
        words = [tokenizer.decode([i]) or " " for i in ids]
    return [*words, SPECIALS[EOS]]


def word_number(tokenizer: Tokenizer, ids: Sequence[int], token: int) -> int:
    """Return the number, from 1, of the word that a token belongs to; the end is one more word.

    Args:
        tokenizer: converter of lines to ids.
        ids: ids of the line without its end.
        token: index of the token, the number of ids for the end.
    """
    if token >= len(ids):
        return len(tokenizer.decode(ids).split()) + 1
    return max(1, len(tokenizer.decode(ids[: token + 1]).split()))

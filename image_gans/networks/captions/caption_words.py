"""Token rows of captions for networks that know a list of words."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from seqgan_kit.data.images.captioned import caption_rows, word_tokenizer
from seqgan_kit.errors import UsageError, unknown


def rows_of_captions(
    words: Sequence[str], length: int, captions: Sequence[str], strict: bool = False
) -> Tensor:
    """Return token rows [N,length] of captions.

    Args:
        words: words that the network knows, most frequent first.
        length: tokens of a row.
        captions: sentences.
        strict: refuse captions with unknown words, empty ones, and longer ones than the longest training
            caption.
    """
    tokenizer = word_tokenizer(words)
    for caption in captions if strict else ():
        _check(caption, tokenizer.words(caption), words, length)
    return caption_rows(tokenizer, captions, length)


def _check(caption: str, found: Sequence[str], words: Sequence[str], length: int) -> None:
    if not found:
        raise UsageError("a caption is empty: give a sentence.")
    if len(found) >= length:
        raise UsageError(
            f"the caption {caption[:60]!r} has {len(found)} words; the model reads "
            f"{length - 1}, as in its longest training caption. Shorten it."
        )
    known = set(words)
    for word in found:
        if word not in known:
            raise UsageError(
                f"the caption {caption[:60]!r}: {unknown('word', word, words[:12], words)} "
                f"These are the most frequent of {len(known):,} words that the model was trained on."
            )

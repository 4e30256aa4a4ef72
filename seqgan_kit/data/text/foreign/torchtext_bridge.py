"""Convert vocabularies from and to torchtext 0.6 (the ``torchtext`` extra), and load pretrained vectors.

In torchtext the user chooses the ids of ``<unk>`` and ``<pad>``; here the four special ids are fixed. So ids
change on import, as :func:`id_map` describes, but not on export.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.data.sources.plaintext import check_text
from seqgan_kit.data.text.tokenizer import PAD, SPECIALS, UNK
from seqgan_kit.data.text.tokenizers import Punctuation, WordTokenizer
from seqgan_kit.errors import DataError, UsageError

MARKS = frozenset((*SPECIALS, "<sos>", "<s>", "</s>", "<init>", "<blank>"))
"""Special tokens of torchtext vocabularies, which the special ids replace."""


@dataclass(frozen=True)
class PretrainedEmbedding:
    """An embedding matrix, and a mask of its pretrained rows.

    Attributes:
        matrix: ``[V,E]`` float32, row i for token i.
        found: ``[V]`` bool, True for pretrained rows; other rows are random, and that of PAD is zero.
    """

    matrix: Tensor
    found: Tensor

    def line(self) -> str:
        """Return a printable line with the number of words found."""
        words = len(self.found) - len(SPECIALS)
        return f"pretrained vectors for {int(self.found.sum()):,} of {words:,} words"


def tokenizer_from_vocab(
    vocab: Any, *, lowercase: bool = False, punctuation: Punctuation = "keep"
) -> WordTokenizer:
    """Return a word tokenizer with the words of a torchtext ``Vocab``, in its order.

    Args:
        vocab: a ``torchtext.vocab.Vocab``; its special tokens (<pad>, <unk>, <sos> ...) become the special
        ids. lowercase: set it if the vocabulary was built from lower-cased text. punctuation: ``keep`` splits
        at spaces only, as torchtext's default tokenizer does.
    """
    if not isinstance(vocab, _vocab_module().Vocab):
        raise UsageError(f"expected a torchtext Vocab, got {type(vocab).__name__}.")
    words = [word for word in vocab.itos if word not in MARKS]
    return WordTokenizer(words, lowercase=lowercase, punctuation=punctuation)


def id_map(vocab: Any, tokenizer: WordTokenizer) -> Tensor:
    """Return ``[len(vocab)]`` int64: this toolkit's id for each torchtext id, UNK for unknown words.

    ``id_map(vocab, tokenizer)[old_ids]`` converts data; row i of an old embedding moves to row ``id_map[i]``.
    """
    ours = {word: i for i, word in enumerate(tokenizer.vocabulary)}
    marks = {
        "<sos>": "<bos>",
        "<s>": "<bos>",
        "<init>": "<bos>",
        "</s>": "<eos>",
        "<blank>": "<pad>",
    }
    return torch.tensor([ours.get(marks.get(word, word), UNK) for word in vocab.itos])


def vocab_from_tokenizer(tokenizer: WordTokenizer, lines: Iterable[str] = ()) -> Any:
    """Return a torchtext ``Vocab`` with the ids of the tokenizer.

    Args:
        tokenizer: a word tokenizer.
        lines: text whose words are counted for ``Vocab.freqs``.
    """
    words = tokenizer.vocabulary[len(SPECIALS) :]
    # Vocab sorts by count, so decreasing counts keep the order.
    order = Counter({word: len(words) - i for i, word in enumerate(words)})
    vocab = _vocab_module().Vocab(order, specials=list(SPECIALS), specials_first=True)
    vocab.freqs = Counter(word for line in lines for word in tokenizer.words(line))
    return vocab


def pretrained_embedding(
    vectors: Any, tokenizer: WordTokenizer, *, rng: torch.Generator
) -> PretrainedEmbedding:
    """Return an embedding matrix for the tokenizer's ids.

    A word without a vector gets that of its lower-case form. If that has none either, its row is drawn from a
    normal distribution with the standard deviation of the vectors found.

    Args:
        vectors: a ``torchtext.vocab.Vectors`` (``GloVe``, ``FastText``), or the path of a text file of
            vectors: a word and its numbers on each line, with or without a first line of counts.
        tokenizer: a word tokenizer.
        rng: random generator for rows without a vector.
    """
    wanted = {form for word in tokenizer.vocabulary for form in (word, word.lower())}
    if isinstance(vectors, str | Path):
        found = dict(_read_vectors(Path(vectors), wanted))
    else:
        found = {
            word: vectors.vectors[vectors.stoi[word]] for word in wanted if word in vectors.stoi
        }
    if not found:
        raise DataError(
            "none of the tokenizer's words has a vector: use vectors of the same language."
        )
    known = torch.stack(list(found.values())).float()
    shape = (tokenizer.vocabulary_size, known.shape[1])
    matrix = torch.randn(shape, generator=rng) * known.std(correction=0) + known.mean()
    has = torch.zeros(shape[0], dtype=torch.bool)
    for i, word in enumerate(tokenizer.vocabulary[len(SPECIALS) :], start=len(SPECIALS)):
        vector = found.get(word, found.get(word.lower()))
        if vector is not None:
            matrix[i], has[i] = vector, True
    matrix[PAD] = 0.0
    return PretrainedEmbedding(matrix, has)


def _read_vectors(path: Path, wanted: set[str]) -> Iterator[tuple[str, Tensor]]:
    if not path.is_file():
        raise DataError(f"the file of vectors {path} does not exist: check the path.")
    check_text(path)
    dimensions = 0
    with path.open(encoding="utf-8") as file:
        for place, line in enumerate(file, start=1):
            fields = line.rstrip().split(" ")
            # word2vec and fastText begin with a line of two counts.
            if place == 1 and len(fields) == 2:
                continue
            dimensions = dimensions or len(fields) - 1
            # Some words in GloVe's largest file contain spaces, so the numbers are counted from the right.
            word = " ".join(fields[:-dimensions])
            if word and word not in wanted:
                continue
            try:
                numbers = [float(field) for field in fields[-dimensions:]]
            except ValueError:
                numbers = []
            if not word or not numbers:
                raise DataError(
                    f"line {place} of {path} is not a word followed by {dimensions} numbers: {line[:50]!r}."
                )
            yield word, torch.tensor(numbers)


def _vocab_module() -> Any:
    try:
        return importlib.import_module("torchtext.vocab")
    except ImportError as error:
        raise UsageError(
            f"torchtext 0.6 cannot be imported ({error}); install it: pip install 'seqgan-kit[torchtext]'."
        ) from None

"""Learn the vocabularies of pairs of texts, and encode the pairs that fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.text.encoding import clean_line, learn_tokenizer, pad_rows
from seqgan_kit.data.text.source_vocabulary import ClassTokenizer, SourceVocabulary
from seqgan_kit.data.text.text_account import SplitAccount
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.tokenizer import PAD, UNK, Tokenizer
from seqgan_kit.errors import DataError

Pair = tuple[str, str]


@dataclass(frozen=True)
class EncodedPairs:
    """One split: the kept pairs as text and as ids, and the counts."""

    account: SplitAccount
    pairs: list[Pair]
    given: list[list[int]]
    written: list[list[int]]

    def rows(self, width: int, length: int) -> Tensor:
        """Return [N,S+T]: the given tokens and PAD, then the written ones, EOS and PAD."""
        return torch.cat([_padded(self.given, width), pad_rows(self.written, length)], 1)


def encode_source(sources: SourceVocabulary, line: str, length: int) -> Tensor:
    """Return a source as the generator reads it, [S] ids: the last S tokens, then PAD."""
    ids = sources.encode(clean_line(line))[-length:]
    return torch.tensor(ids + [PAD] * (length - len(ids)), dtype=torch.int64)


def learn_vocabularies(
    pairs: list[Pair], cfg: TextData, given: PairData
) -> tuple[Tokenizer, SourceVocabulary]:
    """Learn the tokenizer of the text, and the vocabulary of the sources: the same, or one of their own."""
    sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
    if given.label_column:
        tokenizer = learn_tokenizer(cfg, targets)
        own: Tokenizer = ClassTokenizer(sorted(set(sources)))
    elif given.has_own_vocabulary:
        tokenizer = learn_tokenizer(cfg, targets)
        longest = given.source_tokens if given.long_sources == "drop" else None
        of_sources = replace(
            cfg,
            tokenizer=given.source_tokenizer or cfg.tokenizer,
            vocabulary=given.source_vocabulary or cfg.vocabulary,
            max_tokens=longest,
        )
        try:
            own = learn_tokenizer(of_sources, sources)
        except DataError as error:
            told = str(error).replace("--vocabulary", "--source-vocabulary")
            raise DataError(f"the vocabulary of the sources: {told}") from None
    else:
        tokenizer = learn_tokenizer(cfg, list(chain.from_iterable(pairs)))
        return tokenizer, SourceVocabulary(tokenizer)
    return tokenizer, SourceVocabulary(own, tokenizer.vocabulary_size)


def encode_pairs(
    account: SplitAccount,
    pairs: list[Pair],
    tokenizer: Tokenizer,
    sources: SourceVocabulary,
    cfg: TextData,
    given: PairData,
) -> EncodedPairs:
    """Encode the pairs that fit, and count the others; long sources are cut or left out."""
    kept = EncodedPairs(account, [], [], [])
    long_targets = long_sources = cut = 0
    known: dict[str, list[int]] = {}  # a source occurs once for each of its targets
    for source, target in pairs:
        ids = known[source] = known.get(source) or sources.encode(source)
        written = tokenizer.encode(target)
        too_long = given.source_tokens is not None and len(ids) > given.source_tokens
        if cfg.max_tokens is not None and len(written) > cfg.max_tokens:
            long_targets += 1
        elif too_long and given.long_sources == "drop":
            long_sources += 1
        else:
            cut += too_long
            kept.pairs.append((sources.tokenizer.normalise(source), tokenizer.normalise(target)))
            kept.given.append(ids[-given.source_tokens :] if given.source_tokens else ids)
            kept.written.append(written)
            continue
        if cfg.strict:
            raise DataError(
                f"a pair of {account.source} is too long ({len(ids)} and {len(written)} tokens): "
                f"{source[:40]!r} -> {target[:40]!r}. Leave --strict out to skip such pairs."
            )
    done = replace(
        account,
        too_long=long_targets,
        long_sources=long_sources,
        cut_sources=cut,
        kept=len(kept.pairs),
        tokens=sum(map(len, kept.written)),
        unknown_tokens=sum(ids.count(UNK) for ids in kept.written),
    )
    return replace(kept, account=done)


def _padded(rows: list[list[int]], width: int) -> Tensor:
    """Return [N,S] int64: each row's ids, then PAD."""
    table = torch.full((len(rows), width), PAD, dtype=torch.int64)
    for row, ids in zip(table, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return table

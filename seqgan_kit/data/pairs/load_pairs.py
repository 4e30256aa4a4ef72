"""Load pairs of texts as rows of S given tokens followed by T written tokens.

Filtering each side separately would misalign the pairs, so a pair is kept or dropped as a whole. The account
counts every reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from seqgan_kit.data.pairs.encode_pairs import (
    EncodedPairs,
    Pair,
    encode_pairs,
    encode_source,
    learn_vocabularies,
)
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.pairs.pair_rows import RawPairs, read_pairs
from seqgan_kit.data.sources.splits import assign
from seqgan_kit.data.text.encoding import clean_line
from seqgan_kit.data.text.source_vocabulary import ClassTokenizer, SourceVocabulary
from seqgan_kit.data.text.text_account import Account, SplitAccount
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.text_corpus import SPLITS, TextCorpus
from seqgan_kit.data.text.tokenizer import SPECIALS, Tokenizer
from seqgan_kit.errors import DataError

__all__ = ["clean_pairs", "encode_source", "load_pairs"]

_MOST_CLASSES = 1000


def load_pairs(cfg: TextData, given: PairData) -> TextCorpus:
    """Read, split, tokenise and encode pairs."""
    splits = {
        split: clean_pairs(raw, given, cfg.strict) for split, raw in read_pairs(cfg, given).items()
    }
    if given.label_column:
        _check_classes(splits, given.label_column)
    splits = _cut_held_out(cfg, splits, by_source=bool(given.sources or given.source_column))
    tokenizer, sources = learn_vocabularies(splits["train"][1], cfg, given)
    encoded = {
        split: encode_pairs(account, pairs, tokenizer, sources, cfg, given)
        for split, (account, pairs) in splits.items()
    }
    for split, part in encoded.items():
        if not part.pairs:
            raise DataError(
                f"no pair of {part.account.source} ({split}) is left: {part.account.line(split)}. Raise "
                "--max-tokens or --source-tokens, or set --long-sources cut."
            )
    empty = EncodedPairs(SplitAccount("none"), [], [], [])
    by_split = {split: encoded.get(split, empty) for split in SPLITS}
    corpus = _corpus(tokenizer, sources, by_split, given)
    return corpus.with_training_lines(cfg.train_lines)


def clean_pairs(
    raw: RawPairs, given: PairData, strict: bool = False
) -> tuple[SplitAccount, list[Pair]]:
    """Return the cleaned pairs that have both sides, and the counts of the others."""
    kept: list[Pair] = []
    no_source = no_target = 0
    for place, pair in enumerate(raw.pairs, start=1):
        source, target = clean_line(pair[0]), clean_line(pair[1])
        if given.label_column:
            source = " ".join(source.split())
        if strict and not (source and target):
            side = "target" if source else "source"
            raise DataError(
                f"pair {place} of {raw.name} has an empty {side}; leave --strict out to skip such pairs."
            )
        if not source:
            no_source += 1
        elif not target:
            no_target += 1
        else:
            kept.append((source, target))
    account = SplitAccount(raw.name, read=len(raw.pairs), empty=no_target, empty_sources=no_source)
    if not kept:
        raise DataError(
            f"{raw.name} has no pair of two texts: of {len(raw.pairs):,} pairs {no_source:,} have an empty "
            f"source and {no_target:,} an empty target. Check the columns and that replies are not empty."
        )
    return account, kept


def _check_classes(splits: dict[str, tuple[SplitAccount, list[Pair]]], column: str) -> None:
    known = {source for source, _ in splits["train"][1]}
    if len(known) > _MOST_CLASSES:
        raise DataError(
            f"the column {column!r} has {len(known):,} classes, more than {_MOST_CLASSES:,}: it looks like "
            "text. Give it as --source-column."
        )
    for split, (account, pairs) in splits.items():
        strange = sorted({source for source, _ in pairs} - known)
        if strange:
            raise DataError(
                f"{account.source} ({split}) has the class {strange[0]!r}, which no training line has. The "
                f"training text has: {', '.join(sorted(known)[:20])}."
            )


def _cut_held_out(
    cfg: TextData, splits: dict[str, tuple[SplitAccount, list[Pair]]], *, by_source: bool
) -> dict[str, tuple[SplitAccount, list[Pair]]]:
    """Cut missing splits from the training pairs.

    The split uses a hash of the source, so that no source is in two splits. If many lines share a class or a
    prompt, it uses a hash of the target.
    """
    shares = {"valid": cfg.valid_share, "test": cfg.test_share}
    shares = {split: share for split, share in shares.items() if split not in splits and share > 0}
    account, pairs = splits["train"]
    side = 0 if by_source else 1
    places = assign((pair[side] for pair in pairs), shares)
    if places is None:
        raise DataError(
            f"{account.source} has only {len({pair[side] for pair in pairs})} different "
            f"{'sources' if by_source else 'lines'}; {len(shares) + 1} are needed for "
            f"{', '.join(['train', *shares])}. Give more pairs, or set valid_share and test_share to 0."
        )
    parts: dict[str, list[Pair]] = {split: [] for split in ("train", *shares)}
    for pair in pairs:
        parts[places[pair[side]]].append(pair)
    held_out = sum(len(parts[split]) for split in shares)
    cut = {
        split: (SplitAccount(f"cut from {account.source}", read=len(parts[split])), parts[split])
        for split in shares
    }
    return {
        **splits,
        "train": (replace(account, read=account.read - held_out), parts["train"]),
        **cut,
    }


def _corpus(
    tokenizer: Tokenizer,
    sources: SourceVocabulary,
    splits: dict[str, EncodedPairs],
    given: PairData,
) -> TextCorpus:
    longest = max(len(ids) for part in splits.values() for ids in part.written)
    width = max(len(ids) for part in splits.values() for ids in part.given)
    rows = {split: part.rows(width, longest + 1) for split, part in splits.items()}
    of_split = {split: [source for source, _ in part.pairs] for split, part in splits.items()}
    lines = {split: [target for _, target in part.pairs] for split, part in splits.items()}
    account = Account(
        tokenizer=tokenizer.kind,
        vocabulary=tokenizer.vocabulary_size,
        cut_from_vocabulary=0,
        longest=longest,
        splits={split: part.account for split, part in splits.items()},
        notes=tuple(_notes(sources, splits, width)),
        special=len(SPECIALS),
    )
    return TextCorpus(
        tokenizer=tokenizer,
        train=rows["train"],
        valid=rows["valid"],
        test=rows["test"],
        train_lines=lines["train"],
        valid_lines=lines["valid"],
        test_lines=lines["test"],
        account=account,
        given=width,
        sources=of_split,
        source_vocabulary=sources if sources.first else None,
        classes=tuple(sorted(set(of_split["train"]))) if given.label_column else (),
    )


def _notes(sources: SourceVocabulary, splits: dict[str, EncodedPairs], width: int) -> Iterator[str]:
    if isinstance(sources.tokenizer, ClassTokenizer):
        yield f"every line is written after one of {len(sources.tokenizer.classes)} classes."
        return
    yield f"every line is written after {width} given tokens, shorter sources padded."
    if sources.first:
        yield (
            f"the sources have a vocabulary of their own: {sources.tokenizer.vocabulary_size:,} tokens "
            f"({sources.tokenizer.kind} tokenizer)."
        )
    for split, part in splits.items():
        strange = sum(ids.count(sources.unknown) for ids in part.given)
        if strange:
            share = strange / sum(map(len, part.given))
            yield f"{strange:,} source tokens of {split} ({share:.2%}) became <unk>."

"""Load pairs of texts as rows of S given tokens followed by T written tokens.

Filtering each side separately would misalign the pairs, so a pair is kept or dropped as a whole. The account
counts every reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.pairs.pair_rows import RawPairs, read_pairs
from seqgan_kit.data.sources.splits import assign
from seqgan_kit.data.text.encoding import clean_line, learn_tokenizer, pad_rows
from seqgan_kit.data.text.text_account import Account, SplitAccount
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.text_corpus import SPLITS, TextCorpus
from seqgan_kit.data.text.tokenizer import PAD, SPECIALS, UNK, Tokenizer
from seqgan_kit.errors import DataError

_MOST_CLASSES = 1000

Pair = tuple[str, str]


@dataclass(frozen=True)
class EncodedPairs:
    """One split: the kept pairs as text and as ids, and the counts."""

    account: SplitAccount
    pairs: list[Pair]
    given: list[list[int]]
    written: list[list[int]]


def load_pairs(cfg: TextData, given: PairData) -> TextCorpus:
    """Read, split, tokenise and encode pairs; both sides share one vocabulary."""
    splits = {
        split: _clean(raw, given, cfg.strict) for split, raw in read_pairs(cfg, given).items()
    }
    if given.label_column:
        _check_classes(splits, given.label_column)
    splits = _cut_held_out(cfg, splits, by_source=bool(given.sources or given.source_column))
    learned_from = list(chain.from_iterable(splits["train"][1]))
    tokenizer = learn_tokenizer(cfg, learned_from)
    encoded = {
        split: _encode(account, pairs, tokenizer, cfg, given)
        for split, (account, pairs) in splits.items()
    }
    for split, part in encoded.items():
        if not part.pairs:
            raise DataError(
                f"no pair of {part.account.source} ({split}) is left: {part.account.line(split)}. Raise "
                "--max-tokens or --source-tokens, or set --long-sources cut."
            )
    empty = EncodedPairs(SplitAccount("none"), [], [], [])
    return _corpus(tokenizer, {split: encoded.get(split, empty) for split in SPLITS}, given)


def encode_source(tokenizer: Tokenizer, line: str, length: int) -> Tensor:
    """Return a source as the generator reads it, [S] ids: the last S tokens, then PAD."""
    ids = tokenizer.encode(clean_line(line))[-length:]
    return torch.tensor(ids + [PAD] * (length - len(ids)), dtype=torch.int64)


def _clean(raw: RawPairs, given: PairData, strict: bool) -> tuple[SplitAccount, list[Pair]]:
    kept: list[Pair] = []
    no_source = no_target = 0
    for place, pair in enumerate(raw.pairs, start=1):
        source, target = clean_line(pair[0]), clean_line(pair[1])
        if given.label_column:
            source = "_".join(source.split())
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
            f"source and {no_target:,} an empty target."
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


def _encode(
    account: SplitAccount, pairs: list[Pair], tokenizer: Tokenizer, cfg: TextData, given: PairData
) -> EncodedPairs:
    kept = EncodedPairs(account, [], [], [])
    long_targets = long_sources = cut = 0
    known: dict[str, list[int]] = {}  # a source occurs once for each of its targets
    for source, target in pairs:
        ids = known[source] = known.get(source) or tokenizer.encode(source)
        written = tokenizer.encode(target)
        too_long = given.source_tokens is not None and len(ids) > given.source_tokens
        if cfg.max_tokens is not None and len(written) > cfg.max_tokens:
            long_targets += 1
        elif too_long and given.long_sources == "drop":
            long_sources += 1
        else:
            cut += too_long
            kept.pairs.append((tokenizer.normalise(source), tokenizer.normalise(target)))
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


def _corpus(tokenizer: Tokenizer, splits: dict[str, EncodedPairs], given: PairData) -> TextCorpus:
    longest = max(len(ids) for part in splits.values() for ids in part.written)
    width = max(len(ids) for part in splits.values() for ids in part.given)
    rows = {
        split: torch.cat([_padded(part.given, width), pad_rows(part.written, longest + 1)], 1)
        for split, part in splits.items()
    }
    sources = {split: [source for source, _ in part.pairs] for split, part in splits.items()}
    lines = {split: [target for _, target in part.pairs] for split, part in splits.items()}
    account = Account(
        tokenizer=tokenizer.kind,
        vocabulary=tokenizer.vocabulary_size,
        cut_from_vocabulary=0,
        longest=longest,
        splits={split: part.account for split, part in splits.items()},
        notes=(f"every line is written after {width} given tokens, shorter sources padded.",),
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
        sources=sources,
        classes=tuple(sorted(set(sources["train"]))) if given.label_column else (),
    )


def _padded(rows: list[list[int]], width: int) -> Tensor:
    """Return [N,S] int64: each row's ids, then PAD."""
    table = torch.full((len(rows), width), PAD, dtype=torch.int64)
    for row, ids in zip(table, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return table

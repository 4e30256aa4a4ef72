"""Encode raw lines as a corpus, and count every dropped line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from seqgan_kit.data.sources.splits import assign
from seqgan_kit.data.text.notations import NotationTokenizer
from seqgan_kit.data.text.selfies_tokens import SelfiesTokenizer
from seqgan_kit.data.text.text_account import Account, SplitAccount
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.text_corpus import SPLITS, TextCorpus
from seqgan_kit.data.text.tokenizer import EOS, PAD, SPECIALS, UNK, Tokenizer
from seqgan_kit.data.text.tokenizers import CharTokenizer, WordTokenizer, train_tokenizer
from seqgan_kit.errors import DataError

_LINE_BREAKS = re.compile(r"[\r\n]+")


@dataclass
class SplitLines:
    """One split during encoding: cleaned lines, their ids, and counts of dropped lines."""

    account: SplitAccount
    lines: list[str] = field(default_factory=list)
    ids: list[list[int]] = field(default_factory=list)


def encode_corpus(
    cfg: TextData,
    raw: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    *,
    columns: int | None = None,
) -> TextCorpus:
    """Clean, split, tokenise and encode raw lines.

    Args:
        cfg: the options.
        raw: raw lines by split; missing ``valid`` and ``test`` splits are cut from ``train``.
        names: source of each split, for the account.
        columns: T, if it must not depend on the given lines (default: length of the longest line plus EOS).
    """
    splits = {split: clean(lines, names[split], cfg.strict) for split, lines in raw.items()}
    splits = _cut_held_out(cfg, splits)
    tokenizer = learn_tokenizer(cfg, splits["train"].lines)
    splits = {
        s: encode_rows(rows, tokenizer, cfg.max_tokens, cfg.strict) for s, rows in splits.items()
    }
    _check_kept(cfg, splits)
    longest = max(len(ids) for rows in splits.values() for ids in rows.ids)
    by_split = {split: splits.get(split, SplitLines(SplitAccount("none"))) for split in SPLITS}
    account = _account(cfg, tokenizer, by_split, longest)
    return corpus_of(tokenizer, by_split, columns or longest + 1, account)


def corpus_of(
    tokenizer: Tokenizer, splits: Mapping[str, SplitLines], columns: int, account: Account
) -> TextCorpus:
    """Build the corpus from encoded splits; ``columns`` is T."""
    tensors = {split: pad_rows(rows.ids, columns) for split, rows in splits.items()}
    lines = {split: [tokenizer.normalise(x) for x in rows.lines] for split, rows in splits.items()}
    return TextCorpus(
        tokenizer=tokenizer,
        train=tensors["train"],
        valid=tensors["valid"],
        test=tensors["test"],
        train_lines=lines["train"],
        valid_lines=lines["valid"],
        test_lines=lines["test"],
        account=account,
    )


def clean(raw: Iterable[str], name: str, strict: bool = False) -> SplitLines:
    """Normalise Unicode (NFC), join the lines of a record, strip, and drop empty lines."""
    rows = SplitLines(SplitAccount(name))
    read = empty = 0
    for text in raw:
        read += 1
        if line := clean_line(text):
            rows.lines.append(line)
            continue
        empty += 1
        if strict:
            raise DataError(f"row {read} of {name} is empty. Leave out --strict to skip such rows.")
    if read == 0:
        raise DataError(f"{name} is empty: it has no rows.")
    if not rows.lines:
        raise DataError(f"{name} has no text: all of its {read:,} rows are empty.")
    rows.account = replace(rows.account, read=read, empty=empty)
    return rows


def clean_line(text: str) -> str:
    """Return a row as one stripped line in NFC form, in which a letter and its accent are one character."""
    return unicodedata.normalize("NFC", _LINE_BREAKS.sub(" ", text)).strip()


def encode_rows(
    rows: SplitLines, tokenizer: Tokenizer, max_tokens: int | None, strict: bool
) -> SplitLines:
    """Return the ids of the lines that fit, with the final counts."""
    kept = SplitLines(rows.account)
    for line in rows.lines:
        ids = tokenizer.encode(line)
        if max_tokens is None or len(ids) <= max_tokens:
            kept.lines.append(line)
            kept.ids.append(ids)
        elif strict:
            raise DataError(
                f"a line of {rows.account.source} has {len(ids)} tokens, more than max_tokens "
                f"{max_tokens}: {line[:60]!r}. Leave out --strict to skip such lines."
            )
    kept.account = replace(
        rows.account,
        too_long=len(rows.lines) - len(kept.lines),
        kept=len(kept.lines),
        tokens=sum(map(len, kept.ids)),
        unknown_tokens=sum(ids.count(UNK) for ids in kept.ids),
    )
    return kept


def pad_rows(rows: Sequence[Sequence[int]], columns: int) -> Tensor:
    """Return ``[N,T]`` int64: each row's ids, then EOS, then PAD."""
    table = torch.full((len(rows), columns), PAD, dtype=torch.int64)
    if rows:
        lengths = torch.tensor([len(ids) for ids in rows])
        flat = torch.tensor([i for ids in rows for i in ids], dtype=torch.int64)
        column = torch.arange(columns)
        table[column < lengths[:, None]] = flat
        table[torch.arange(len(rows)), lengths] = EOS
    return table


def _cut_held_out(cfg: TextData, splits: dict[str, SplitLines]) -> dict[str, SplitLines]:
    shares = {"valid": cfg.valid_share, "test": cfg.test_share}
    shares = {split: share for split, share in shares.items() if split not in splits and share > 0}
    train = splits["train"]
    places = assign(train.lines, shares)
    if places is None or len(train.lines) < 2:
        raise DataError(
            f"{train.account.source} has only {_count(len(set(train.lines)), 'distinct line')}; "
            f"{len(shares) + 1} are needed for {', '.join(['train', *shares])}. Give more text, or "
            "set valid_share and test_share to 0 and at least 2 lines."
        )
    parts = {
        split: SplitLines(SplitAccount(f"cut from {train.account.source}")) for split in shares
    }
    parts["train"] = SplitLines(train.account)
    for line in train.lines:
        parts[places[line]].lines.append(line)
    for split in shares:
        n = len(parts[split].lines)
        parts[split].account = replace(parts[split].account, read=n)
    held_out = sum(len(parts[split].lines) for split in shares)
    parts["train"].account = replace(train.account, read=train.account.read - held_out)
    return {**splits, **parts}


def learn_tokenizer(cfg: TextData, lines: Sequence[str]) -> Tokenizer:
    """Learn the tokenizer from the training lines that are not too long."""
    # Words of lines that will be left out must not enter the vocabulary: nothing would train them.
    if cfg.max_tokens is not None and cfg.tokenizer not in ("unigram", "bpe", "hf"):
        blank = _blank(cfg)
        lines = [line for line in lines if len(blank.words(line)) <= cfg.max_tokens] or lines
    return train_tokenizer(
        cfg.tokenizer,
        lines,
        vocabulary=cfg.vocabulary,
        min_count=cfg.min_count,
        lowercase=cfg.lowercase,
        punctuation=cfg.punctuation,
        model=cfg.tokenizer_model,
    )


def _blank(cfg: TextData) -> Tokenizer:
    if cfg.tokenizer == "word":
        return WordTokenizer((), lowercase=cfg.lowercase, punctuation=cfg.punctuation)
    if cfg.tokenizer == "selfies":
        return SelfiesTokenizer(())
    if cfg.tokenizer in ("smiles", "abc"):
        return NotationTokenizer(cfg.tokenizer, ())
    return CharTokenizer((), lowercase=cfg.lowercase)


def _check_kept(cfg: TextData, splits: Mapping[str, SplitLines]) -> None:
    for name, rows in splits.items():
        if not rows.lines:
            raise DataError(
                f"all {rows.account.too_long:,} lines of {name} ({rows.account.source}) are longer than "
                f"max_tokens {cfg.max_tokens}. Raise --max-tokens or leave it out."
            )
    if len(splits["train"].lines) < 2:
        raise DataError("only 1 training line is left; at least 2 are needed.")


def _account(
    cfg: TextData, tokenizer: Tokenizer, splits: Mapping[str, SplitLines], longest: int
) -> Account:
    distinct = _distinct_words(cfg, splits["train"].lines)
    learned = tokenizer.vocabulary_size - len(SPECIALS)
    return Account(
        tokenizer=tokenizer.kind,
        vocabulary=tokenizer.vocabulary_size,
        cut_from_vocabulary=max(0, distinct - learned) if distinct else 0,
        longest=longest,
        splits={split: rows.account for split, rows in splits.items()},
        notes=tuple(_notes(cfg, splits, longest)),
    )


def _distinct_words(cfg: TextData, lines: Sequence[str]) -> int:
    if cfg.tokenizer in ("unigram", "bpe"):
        return 0
    blank = _blank(cfg)
    return len({word for line in lines for word in blank.words(line)} - {SPECIALS[UNK]})


_MANY_UNKNOWN = 0.1
"""Fraction of unknown words above which a note suggests another tokenizer."""


def _notes(cfg: TextData, splits: Mapping[str, SplitLines], longest: int) -> list[str]:
    notes = []
    lengths = sorted(len(ids) for ids in splits["train"].ids)
    usual = lengths[int(0.99 * (len(lengths) - 1))]
    if longest > 2 * usual and longest > 20:
        notes.append(
            f"the longest line has {longest} tokens, but 99% have at most {usual}. All rows are padded to "
            f"the longest, so --max-tokens {usual} would train faster."
        )
    if cfg.tokenizer == "word" and lengths[len(lengths) // 2] <= 1:
        notes.append(
            "most lines are one word; for text without spaces use --tokenizer char or unigram, for "
            "molecules smiles."
        )
    held_out = [rows.account for split, rows in splits.items() if split != "train"]
    unknown, tokens = (sum(getattr(a, of) for a in held_out) for of in ("unknown_tokens", "tokens"))
    if cfg.tokenizer == "word" and unknown > _MANY_UNKNOWN * tokens:
        notes.append(
            f"{unknown / tokens:.0%} of the held-out tokens are words that are not in the training text; "
            "--tokenizer bpe or char has no unknown words."
        )
    train = set(splits["train"].lines)
    for name in ("valid", "test"):
        shared = sum(line in train for line in splits[name].lines)
        if shared:
            notes.append(f"{_count(shared, 'line')} of {name} also occur in the training lines.")
    return notes


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"

"""Check the contents of a saved tokenizer before it is rebuilt."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqgan_kit.core.files.checked_json import check, read_checked
from seqgan_kit.core.files.json_kinds import (
    Kind,
    Misfit,
    flag,
    list_of,
    record,
    text,
    whole,
    word_of,
)
from seqgan_kit.errors import DataError

_MOST_TOKENS = 2**24
_ADVICE = "Restore the file that the run wrote."


def _base64(value: Any) -> None:
    text(64 << 20, 1)(value)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Misfit(value, "a sentencepiece model in base64") from None


_SUBWORDS = record({"lowercase": flag, "model": _base64})
_NOTATION = record({"tokens": list_of(text(10_000, 1), most=_MOST_TOKENS)})
_KINDS: Mapping[str, Kind] = {
    "word": record(
        {
            "lowercase": flag,
            "punctuation": word_of("split", "keep"),
            "words": list_of(text(10_000, 1), most=_MOST_TOKENS),
        }
    ),
    "char": record({"lowercase": flag, "characters": list_of(text(1, 1), most=_MOST_TOKENS)}),
    "unigram": _SUBWORDS,
    "bpe": _SUBWORDS,
    "smiles": _NOTATION,
    "selfies": _NOTATION,
    "abc": _NOTATION,
    "hf": record(
        {
            "tokenizer": text(256 << 20, 1),
            "bos_token": whole(-1, _MOST_TOKENS),
            "eos_token": whole(-1, _MOST_TOKENS),
            "unk_token": whole(-1, _MOST_TOKENS),
        }
    ),
    "class": record({"classes": list_of(text(10_000, 1), most=_MOST_TOKENS)}),
    "number": record({"vocabulary": whole(2, _MOST_TOKENS)}),
}


def tokenizer_state(saved: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the checked state of a tokenizer, from the result of ``to_dict`` or the file of ``save``."""
    kind = record({"kind": word_of(*_KINDS)})
    if isinstance(saved, Mapping):
        state, name = dict(saved), "the tokenizer's state"
        check(state, kind, name, error=DataError, advice=_ADVICE)
    else:
        name = str(saved)
        try:
            state = read_checked(Path(saved), kind, error=DataError, advice=_ADVICE)
        except FileNotFoundError:
            raise DataError(f"the file {name} does not exist: check the path.") from None
    check(state, _KINDS[state["kind"]], name, error=DataError, advice=_ADVICE)
    return state

"""The tokenizer of a language model: its ids, shifted by the kit's four special ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.data.json_files import write_json
from seqgan_kit.data.text.tokenizer import BOS, EOS, PAD, SPECIALS, UNK, split_edges, until_end
from seqgan_kit.errors import DataError, UsageError

_FILE = "tokenizer.json"
_SPECIAL = ("bos_token", "eos_token", "unk_token")
NONE = -1
"""Stands for a special token that a tokenizer does not have."""


class HuggingFaceTokenizer:
    """A tokenizer of the ``tokenizers`` library (a ``tokenizer.json``); id 4 is its token 0, and so on.

    Args:
        content: the content of ``tokenizer.json``.
        special: the library's ids of the beginning, the end and unknown tokens; -1 for none.
    """

    kind = "hf"
    bos, eos, pad = BOS, EOS, PAD

    def __init__(self, content: str, special: tuple[int, int, int]):
        try:
            self._tokenizer = _library().Tokenizer.from_str(content)
        except Exception as error:  # The library raises plain Exception.
            raise DataError(
                f"the file {_FILE} is not valid ({str(error).splitlines()[0]}): give the folder that "
                "save_pretrained wrote."
            ) from None
        self._content, self.model_special_ids = content, special
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @property
    def vocabulary_size(self) -> int:
        return int(self._tokenizer.get_vocab_size()) + len(SPECIALS)

    def encode(self, line: str) -> list[int]:
        unknown = self.model_special_ids[2]
        ids = self._tokenizer.encode(line, add_special_tokens=False).ids
        return [UNK if i == unknown else i + len(SPECIALS) for i in ids]

    def decode(self, ids: Iterable[int]) -> str:
        theirs = [i - len(SPECIALS) for i in until_end(ids) if i >= len(SPECIALS)]
        return str(self._tokenizer.decode(theirs, skip_special_tokens=True)).strip()

    def words(self, line: str) -> list[str]:
        return [word for chunk in line.split() for word in split_edges(chunk)]

    def normalise(self, line: str) -> str:
        return line

    def to_dict(self) -> dict[str, Any]:
        names = dict(zip(_SPECIAL, self.model_special_ids, strict=True))
        return {"kind": self.kind, "tokenizer": self._content, **names}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> HuggingFaceTokenizer:
        """Rebuild a tokenizer from the result of ``to_dict``."""
        bos, eos, unk = (state[name] for name in _SPECIAL)
        return cls(state["tokenizer"], (bos, eos, unk))

    def export(self, folder: Path) -> None:
        """Write the tokenizer as transformers reads it."""
        names = dict(zip(_SPECIAL, self.model_special_ids, strict=True))
        special = {
            name: self._tokenizer.id_to_token(token)
            for name, token in names.items()
            if token != NONE
        }
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / _FILE, self._content.encode())
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
        write_json(folder / "tokenizer_config.json", settings)

    def save(self, path: str | Path) -> None:
        write_json(Path(path), self.to_dict())


def huggingface_tokenizer(name: str) -> HuggingFaceTokenizer:
    """Load the tokenizer of a language model from its folder or the hub."""
    if not name:
        raise UsageError(
            "--tokenizer hf needs a model: give --tokenizer hf:FOLDER or hf:NAME of a model of the hub."
        )
    folder = Path(name).expanduser()
    found = {file: _text_of(name, folder, file) for file in (_FILE, "tokenizer_config.json")}
    content = found[_FILE]
    if content is None:
        raise DataError(
            f"{name} has no {_FILE}: save the tokenizer again with transformers' fast tokenizer "
            "(AutoTokenizer.from_pretrained(...).save_pretrained(FOLDER))."
        )
    settings = json.loads(found["tokenizer_config.json"] or "{}")
    tokenizer = HuggingFaceTokenizer(content, (NONE, NONE, NONE))
    bos, eos, unk = (_id_of(tokenizer, settings.get(token)) for token in _SPECIAL)
    if eos == NONE:
        raise UsageError(
            f"the tokenizer of {name} has no end-of-text token (eos_token in tokenizer_config.json), without "
            "which the model cannot end a line: add one, or choose another model."
        )
    return HuggingFaceTokenizer(content, (bos, eos, unk))


def _id_of(tokenizer: HuggingFaceTokenizer, token: Any) -> int:
    text = token.get("content") if isinstance(token, dict) else token
    found = tokenizer._tokenizer.token_to_id(text) if isinstance(text, str) else None
    return NONE if found is None else int(found)


def _text_of(name: str, folder: Path, file: str) -> str | None:
    """Return a file of the model, or None if it has none."""
    path = folder / file
    if not folder.exists():
        path = _from_hub(name, file)
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _from_hub(name: str, file: str) -> Path:
    hub = import_module("huggingface_hub")
    try:
        return Path(hub.hf_hub_download(name, file))
    except hub.errors.EntryNotFoundError:
        return Path(name) / file
    except (OSError, ValueError) as error:
        raise DataError(
            f"there is no folder {name}, and the hub has no such model or cannot be reached "
            f"({str(error).splitlines()[0]})."
        ) from None


def _library() -> Any:
    try:
        return import_module("tokenizers")
    except ImportError:
        raise UsageError(
            "the tokenizer of a language model needs tokenizers: install it with pip install "
            "'seqgan-kit[lm]'."
        ) from None

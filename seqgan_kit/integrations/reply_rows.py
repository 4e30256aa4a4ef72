"""Rows of tokens for a discriminator, from prompts and replies as text or as chat messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.core.files.pretrained_models import transformers_library
from seqgan_kit.data.text.encoding import pad_rows
from seqgan_kit.data.text.foreign.huggingface_tokens import NONE, HuggingFaceTokenizer
from seqgan_kit.data.text.tokenizer import PAD
from seqgan_kit.errors import DataError, UsageError

Message = dict[str, Any]
Text = str | Sequence[Message]
"""A text, or a list of chat messages with ``role`` and ``content``."""


@dataclass(frozen=True)
class ReplyRows:
    """Encodes prompts and replies as rows [N,S+T], with padding after both.

    The last S tokens of a prompt and the first T of a reply are kept. A reply that is shorter than T ends
    with EOS.
    """

    library_tokenizer: Any
    """A fast tokenizer of transformers."""
    tokenizer: HuggingFaceTokenizer
    """The same tokenizer with the toolkit's ids."""
    prompt_tokens: int
    """S."""
    reply_tokens: int
    """T."""

    def encode(self, prompts: Sequence[Text], replies: Sequence[Text]) -> Tensor:
        """Return the rows of prompts and their replies."""
        if not prompts:
            raise DataError("there are no prompts to score: call the reward with at least one.")
        size, written = self.prompt_tokens, self.reply_tokens
        given = [self.tokenizer.encode(self._prompt(text))[-size:] for text in prompts]
        sources = torch.full((len(given), size), PAD, dtype=torch.int64)
        for row, ids in enumerate(given):
            sources[row, : len(ids)] = torch.tensor(ids, dtype=torch.int64)
        wanted = [self.tokenizer.encode(_joined(text))[:written] for text in replies]
        return torch.cat([sources, pad_rows(wanted, written + 1)[:, :written]], 1)

    def _prompt(self, text: Text) -> str:
        """Return a prompt as its chat template writes it; without a template, the messages line by line."""
        if isinstance(text, str):
            return text
        if getattr(self.library_tokenizer, "chat_template", None):
            return str(
                self.library_tokenizer.apply_chat_template(
                    list(text), tokenize=False, add_generation_prompt=True
                )
            )
        return "".join(f"{message['role']}: {_content(message)}\n" for message in text)


def reply_rows(tokenizer: Any, prompt_tokens: int, reply_tokens: int) -> ReplyRows:
    """Return the encoder of a fast tokenizer of transformers, or of the folder or name of one."""
    if isinstance(tokenizer, str | Path):
        tokenizer = _loaded(str(tokenizer))
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UsageError(
            f"{type(tokenizer).__name__} is no fast tokenizer of transformers: give the tokenizer of the "
            "policy, or the folder of a model."
        )
    special = [
        _first(tokenizer, "bos_token_id", "cls_token_id"),
        _first(tokenizer, "eos_token_id", "sep_token_id"),
        _first(tokenizer, "unk_token_id"),
    ]
    if special[1] == NONE:
        raise UsageError(
            "the tokenizer has neither eos_token nor sep_token, so the end of a reply cannot be marked: set "
            "one."
        )
    kit = HuggingFaceTokenizer(backend.to_str(), (special[0], special[1], special[2]))
    return ReplyRows(tokenizer, kit, prompt_tokens, reply_tokens)


def _loaded(name: str) -> Any:
    local = Path(name).expanduser().exists()
    where = str(Path(name).expanduser()) if local else name
    options = {"local_files_only": local, "trust_remote_code": False}
    try:
        return transformers_library().AutoTokenizer.from_pretrained(where, **options)
    except (OSError, ValueError, KeyError) as error:
        line = str(error).strip().partition("\n")[0].rstrip(".")
        raise DataError(
            f"no tokenizer can be loaded from {name}: {line}. Give the tokenizer of the policy, or the "
            "folder of a model with tokenizer.json."
        ) from None


def _first(tokenizer: Any, *names: str) -> int:
    found = (getattr(tokenizer, name, None) for name in names)
    return next((int(token) for token in found if token is not None), NONE)


def _joined(text: Text) -> str:
    """Return a reply's text; of messages, that of the assistant's."""
    if isinstance(text, str):
        return text
    return "\n".join(_content(message) for message in text)


def _content(message: Message) -> str:
    """Return the text of a message, also of one whose content is a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in content)

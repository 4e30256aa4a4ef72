"""A conversation on the page: a line in, a reply out; the turns so far belong to the visitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from seqgan_kit.errors import SeqganKitError
from seqgan_kit.evaluation.conditional.conversation import Conversation, check_chat
from seqgan_kit.explorer.text_request import TextRequest, check_request


@dataclass(frozen=True)
class ChatReply:
    """What the model said, and what it read."""

    text: str
    """The reply as people write it."""
    turns: tuple[str, ...]
    """All turns so far, as the model reads and writes them."""
    notes: tuple[str, ...]
    """What the model read of the conversation, and the words it does not know."""


def talks(model: object) -> bool:
    """Return whether a model was trained on conversations of several turns."""
    try:
        return Conversation(check_chat(model), {}).knows_turns
    except SeqganKitError:
        return False


def chat_reply(model: object, turns: Sequence[str], line: str, request: TextRequest) -> ChatReply:
    """Answer a line after the turns so far.

    The seed of a reply is the visitor's plus the number of turns, so a conversation can be repeated and no
    two replies share their random numbers.
    """
    check_request(request)
    how: dict[str, Any] = {"beam": request.beam or None}
    if not request.beam:
        rng = torch.Generator().manual_seed(request.seed + len(turns))
        how |= {**request.sampling, "rng": rng}
    conversation = Conversation(check_chat(model), how, turns=list(turns))
    unknown = conversation.unknown(line)
    text = conversation.answer(line)
    notes = [f"The model read: {conversation.read}"]
    if unknown:
        notes.append(f"Unknown to it: {', '.join(unknown[:8])}")
    return ChatReply(text, tuple(conversation.turns), tuple(notes))

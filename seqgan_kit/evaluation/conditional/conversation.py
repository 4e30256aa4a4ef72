"""A conversation with a model that was trained on pairs of a context and a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from seqgan_kit.data.pairs.load_pairs import encode_source
from seqgan_kit.data.pairs.pair_rows import TURN
from seqgan_kit.data.text.detokenize import as_written
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.conditional.answering import generate, unknown_words
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator


def check_chat(model: object) -> TextModel:
    """Return the model, or raise UsageError for one that cannot answer a line."""
    if not isinstance(model, TextModel):
        raise UsageError("chat is for models that write text, and this one does not: use 'sample'.")
    generator = model.generator
    if not isinstance(generator, SequenceGenerator) or not generator.given:
        raise UsageError(
            "this run writes without a source, so it cannot answer: sample it with 'sample', or train on "
            "conversations (--column responses --source-column context)."
        )
    if model.given_vocabulary.tokenizer.kind == "class":
        classes = ", ".join(model.given_vocabulary.tokenizer.classes[:5])  # type: ignore[attr-defined]
        raise UsageError(
            f"this run writes after a class ({classes}), not after a line: use 'sample --prompt CLASS'."
        )
    return model


@dataclass
class Conversation:
    """The turns so far, and a model that answers them.

    Attributes:
        model: model with sources.
        how: arguments of ``generate``, such as ``beam`` or ``temperature``.
        most_turns: number of last turns that the model reads; None: as many as its source has room for.
        turns: what was said, oldest first.
        read: what the model read for its last reply: the last S tokens of the context.
    """

    model: TextModel
    how: Mapping[str, Any]
    most_turns: int | None = None
    turns: list[str] = field(default_factory=list)
    read: str = ""

    def __post_init__(self) -> None:
        if self.most_turns is None and not self.knows_turns:
            self.most_turns = 1

    @property
    def knows_turns(self) -> bool:
        """Whether the model was trained on sources of several turns: their separator is then a known word."""
        return not unknown_words(self.model, TURN.strip())

    def answer(self, line: str) -> str:
        """Add a line to the conversation, and the model's reply; return the reply as people write it."""
        self.turns.append(line)
        context = TURN.join(self.turns[-self.most_turns :] if self.most_turns else self.turns)
        (reply,) = generate(self.model, [context], **self.how)[0]
        self.turns.append(reply)
        self.read = self._as_read(context)
        return as_written(reply, self.model.tokenizer)

    def unknown(self, line: str) -> list[str]:
        """Return the words of a line that the model does not know."""
        words = self.model.given_vocabulary.tokenizer.words(line)
        return [word for word in words if unknown_words(self.model, word)]

    def reset(self) -> None:
        """Forget all turns."""
        self.turns.clear()
        self.read = ""

    def _as_read(self, context: str) -> str:
        sources = self.model.given_vocabulary
        given = encode_source(sources, context, cast(SequenceGenerator, self.model.generator).given)
        return sources.decode(given.tolist())

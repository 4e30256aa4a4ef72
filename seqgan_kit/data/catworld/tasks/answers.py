"""The grammar of answers.

Context keys: ``told`` (told or untold: whether the caption names what is asked), ``pron`` (it, he, she or
they), ``count`` (1, 2 or 3), and ``form`` (how the answer goes on after its opening).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from seqgan_kit.data.catworld.captions import lexicon as lex
from seqgan_kit.data.catworld.captions.grammar import Choice, Context, Facts, Slot, optional, silent
from seqgan_kit.data.catworld.tasks import answer_words as words

_WORDINGS: dict[str, dict[str, lex.Wordings]] = {
    "coat": lex.COAT_WORDS,
    "background": lex.PLACES,
    "size": lex.SIZE_WORDS,
    "accessory": lex.ACCESSORY_WORDS | {"nothing": {"nothing": 1.0}},
    "expression": lex.EXPRESSION_WORDS,
}


def opening(context: Context, facts: Facts) -> list[Choice]:
    ways = words.OPENINGS[context["told"]]
    total = sum(ways.values())
    return [
        Choice(weight / total, text, (("form", form),)) for (text, form), weight in ways.items()
    ]


def value(question: str, context: Context, facts: Facts) -> list[Choice]:
    if context["form"] == "none":
        return [silent()]
    fact = facts[question]
    frame = (
        "{}" if context["form"] == "short" else words.about(words.FULL[question], context["pron"])
    )
    return optional(1, _WORDINGS[question][fact], frame, names=((question, fact),))


def number(context: Context, facts: Facts) -> list[Choice]:
    text = words.COUNTS[context["count"]][context["form"] == "full"]
    return [Choice(1.0, text, (), (("cats", words.COUNTS[context["count"]][0]),))]


def asleep(context: Context, facts: Facts) -> list[Choice]:
    if context["form"] == "none":
        return [silent()]
    answer = "yes" if facts["eyes"] == "shut" else "no"
    text = words.about(words.ASLEEP[answer][context["form"] == "full"], context["pron"])
    return [Choice(1.0, text, (), (("asleep", answer),))]


def stop(context: Context, facts: Facts) -> list[Choice]:
    return [Choice(1.0, ".")]


def _program(question: str) -> tuple[Slot, ...]:
    law: Callable[[Context, Facts], list[Choice]]
    if question == "cats":
        law, asks, reads = number, (), ("form", "count")
    else:
        law = asleep if question == "eyes" else partial(value, question)
        asks, reads = (question,), ("form", "pron")  # type: ignore[assignment]
    return (
        Slot("answer opening", (), ("told",), opening),
        Slot(f"answer about {question}", asks, reads, law),
        Slot("answer stop", (), (), stop),
    )


PROGRAMS = {question: _program(question) for question in words.QUESTIONS}
FACTS = frozenset(words.QUESTIONS) - {"cats"}
"""The facts of a scene that are asked for."""


def answer_context(pron: str, count: str, told: bool) -> dict[str, str]:
    """Return the context before anything is said."""
    return {"pron": pron, "count": count, "told": "told" if told else "untold", "form": ""}

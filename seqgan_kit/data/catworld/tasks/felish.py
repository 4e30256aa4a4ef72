"""The grammar of Felish: the slots of a sentence, with agreement in gender and number.

Context keys: ``count`` (1, 2 or 3), ``noun`` and ``gender`` (chosen before the article is said), and
``room`` ("0" once the sentence has an extra: what the cat wears, or the mood).
"""

from __future__ import annotations

from seqgan_kit.data.catworld.captions.grammar import (
    Choice,
    Context,
    Facts,
    Pairs,
    Slot,
    optional,
    silent,
    spread,
)
from seqgan_kit.data.catworld.tasks import felish_words as words

_FULL: Pairs = (("room", "0"),)


def _ending(context: Context) -> str:
    return words.ENDINGS[context["gender"]][context["count"] != "1"]


def place(context: Context, facts: Facts) -> list[Choice]:
    where = facts["background"]
    return optional(1, words.PLACES[where], names=(("background", where),))


def verb(context: Context, facts: Facts) -> list[Choice]:
    return _verbs(context, facts["eyes"])


def verb_of_many(context: Context, facts: Facts) -> list[Choice]:
    if facts["all_shut"] == "yes":
        return _verbs(context, "shut")
    return [Choice(1.0, "sed" + words.VERB_ENDINGS[1])]


def _verbs(context: Context, eyes: str) -> list[Choice]:
    ending = words.VERB_ENDINGS[context["count"] != "1"]
    return [
        Choice(p, stem + ending, (), () if stem == "sed" else (("eyes", eyes),))
        for stem, p in spread(words.VERBS[eyes])
    ]


def noun_to_come(context: Context, facts: Facts) -> list[Choice]:
    return [
        Choice(p, "", (("noun", noun), ("gender", words.NOUN_FORMS[noun][1])))
        for noun, p in spread(words.NOUNS[facts["size"]])
    ]


def number(context: Context, facts: Facts) -> list[Choice]:
    return [Choice(1.0, words.NUMBERS[context["count"]] + _ending(context))]


def noun(context: Context, facts: Facts) -> list[Choice]:
    single = context["noun"]
    return [Choice(1.0, single if context["count"] == "1" else words.NOUN_FORMS[single][0])]


def coat(context: Context, facts: Facts) -> list[Choice]:
    coat = facts["coat"]
    said = {stem + _ending(context): weight for stem, weight in words.COATS[coat].items()}
    return optional(1, said, names=(("coat", coat),))


def pattern(context: Context, facts: Facts) -> list[Choice]:
    pattern = facts["pattern"]
    if pattern == "plain":
        return [silent()]
    said = {words.PATTERNS[pattern] + _ending(context): 1.0}
    return optional(0.6, said, names=(("pattern", pattern),))


def accessory(context: Context, facts: Facts) -> list[Choice]:
    item = facts["accessory"]
    if item == "nothing":
        return [silent()]
    return optional(0.5, {words.ACCESSORIES[item]: 1.0}, "{}", _FULL, (("accessory", item),))


def mood(context: Context, facts: Facts) -> list[Choice]:
    if context["room"] == "0":
        return [silent()]
    mood = facts["expression"]
    said = {words.MOODS[mood] + _ending(context): 1.0}
    return optional(0.25, said, ", {}", names=(("expression", mood),))


def stop(context: Context, facts: Facts) -> list[Choice]:
    return [Choice(1.0, ".")]


_PLACE = Slot("felish place", ("background",), (), place)
_NOUN_PHRASE = (
    Slot("felish noun to come", ("size",), (), noun_to_come),
    Slot("felish number", (), ("count", "gender"), number),
    Slot("felish noun", (), ("count", "noun"), noun),
    Slot("felish coat", ("coat",), ("count", "gender"), coat),
    Slot("felish pattern", ("pattern",), ("count", "gender"), pattern),
)
_STOP = Slot("felish stop", (), (), stop)
PROGRAMS: dict[str, tuple[Slot, ...]] = {
    "one": (
        _PLACE,
        Slot("felish verb", ("eyes",), ("count",), verb),
        *_NOUN_PHRASE,
        Slot("felish accessory", ("accessory",), (), accessory),
        Slot("felish mood", ("expression",), ("count", "gender", "room"), mood),
        _STOP,
    ),
    "many": (
        _PLACE,
        Slot("felish verb of many", ("all_shut",), ("count",), verb_of_many),
        *_NOUN_PHRASE,
        _STOP,
    ),
}
FACTS = frozenset(fact for program in PROGRAMS.values() for slot in program for fact in slot.asks)
"""The facts of a scene that the language speaks of."""


def program_of(count: str) -> tuple[Slot, ...]:
    """Return the slots of a sentence about so many cats."""
    return PROGRAMS["one" if count == "1" else "many"]


def felish_context(count: str) -> dict[str, str]:
    """Return the context before anything is said."""
    return {"count": count, "noun": "", "gender": "", "room": "1"}

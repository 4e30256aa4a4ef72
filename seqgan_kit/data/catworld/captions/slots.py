"""The laws of the slots: the cats, what they do and where, and at most two more clauses.

Context keys (``programs`` says which slot reads which):

    count   1, 2 or 3                       room    how many more clauses may be said
    frame   clause ("a cat sits"), noun ("here is a cat sitting") or fronted (place said first)
    sized   said, once the size is told     mood    said, once the expression is told
    coat    the coat, once told, else ""    ears    said, once the ears are told
    own     its, his, her or their          pron    it, he or she
    kind    the kind of verb to come        form    its form: base, third or participle
"""

from __future__ import annotations

from seqgan_kit.data.catworld.captions import lexicon as lex
from seqgan_kit.data.catworld.captions.grammar import (
    CLAUSE_SAID,
    NO_MORE,
    Choice,
    Context,
    Facts,
    Pairs,
    full,
    optional,
    silent,
    spread,
)

SIZE_TOLD = {"small": 0.30, "medium": 0.01, "large": 0.36}
PATTERN_TOLD = {"plain": 0.02, "tabby": 0.46, "spotted": 0.52, "bicolour": 0.42}
EARS_TOLD = {"pointed": 0.02, "folded": 0.26, "tufted": 0.22}
VERB_KINDS = {
    "open": (("any", 0.74), ("open", 0.26)),
    "shut": (("any", 0.15), ("shut", 0.85)),
    "winking": (("any", 0.40), ("winking", 0.60)),
}
TILT_TOLD = {"left": 0.16, "straight": 0.01, "right": 0.18}


def opener(context: Context, facts: Facts) -> list[Choice]:
    number = "one" if context["count"] == "1" else "many"
    place = facts["background"]
    start = (("frame", "clause"),)
    choices = [silent(0.74, frame="clause")]
    choices += [Choice(p, t, start) for t, p in spread(lex.ADVERB_OPENERS, 0.04)]
    shown = (("frame", "noun"),)
    choices += [Choice(p, t, shown) for t, p in spread(lex.PRESENTING[number], 0.15)]
    fronted, named = (("frame", "fronted"),), (("background", place),)
    places = spread(lex.PLACES[place], 0.07)
    return choices + [Choice(p, t, fronted, named) for t, p in places]


def determiner(context: Context, facts: Facts) -> list[Choice]:
    kind = "noun" if context["frame"] == "noun" else "clause"
    return optional(1, lex.DETERMINERS[kind])


def number(context: Context, facts: Facts) -> list[Choice]:
    word = {"2": "two", "3": "three"}[context["count"]]
    wordings = lex.PLURAL_DETERMINERS
    if context["frame"] == "noun":
        wordings = {text: weight for text, weight in wordings.items() if text != "the"}
    return [Choice(p, f"{text} {word}".strip()) for text, p in spread(wordings)]


def size(context: Context, facts: Facts) -> list[Choice]:
    size = facts["size"]
    told, names = (("sized", "said"),), (("size", size),)
    return optional(SIZE_TOLD[size], lex.SIZE_WORDS[size], "{}", told, names)


def character(context: Context, facts: Facts) -> list[Choice]:
    if context["sized"]:
        return [silent()]
    mood = facts["expression"]
    told, names = (("mood", "said"),), (("expression", mood),)
    return optional(0.08, lex.EXPRESSION_WORDS[mood], "{}", told, names)


def coat(context: Context, facts: Facts) -> list[Choice]:
    coat = facts["coat"]
    told = (("coat", coat),)
    return optional(0.74, lex.COAT_WORDS[coat], sets=told, names=told)


def pattern(context: Context, facts: Facts) -> list[Choice]:
    pattern = facts["pattern"]
    words = lex.PATTERN_WORDS[pattern]
    return optional(PATTERN_TOLD[pattern], words, names=(("pattern", pattern),))


def noun(context: Context, facts: Facts) -> list[Choice]:
    choices = []
    for noun, p in spread(lex.NOUNS[facts["size"]]):
        _, own, pron = lex.NOUN_FORMS[noun]
        choices.append(Choice(p, noun, (("own", own), ("pron", pron))))
    return choices


def nouns(context: Context, facts: Facts) -> list[Choice]:
    nouns = spread(lex.NOUNS[facts["size"]])
    return [Choice(p, lex.NOUN_FORMS[noun][0], (("own", "their"),)) for noun, p in nouns]


def ears(context: Context, facts: Facts) -> list[Choice]:
    ears = facts["ears"]
    told = (*CLAUSE_SAID["2"], ("ears", "said"))
    words = lex.EAR_WORDS[ears]
    return optional(EARS_TOLD[ears], words, "with {} ears", told, (("ears", ears),))


def eye_colour(context: Context, facts: Facts) -> list[Choice]:
    if facts["eyes"] != "open":  # a shut eye shows no colour
        return [silent()]
    left, right = facts["left_eye"], facts["right_eye"]
    words = lex.EYE_WORDS[left] if left == right else {f"{left} and {right}": 1.0}
    start = "and" if context["ears"] else "with"
    names = (("left_eye", left), ("right_eye", right), ("eyes", "open"))
    # Odd eyes are mentioned as often as others, so that omission reveals nothing about the coat.
    return optional(0.18, words, start + " {} eyes", CLAUSE_SAID[context["room"]], names)


def verb_kind(context: Context, facts: Facts) -> list[Choice]:
    kinds = VERB_KINDS[facts["eyes"]]
    return [Choice(p, "", (("kind", kind),), _eyes_of(kind)) for kind, p in kinds]


def verb_kind_of_many(context: Context, facts: Facts) -> list[Choice]:
    kinds = VERB_KINDS["shut"] if facts["all_shut"] == "yes" else (("any", 1.0),)
    return [Choice(p, "", (("kind", kind),), _eyes_of(kind)) for kind, p in kinds]


def _eyes_of(kind: str) -> Pairs:
    return () if kind == "any" else (("eyes", kind),)


def verb_form(context: Context, facts: Facts) -> list[Choice]:
    be, finite = ("is", "third") if context["count"] == "1" else ("are", "base")
    participle = (("form", "participle"), ("frame", "clause"))
    if context["frame"] == "noun":
        simple = (("form", finite), ("frame", "clause"))
        return [
            Choice(0.62, "", participle),
            Choice(0.26, f"that {be}", participle),
            Choice(0.12, "that", simple),
        ]
    return [Choice(0.84, be, participle[:1]), Choice(0.16, "", (("form", finite),))]


def verb(context: Context, facts: Facts) -> list[Choice]:
    verbs = spread(lex.VERBS[context["kind"]])
    if context["form"] == "base":
        return [Choice(p, verb) for verb, p in verbs]
    at = 0 if context["form"] == "third" else 1
    return [Choice(p, lex.VERB_FORMS[verb][at]) for verb, p in verbs]


def manner(context: Context, facts: Facts) -> list[Choice]:
    words = lex.ADVERBS if context["count"] == "1" else lex.PLURAL_ADVERBS
    return (
        [silent()] if full(context) else optional(0.06, words, "{}", CLAUSE_SAID[context["room"]])
    )


def place(context: Context, facts: Facts) -> list[Choice]:
    if context["frame"] == "fronted":
        return [silent()]
    place = facts["background"]
    told = 0.30 if place == "plain" else 0.80
    return optional(told, lex.PLACES[place], names=(("background", place),))


def tilt(context: Context, facts: Facts) -> list[Choice]:
    if full(context):
        return [silent()]
    own, tilt = context["own"], facts["tilt"]
    head = "heads" if own == "their" else "head"
    said = {
        text.replace("OWN", own).replace("head", head): weight
        for text, weight in lex.TILT_PHRASES[tilt].items()
    }
    spent, names = CLAUSE_SAID[context["room"]], (("tilt", tilt),)
    return optional(TILT_TOLD[tilt], said, ", {}", spent, names)


def _adorned(item: str) -> lex.Wordings:
    """Return the accessory's wordings with and without an adjective."""
    said: lex.Wordings = {}
    for thing, weight in spread(lex.ACCESSORY_WORDS[item]):
        *article, noun = thing.split()
        for adjective, share in spread(lex.ACCESSORY_ADJECTIVES, weight):
            said[" ".join(filter(None, [*article, adjective, noun]))] = share
    return said


def accessory(context: Context, facts: Facts) -> list[Choice]:
    item = facts["accessory"]
    if full(context) or item == "nothing":
        return [silent()]
    spent, names = CLAUSE_SAID[context["room"]], (("accessory", item),)
    return optional(0.30, _adorned(item), ", wearing {}", spent, names)


def first_accessory(context: Context, facts: Facts) -> list[Choice]:
    item = facts["accessory"]
    if full(context) or item == "nothing":
        return [silent()]
    names = (("accessory", item),)
    return optional(0.36, _adorned(item), ", the first wearing {}", NO_MORE, names)


def mood(context: Context, facts: Facts) -> list[Choice]:
    if full(context) or context["mood"]:
        return [silent()]
    mood, pron = facts["expression"], context["pron"]
    told = 0.24 if mood in ("grumpy", "surprised") else 0.09
    words = spread(lex.EXPRESSION_WORDS[mood])
    forms = {f", looking {word}": 0.8 * p for word, p in words}
    forms |= {f"because {pron} is {word}": 0.2 * p for word, p in words}
    spent, names = CLAUSE_SAID[context["room"]], (("expression", mood),)
    return optional(told, forms, "{}", spent, names)


def second_mood(context: Context, facts: Facts) -> list[Choice]:
    if full(context):
        return [silent()]
    mood = facts["expression2"]
    words, names = lex.EXPRESSION_WORDS[mood], (("expression2", mood),)
    return optional(0.13, words, ", the second looking {}", NO_MORE, names)


def coda(context: Context, facts: Facts) -> list[Choice]:
    if full(context) or not context["coat"]:
        return [silent()]
    number = "many" if context["own"] == "their" else "one"
    said = {
        text.replace("OWN", context["own"]).replace("COAT", context["coat"]): weight
        for text, weight in lex.CODAS[number].items()
    }
    return optional(0.28, said, ", {}")


def stop(context: Context, facts: Facts) -> list[Choice]:
    return [Choice(1.0, ".")]

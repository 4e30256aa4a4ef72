"""The words of Felish, a small invented language of the cat world.

A sentence is place, verb, article or numeral, noun, adjectives, what the cat wears, mood::

    sofu na sedit ola lisa tora kapu kun , vesela .
    sofa on  sits  a   cat black  hat with , happy .

Nouns have a gender. Articles, numerals and adjectives take its ending and that of the number; verbs agree
in number. Adjectives follow the noun, and postpositions replace prepositions.
"""

from __future__ import annotations

from seqgan_kit.data.catworld.captions.lexicon import Wordings

# Gender -> ending of what agrees with one noun, and with several.
ENDINGS: dict[str, tuple[str, str]] = {
    "masculine": ("o", "os"),
    "feminine": ("a", "as"),
    "neuter": ("e", "es"),
}
# Noun -> (plural, gender).
NOUN_FORMS: dict[str, tuple[str, str]] = {
    "muro": ("muri", "masculine"),
    "gromo": ("gromi", "masculine"),
    "lisa": ("lisi", "feminine"),
    "pite": ("piti", "neuter"),
}
NOUNS: dict[str, Wordings] = {
    "small": {"pite": 78, "lisa": 22},
    "medium": {"muro": 60, "lisa": 40},
    "large": {"gromo": 55, "muro": 30, "lisa": 15},
}
# The stems of articles and numerals, by the number of cats.
NUMBERS: dict[str, str] = {"1": "ol", "2": "dv", "3": "tr"}
VERB_ENDINGS = ("it", "un")
VERBS: dict[str, Wordings] = {
    "open": {"sed": 70, "vach": 30},
    "shut": {"dorm": 85, "sed": 15},
    "winking": {"blik": 60, "sed": 40},
}
COATS: dict[str, Wordings] = {
    "black": {"tor": 88, "karb": 12},
    "white": {"bel": 1},
    "ginger": {"rus": 75, "oranj": 25},
    "grey": {"seriv": 1},
    "brown": {"burn": 1},
    "cream": {"krem": 80, "pesk": 20},
}
PATTERNS: dict[str, str] = {"tabby": "strij", "spotted": "makul", "bicolour": "dukol"}
PLACES: dict[str, Wordings] = {
    "meadow": {"travu na": 80, "jardu en": 20},
    "sofa": {"sofu na": 85, "kusu na": 15},
    "window": {"fenu ap": 1},
    "night": {"noku en": 75, "stelu sub": 25},
    "kitchen": {"kuhu en": 90, "pechu ap": 10},
    "plain": {"studu en": 1},
}
ACCESSORIES: dict[str, str] = {
    "collar": "kolaru kun",
    "bow": "bantu kun",
    "hat": "kapu kun",
    "glasses": "okulu kun",
    "scarf": "sharfu kun",
}
MOODS: dict[str, str] = {
    "calm": "kalm",
    "happy": "vesel",
    "grumpy": "gruml",
    "surprised": "udiv",
}

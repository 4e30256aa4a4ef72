"""The words of questions and answers.

PRON, OWN and BE stand for it, he, she or they; its, his, her or their; and is or are.
"""

from __future__ import annotations

from seqgan_kit.data.catworld.captions.lexicon import Wordings

QUESTIONS: dict[str, Wordings] = {
    "coat": {"what colour BE PRON ?": 70, "what is OWN colour ?": 30},
    "cats": {"how many cats are there ?": 80, "how many cats do you see ?": 20},
    "background": {"where BE PRON ?": 1},
    "size": {"how big BE PRON ?": 1},
    "accessory": {"what BE PRON wearing ?": 80, "what does PRON wear ?": 20},
    "expression": {"how does PRON look ?": 70, "what mood BE PRON in ?": 30},
    "eyes": {"BE PRON asleep ?": 1},
}
# How often each question is asked about one cat, and about several.
ASKED: dict[str, Wordings] = {
    "one": {
        "coat": 26,
        "cats": 10,
        "background": 22,
        "size": 12,
        "accessory": 10,
        "expression": 10,
        "eyes": 10,
    },
    "many": {"coat": 30, "cats": 30, "background": 25, "size": 15},
}
# How an answer begins, by what the caption says, with the form of what follows: a word or two, a sentence,
# or nothing.
OPENINGS: dict[str, dict[tuple[str, str], float]] = {
    "told": {("", "short"): 50, ("", "full"): 40, ("clearly", "full"): 10},
    "untold": {
        ("i cannot tell", "none"): 40,
        ("the text does not say", "none"): 15,
        ("maybe", "short"): 20,
        ("perhaps", "short"): 5,
        ("i think", "full"): 20,
    },
}
FULL: dict[str, str] = {
    "coat": "PRON BE {}",
    "background": "PRON BE {}",
    "size": "PRON BE {}",
    "accessory": "PRON BE wearing {}",
    "expression": "PRON looks {}",
}
COUNTS: dict[str, tuple[str, str]] = {
    "1": ("one", "there is one"),
    "2": ("two", "there are two"),
    "3": ("three", "there are three"),
}
ASLEEP: dict[str, tuple[str, str]] = {
    "yes": ("yes", "yes , PRON BE"),
    "no": ("no", "no , PRON BE not"),
}
PRONOUNS: dict[str, tuple[str, str]] = {
    "it": ("its", "is"),
    "he": ("his", "is"),
    "she": ("her", "is"),
    "they": ("their", "are"),
}


def about(text: str, pron: str) -> str:
    """Return the text with PRON, OWN and BE filled in."""
    own, be = PRONOUNS[pron]
    return text.replace("PRON", pron).replace("OWN", own).replace("BE", be)

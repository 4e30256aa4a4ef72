"""The programs of captions: which slots, in which order, for one cat and for several."""

from __future__ import annotations

from seqgan_kit.data.catworld.captions import slots
from seqgan_kit.data.catworld.captions.grammar import Pairs, Slot

_FULL: Pairs = (("room", "0"),)
_MOOD_SAID = ("mood", "said")
_OPENER = Slot("opener", ("background",), ("count",), slots.opener)
_SIZE = Slot("size", ("size",), (), slots.size)
_COAT = Slot("coat", ("coat",), (), slots.coat)
_PATTERN = Slot("pattern", ("pattern",), (), slots.pattern)
_ACTION = (
    Slot("verb form", (), ("count", "frame"), slots.verb_form),
    Slot("verb", (), ("kind", "form"), slots.verb),
    Slot("manner", (), ("count", "room"), slots.manner),
    Slot("place", ("background",), ("frame",), slots.place, (("frame", "fronted"),)),
    Slot("tilt", ("tilt",), ("room", "own"), slots.tilt, _FULL),
)
_END = (
    Slot("coda", (), ("room", "own", "coat"), slots.coda),
    Slot("stop", (), (), slots.stop),
)

_UNSAID = ("sized", "mood", "coat", "ears", "kind", "form")


def start_context(count: int) -> dict[str, str]:
    """Return the context before anything is said; several cats leave room for one clause only."""
    start = {"count": str(count), "room": "2" if count == 1 else "1", "frame": "clause"}
    return start | dict.fromkeys(_UNSAID, "") | {"own": "its", "pron": "it"}


PROGRAMS: dict[str, tuple[Slot, ...]] = {
    "one": (
        _OPENER,
        Slot("determiner", (), ("frame",), slots.determiner),
        _SIZE,
        Slot("character", ("expression",), ("sized",), slots.character),
        _COAT,
        _PATTERN,
        Slot("noun", ("size",), (), slots.noun),
        Slot("ears", ("ears",), (), slots.ears),
        Slot("eye colour", ("left_eye", "right_eye", "eyes"), ("room", "ears"), slots.eye_colour),
        Slot("verb kind", ("eyes",), (), slots.verb_kind),
        *_ACTION,
        Slot("accessory", ("accessory",), ("room",), slots.accessory, _FULL),
        Slot("mood", ("expression",), ("room", "mood", "pron"), slots.mood, (*_FULL, _MOOD_SAID)),
        *_END,
    ),
    "many": (
        _OPENER,
        Slot("number", (), ("count", "frame"), slots.number),
        _SIZE,
        _COAT,
        _PATTERN,
        Slot("nouns", ("size",), (), slots.nouns),
        Slot("verb kind", ("all_shut",), (), slots.verb_kind_of_many),
        *_ACTION,
        Slot("first accessory", ("accessory",), ("room",), slots.first_accessory, _FULL),
        Slot("second mood", ("expression2",), ("room",), slots.second_mood, _FULL),
        *_END,
    ),
}

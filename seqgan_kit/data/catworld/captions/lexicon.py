"""The words of the cat world: the weighted wordings of every meaning (normalised on use).

Weights fall steeply, so that word frequencies are skewed as in real text. Words for different
meanings of one attribute never coincide, so a caption can be parsed.
"""

from __future__ import annotations

Wordings = dict[str, float]

# A stands for "a" or "an", which depends on the next word.
ARTICLE = "A"

ADVERB_OPENERS: Wordings = {"today": 60, "now": 23, "again": 11, "tonight": 6}
PRESENTING: dict[str, Wordings] = {
    "one": {
        "there is": 59,
        "here is": 16,
        "this is": 10,
        "we see": 8,
        "look at": 4,
        "i see": 2,
        "behold": 1,
    },
    "many": {
        "there are": 61,
        "here are": 16,
        "these are": 8,
        "we see": 8,
        "look at": 4,
        "i see": 2,
        "behold": 1,
    },
}
DETERMINERS: dict[str, Wordings] = {
    "clause": {ARTICLE: 78, "the": 17, "my": 3, "our": 1, "this": 1},
    "noun": {ARTICLE: 94, "my": 4, "our": 2},
}
PLURAL_DETERMINERS: Wordings = {"": 84, "the": 8, "my": 5, "our": 3}

SIZE_WORDS: dict[str, Wordings] = {
    "small": {"small": 72, "little": 21, "tiny": 7},
    "medium": {"medium-sized": 1},
    "large": {"big": 69, "large": 22, "huge": 6, "enormous": 3},
}
COAT_WORDS: dict[str, Wordings] = {
    "black": {"black": 91, "jet-black": 6, "ebony": 3},
    "white": {"white": 92, "snow-white": 6, "ivory": 2},
    "ginger": {"ginger": 72, "orange": 25, "red": 3},
    "grey": {"grey": 86, "silver": 10, "ash-grey": 4},
    "brown": {"brown": 88, "chocolate": 8, "hazel": 4},
    "cream": {"cream": 81, "sandy": 12, "beige": 7},
}
PATTERN_WORDS: dict[str, Wordings] = {
    "plain": {"plain": 1},
    "tabby": {"tabby": 74, "striped": 26},
    "spotted": {"spotted": 81, "dotted": 12, "speckled": 7},
    "bicolour": {"bicolour": 58, "two-toned": 24, "patched": 12, "piebald": 6},
}
# Nouns: singular -> (plural, possessive, subject pronoun).
NOUN_FORMS: dict[str, tuple[str, str, str]] = {
    "cat": ("cats", "its", "it"),
    "kitten": ("kittens", "its", "it"),
    "kitty": ("kitties", "its", "it"),
    "feline": ("felines", "its", "it"),
    "pet": ("pets", "its", "it"),
    "tomcat": ("tomcats", "his", "he"),
    "she-cat": ("she-cats", "her", "she"),
}
NOUNS: dict[str, Wordings] = {
    "small": {"cat": 48, "kitten": 42, "kitty": 4, "pet": 2, "she-cat": 4},
    "medium": {"cat": 82, "kitty": 3, "feline": 3, "pet": 2, "tomcat": 5, "she-cat": 5},
    "large": {"cat": 76, "feline": 4, "tomcat": 14, "she-cat": 5, "pet": 1},
}
EAR_WORDS: dict[str, Wordings] = {
    "pointed": {"pointed": 74, "sharp": 19, "upright": 7},
    "folded": {"folded": 77, "floppy": 18, "drooping": 5},
    "tufted": {"tufted": 79, "furry": 16, "feathery": 5},
}
EYE_WORDS: dict[str, Wordings] = {
    "green": {"green": 94, "emerald": 6},
    "amber": {"amber": 61, "yellow": 32, "golden": 7},
    "blue": {"blue": 93, "sapphire": 7},
    "copper": {"copper": 81, "bronze": 19},
}
EXPRESSION_WORDS: dict[str, Wordings] = {
    "calm": {"calm": 58, "quiet": 24, "peaceful": 12, "gentle": 6},
    "happy": {"happy": 68, "cheerful": 18, "merry": 8, "amused": 6},
    "grumpy": {"grumpy": 61, "angry": 24, "cross": 10, "annoyed": 5},
    "surprised": {"surprised": 70, "astonished": 14, "startled": 10, "amazed": 6},
}
# Verbs: base form -> (third person, participle).
VERB_FORMS: dict[str, tuple[str, str]] = {
    "sit": ("sits", "sitting"),
    "rest": ("rests", "resting"),
    "lie": ("lies", "lying"),
    "wait": ("waits", "waiting"),
    "relax": ("relaxes", "relaxing"),
    "play": ("plays", "playing"),
    "stand": ("stands", "standing"),
    "stare": ("stares", "staring"),
    "listen": ("listens", "listening"),
    "sleep": ("sleeps", "sleeping"),
    "doze": ("dozes", "dozing"),
    "nap": ("naps", "napping"),
    "dream": ("dreams", "dreaming"),
    "wink": ("winks", "winking"),
    "blink": ("blinks", "blinking"),
}
VERBS: dict[str, Wordings] = {
    "any": {"sit": 73, "rest": 14, "lie": 7, "wait": 4, "relax": 2},
    "open": {"play": 65, "stand": 21, "stare": 10, "listen": 4},
    "shut": {"sleep": 85, "doze": 9, "nap": 4, "dream": 2},
    "winking": {"wink": 79, "blink": 21},
}
ADVERBS: Wordings = {"quietly": 52, "lazily": 30, "alone": 12, "patiently": 6}
PLURAL_ADVERBS: Wordings = {"together": 72, "quietly": 17, "lazily": 11}
PLACES: dict[str, Wordings] = {
    "meadow": {
        "on the grass": 63,
        "in the garden": 22,
        "in the meadow": 8,
        "in a field": 4,
        "among the flowers": 2,
        "outdoors": 1,
    },
    "sofa": {"on the sofa": 77, "on the couch": 15, "on a cushion": 6, "on a blanket": 2},
    "window": {
        "by the window": 71,
        "on the windowsill": 18,
        "at the window": 8,
        "behind the curtain": 3,
    },
    "night": {
        "at night": 66,
        "under the stars": 21,
        "in the moonlight": 8,
        "under the moon": 3,
        "in the dark": 2,
    },
    "kitchen": {
        "in the kitchen": 78,
        "by the stove": 13,
        "under the table": 6,
        "near the fridge": 3,
    },
    "plain": {"in the studio": 72, "against a wall": 28},
}
TILT_PHRASES: dict[str, Wordings] = {
    "left": {"tilting OWN head left": 64, "leaning left": 36},
    "straight": {"facing the camera": 66, "holding OWN head high": 34},
    "right": {"tilting OWN head right": 64, "leaning right": 36},
}
ACCESSORY_WORDS: dict[str, Wordings] = {
    "collar": {"A collar": 83, "A necklace": 10, "A bell": 7},
    "bow": {"A bow": 72, "A ribbon": 28},
    "hat": {"A hat": 74, "A cap": 19, "A bonnet": 7},
    "glasses": {"glasses": 77, "spectacles": 23},
    "scarf": {"A scarf": 85, "A shawl": 15},
}
ACCESSORY_ADJECTIVES: Wordings = {"": 91, "new": 5, "pretty": 2, "old": 1, "elegant": 1}
CODAS: dict[str, Wordings] = {
    "one": {
        "licking OWN COAT paw": 59,
        "showing OWN COAT tail": 19,
        "loving OWN COAT fur": 15,
        "cleaning OWN COAT whiskers": 7,
    },
    "many": {
        "licking OWN COAT paws": 59,
        "showing OWN COAT tails": 19,
        "loving OWN COAT fur": 15,
        "cleaning OWN COAT whiskers": 7,
    },
}

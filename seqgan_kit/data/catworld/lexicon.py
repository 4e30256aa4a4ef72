"""The words of the cat world: for every meaning its wordings with their weights (normalised on use).

Weights fall steeply, so that word frequencies are skewed as in real text. Words for different
meanings of one attribute never coincide: that is what lets a caption be read back.
"""

from __future__ import annotations

Wordings = dict[str, float]

# A stands for "a" or "an": the word that follows decides.
ARTICLE = "A"

ADVERB_OPENERS: Wordings = {"today": 50, "now": 25, "again": 15, "tonight": 10}
PRESENTING: dict[str, Wordings] = {
    "one": {
        "there is": 50,
        "here is": 20,
        "this is": 14,
        "we see": 12,
        "look at": 8,
        "i see": 5,
        "behold": 3,
    },
    "many": {
        "there are": 54,
        "here are": 20,
        "these are": 12,
        "we see": 12,
        "look at": 8,
        "i see": 4,
        "behold": 2,
    },
}
DETERMINERS: dict[str, Wordings] = {
    "clause": {ARTICLE: 66, "the": 22, "my": 7, "our": 3, "this": 2},
    "noun": {ARTICLE: 86, "my": 9, "our": 5},
}
PLURAL_DETERMINERS: Wordings = {"": 72, "the": 13, "my": 9, "our": 6}

SIZE_WORDS: dict[str, Wordings] = {
    "small": {"small": 62, "little": 26, "tiny": 12},
    "medium": {"medium-sized": 1},
    "large": {"big": 58, "large": 26, "huge": 10, "enormous": 6},
}
COAT_WORDS: dict[str, Wordings] = {
    "black": {"black": 82, "jet-black": 11, "ebony": 7},
    "white": {"white": 82, "snow-white": 12, "ivory": 6},
    "ginger": {"ginger": 64, "orange": 30, "red": 6},
    "grey": {"grey": 76, "silver": 16, "ash-grey": 8},
    "brown": {"brown": 78, "chocolate": 14, "hazel": 8},
    "cream": {"cream": 70, "sandy": 18, "beige": 12},
}
PATTERN_WORDS: dict[str, Wordings] = {
    "plain": {"plain": 1},
    "tabby": {"tabby": 68, "striped": 32},
    "spotted": {"spotted": 70, "dotted": 18, "speckled": 12},
    "bicolour": {"bicolour": 48, "two-toned": 26, "patched": 16, "piebald": 10},
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
    "small": {"cat": 46, "kitten": 42, "kitty": 6, "pet": 2, "she-cat": 4},
    "medium": {"cat": 80, "kitty": 5, "feline": 3, "pet": 2, "tomcat": 5, "she-cat": 5},
    "large": {"cat": 74, "feline": 5, "tomcat": 16, "she-cat": 4, "pet": 1},
}
EAR_WORDS: dict[str, Wordings] = {
    "pointed": {"pointed": 64, "sharp": 24, "upright": 12},
    "folded": {"folded": 66, "floppy": 24, "drooping": 10},
    "tufted": {"tufted": 68, "furry": 22, "feathery": 10},
}
EYE_WORDS: dict[str, Wordings] = {
    "green": {"green": 88, "emerald": 12},
    "amber": {"amber": 54, "yellow": 34, "golden": 12},
    "blue": {"blue": 86, "sapphire": 14},
    "copper": {"copper": 74, "bronze": 26},
}
EXPRESSION_WORDS: dict[str, Wordings] = {
    "calm": {"calm": 48, "quiet": 26, "peaceful": 16, "gentle": 10},
    "happy": {"happy": 56, "cheerful": 22, "merry": 12, "amused": 10},
    "grumpy": {"grumpy": 52, "angry": 26, "cross": 14, "annoyed": 8},
    "surprised": {"surprised": 58, "astonished": 18, "startled": 14, "amazed": 10},
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
    "any": {"sit": 60, "rest": 18, "lie": 11, "wait": 7, "relax": 4},
    "open": {"play": 54, "stand": 24, "stare": 14, "listen": 8},
    "shut": {"sleep": 72, "doze": 15, "nap": 8, "dream": 5},
    "winking": {"wink": 72, "blink": 28},
}
ADVERBS: Wordings = {"quietly": 44, "lazily": 30, "alone": 16, "patiently": 10}
PLURAL_ADVERBS: Wordings = {"together": 62, "quietly": 22, "lazily": 16}
PLACES: dict[str, Wordings] = {
    "meadow": {
        "on the grass": 50,
        "in the garden": 24,
        "in the meadow": 12,
        "in a field": 7,
        "among the flowers": 4,
        "outdoors": 3,
    },
    "sofa": {"on the sofa": 64, "on the couch": 20, "on a cushion": 11, "on a blanket": 5},
    "window": {
        "by the window": 60,
        "on the windowsill": 22,
        "at the window": 12,
        "behind the curtain": 6,
    },
    "night": {
        "at night": 54,
        "under the stars": 24,
        "in the moonlight": 12,
        "under the moon": 6,
        "in the dark": 4,
    },
    "kitchen": {
        "in the kitchen": 66,
        "by the stove": 18,
        "under the table": 10,
        "near the fridge": 6,
    },
    "plain": {"in the studio": 66, "against a wall": 34},
}
TILT_PHRASES: dict[str, Wordings] = {
    "left": {"tilting OWN head left": 60, "leaning left": 40},
    "straight": {"facing the camera": 62, "holding OWN head high": 38},
    "right": {"tilting OWN head right": 60, "leaning right": 40},
}
ACCESSORY_WORDS: dict[str, Wordings] = {
    "collar": {"A collar": 72, "A necklace": 16, "A bell": 12},
    "bow": {"A bow": 66, "A ribbon": 34},
    "hat": {"A hat": 64, "A cap": 24, "A bonnet": 12},
    "glasses": {"glasses": 70, "spectacles": 30},
    "scarf": {"A scarf": 78, "A shawl": 22},
}
ACCESSORY_ADJECTIVES: Wordings = {"": 78, "new": 10, "pretty": 5, "old": 4, "elegant": 3}
CODAS: dict[str, Wordings] = {
    "one": {
        "licking OWN COAT paw": 54,
        "showing OWN COAT tail": 24,
        "loving OWN COAT fur": 20,
        "cleaning OWN COAT whiskers": 12,
    },
    "many": {
        "licking OWN COAT paws": 54,
        "showing OWN COAT tails": 24,
        "loving OWN COAT fur": 20,
        "cleaning OWN COAT whiskers": 12,
    },
}

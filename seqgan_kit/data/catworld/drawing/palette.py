"""The colours of the cat world (coats, eyes, accessories) and colour arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RGB = tuple[int, int, int]

WHITE: RGB = (255, 255, 255)
BLACK: RGB = (0, 0, 0)
DARK_INK: RGB = (44, 26, 26)
PALE_INK: RGB = (226, 220, 228)
NOSE: RGB = (232, 120, 132)
BLUSH: RGB = (250, 130, 140)
MOUTH: RGB = (128, 34, 48)
TONGUE: RGB = (246, 122, 134)
GREYED: RGB = (214, 212, 214)
EAR_PINK: RGB = (240, 164, 160)

IRIS: dict[str, RGB] = {
    "green": (84, 204, 72),
    "amber": (255, 212, 46),
    "blue": (62, 158, 255),
    "copper": (206, 84, 22),
}


@dataclass(frozen=True)
class Fur:
    """The colours of one coat."""

    base: RGB
    """Main colour of the coat."""
    marking: RGB
    """Tabby stripes and spots."""
    mask: RGB
    """The second colour of a bicolour cat."""
    outline: RGB
    """Outline that separates the cat from every background, such as a black cat at night."""


COATS: dict[str, Fur] = {
    "black": Fur((44, 42, 52), (116, 112, 130), (246, 244, 242), (98, 96, 118)),
    "white": Fur((248, 246, 242), (172, 164, 168), (184, 150, 128), (168, 158, 158)),
    "ginger": Fur((240, 140, 50), (184, 78, 16), (255, 246, 232), (136, 62, 18)),
    "grey": Fur((142, 152, 168), (82, 90, 108), (246, 246, 248), (66, 72, 88)),
    "brown": Fur((134, 86, 54), (72, 40, 22), (250, 238, 222), (58, 32, 20)),
    "cream": Fur((246, 214, 158), (200, 146, 82), (138, 98, 76), (150, 112, 70)),
}


def mix(colour: RGB, other: RGB, share: float) -> RGB:
    """Mix two colours; `share` is the weight of the other."""
    red, green, blue = colour
    return (
        round(red + share * (other[0] - red)),
        round(green + share * (other[1] - green)),
        round(blue + share * (other[2] - blue)),
    )


def luminance(colour: RGB) -> float:
    """Return the perceived lightness from 0 to 255 (Rec. 601 weights)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def ink_on(colour: RGB) -> RGB:
    """Return a line colour that is visible on `colour`."""
    return PALE_INK if luminance(colour) < 75 else DARK_INK


def shifted(colour: RGB, shift: np.ndarray) -> RGB:
    """Return the colour plus a shift per channel `[3]`, clipped to 0..255."""
    red, green, blue = np.clip(np.asarray(colour) + shift, 0, 255).astype(int).tolist()
    return red, green, blue


def fur_shift(rng: np.random.Generator) -> np.ndarray:
    """Draw a cat's shift from its coat colour `[3]`: slightly lighter, darker, warmer or cooler."""
    shift: np.ndarray = rng.uniform(-7, 7) + rng.uniform(-4, 4, 3)
    return shift


def shifted_fur(coat: str, shift: np.ndarray) -> Fur:
    """Return the coat's colours, shifted for an individual cat."""
    fur = COATS[coat]
    return Fur(
        base=shifted(fur.base, shift),
        marking=shifted(fur.marking, shift),
        mask=shifted(fur.mask, shift),
        outline=fur.outline,
    )

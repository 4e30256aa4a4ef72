"""Draw a cat's body, head and ears, in a frame whose unit is half the head's width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image

from seqgan_kit.data.catworld.drawing.palette import BLACK, EAR_PINK, WHITE, Fur, mix
from seqgan_kit.data.catworld.drawing.patterns import draw_body_pattern, draw_head_pattern
from seqgan_kit.data.catworld.drawing.pen import (
    CIRCLE,
    Pen,
    Point,
    Shape,
    grown,
    mirrored,
    rounded,
    shape_of,
    stretched,
)
from seqgan_kit.data.catworld.scenes.scene import Cat

_SIDES = (-1, 1)
_OUTLINE = 0.055


def _outlined(corners: list[Point], by: float = _OUTLINE) -> tuple[Shape, Shape]:
    """Return the shape with rounded corners, and a larger shape that serves as its outline."""
    shape = rounded(shape_of(corners))
    return shape, grown(shape, by)


# Right ears only, with points from the forehead over the tip to the cheek.
_EARS: dict[str, tuple[Shape, Shape]] = {
    "pointed": _outlined(
        [(0.14, -0.70), (0.44, -1.02), (0.84, -1.30), (0.96, -0.86), (0.96, -0.20)]
    ),
    "folded": _outlined(
        [(0.20, -0.70), (0.42, -0.94), (0.82, -0.92), (1.06, -0.56), (0.90, -0.20)]
    ),
    "tufted": _outlined(
        [(0.16, -0.70), (0.50, -1.06), (0.90, -1.42), (0.99, -0.90), (0.96, -0.20)]
    ),
}
_INNER_EARS: dict[str, Shape] = {
    "pointed": rounded(shape_of([(0.32, -0.70), (0.54, -0.96), (0.82, -1.14), (0.86, -0.40)])),
    "tufted": rounded(shape_of([(0.36, -0.70), (0.58, -1.00), (0.86, -1.22), (0.88, -0.40)])),
}
# The tip of a folded ear hangs over the forehead instead of showing the inside.
_FLAP, _FLAP_OUTLINE = _outlined(
    [(0.20, -0.78), (0.60, -0.92), (1.04, -0.62), (0.90, -0.40), (0.58, -0.34)], by=0.04
)
# Cats with tufted ears also have pointed fur on the cheeks.
_RUFF = (
    _outlined([(0.90, -0.02), (1.02, 0.22), (1.26, 0.37), (0.98, 0.42), (0.80, 0.36)]),
    _outlined([(0.90, 0.26), (0.98, 0.48), (1.15, 0.66), (0.90, 0.66), (0.66, 0.58)]),
)
# Full cheeks: nearly a circle, a little square, wider below.
_HEAD: Shape = (
    np.sign(CIRCLE.real) * np.abs(CIRCLE.real) ** 0.9 * (1 + 0.08 * CIRCLE.imag)
    + 0.84j * CIRCLE.imag
)
_HEAD_OUTLINE = grown(_HEAD, _OUTLINE)


@dataclass(frozen=True)
class Proportions:
    """Individual variation of a cat's face that the attributes do not determine."""

    height: float
    """Scale factor of the head's height, near 1, as are the next three factors."""
    ears: float
    eyes: float
    eye_gap: float
    markings: np.ndarray
    """Shifts of the spots and stripes, `[13,2]`, in units of the head."""
    greyness: float = 0.0
    """Share of grey hairs on the muzzle and the brows."""

    @classmethod
    def sampled(cls, rng: np.random.Generator) -> Proportions:
        """Draw random proportions."""
        height, ears, eyes, gap = (1 + rng.uniform(-0.05, 0.05, 4)).tolist()
        return cls(height, ears, eyes, gap, rng.uniform(-0.04, 0.04, (13, 2)))


AGES = ("kitten", "adult", "old")


def aged(shape: Proportions, age: str) -> Proportions:
    """Return the proportions at another age.

    Kittens have large eyes, low ears and a round head. Old cats have a grey muzzle, smaller eyes and a longer
    head.
    """
    if age == "kitten":
        return replace(
            shape,
            height=0.94 * shape.height,
            ears=0.82 * shape.ears,
            eyes=1.28 * shape.eyes,
            eye_gap=1.06 * shape.eye_gap,
        )
    if age == "old":
        return replace(shape, height=1.05 * shape.height, eyes=0.82 * shape.eyes, greyness=0.75)
    return shape


def draw_body(pen: Pen, cat: Cat, fur: Fur, shape: Proportions) -> None:
    """Draw the shoulders below the head, down to the edge of the image."""
    for grow, ink in ((_OUTLINE, fur.outline), (0.0, mix(fur.base, BLACK, 0.10))):
        pen.ellipse((0, 1.62), (0.84 + grow, 1.0 + grow), ink)
        waist, foot = 0.84 + grow, 1.35 + grow
        pen.polygon([(-waist, 1.6), (waist, 1.6), (foot, 5), (-foot, 5)], ink)
    draw_body_pattern(pen, cat.pattern, fur, shape.markings)


def draw_head(
    canvas: Image.Image, pen: Pen, cat: Cat, fur: Fur, shape: Proportions, *, shaded: bool = True
) -> None:
    """Draw the head with its ears and coat; the pattern is clipped to the head."""
    coat, stencil = Image.new("RGB", canvas.size, fur.base), Image.new("L", canvas.size, 0)
    paint, cut = pen.on(coat), pen.on(stencil)
    for part, outline in _silhouette(cat.ears, shape):
        pen.fill(outline, fur.outline)
        cut.fill(part, 255)
    _draw_inner_ears(paint, cat.ears, fur, shape)
    paint.fill(stretched(_HEAD, shape.height), fur.base)
    draw_head_pattern(paint, cat.pattern, fur, shape.markings)
    if cat.ears == "folded":
        _draw_flaps(paint, fur)
    if shaded:
        _shade(coat, pen, fur)
    canvas.paste(coat, mask=stencil)
    if cat.ears == "tufted":
        _draw_tufts(pen, fur, shape)


def _silhouette(ears: str, shape: Proportions) -> Iterator[tuple[Shape, Shape]]:
    """Return the parts of the head and their outlines."""
    for side in _SIDES:
        for part, outline in (_EARS[ears], *(_RUFF if ears == "tufted" else ())):
            yield (
                mirrored(stretched(part, shape.ears), side),
                mirrored(stretched(outline, shape.ears), side),
            )
    yield stretched(_HEAD, shape.height), stretched(_HEAD_OUTLINE, shape.height)


def _draw_inner_ears(pen: Pen, kind: str, fur: Fur, shape: Proportions) -> None:
    if kind == "folded":
        return
    for side in _SIDES:
        inner = mirrored(stretched(_INNER_EARS[kind], shape.ears), side)
        pen.fill(inner, mix(EAR_PINK, fur.base, 0.25))
        for x in (0.50, 0.64, 0.78) if kind == "tufted" else ():
            root, bend, tip = (side * x, -0.6), (side * x, -0.8), (side * (x + 0.02), -1.04)
            pen.curve(root, bend, tip, 0.10, mix(fur.base, WHITE, 0.6), "tapered")


def _draw_flaps(pen: Pen, fur: Fur) -> None:
    for side in _SIDES:
        pen.fill(mirrored(_FLAP_OUTLINE, side), fur.outline)
        pen.fill(mirrored(_FLAP, side), mix(fur.base, fur.outline, 0.22))


def _draw_tufts(pen: Pen, fur: Fur, shape: Proportions) -> None:
    """Draw tufts on the tips of the ears, as on a lynx."""
    dark_coat = sum(fur.base) < 200
    ink = mix(fur.outline, WHITE if dark_coat else BLACK, 0.35)
    for side in _SIDES:
        for spread in (-0.10, 0.02, 0.14):
            root, bend = (side * 0.87, -1.16 * shape.ears), (side * 0.88, -1.38 * shape.ears)
            tip = (side * (0.90 + spread), -1.58 * shape.ears)
            pen.curve(root, bend, tip, 0.17, ink, "tapered")


def _shade(coat: Image.Image, pen: Pen, fur: Fur) -> None:
    """Darken the fur softly towards the jaw and the cheeks, as in light from above and in front."""
    side = round(3.2 * pen.scale)
    left, top = round(pen.centre.real - side / 2), round(pen.centre.imag - 0.56 * side)
    shadow = _shadow().resize((side, side), Image.Resampling.BILINEAR)
    # A shade of the outline's hue rather than black keeps warm coats warm.
    coat.paste(mix(fur.outline, fur.base, 0.2), (left, top), shadow)


@lru_cache(maxsize=1)
def _shadow() -> Image.Image:
    """Return the shading mask of a head that fills most of a square, "L" `[256, 256]`."""
    away = Image.radial_gradient("L")
    return away.point([max(0, round(0.62 * (level - 96))) for level in range(256)])

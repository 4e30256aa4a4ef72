"""Eyes, brows, nose, mouth and whiskers, in a frame whose unit is half the head's width."""

from __future__ import annotations

from collections.abc import Callable

from seqgan_kit.data.catworld.drawing.face import Proportions
from seqgan_kit.data.catworld.drawing.palette import (
    BLUSH,
    DARK_INK,
    GREYED,
    IRIS,
    MOUTH,
    NOSE,
    RGB,
    TONGUE,
    WHITE,
    Fur,
    ink_on,
    luminance,
    mix,
)
from seqgan_kit.data.catworld.drawing.pen import Pen
from seqgan_kit.data.catworld.scenes.scene import Cat

EYE_HEIGHT = 0.0
_EYE_X = 0.42
_LEFT, _RIGHT = -1, 1


def eye_x(side: int, shape: Proportions) -> float:
    """Return the x coordinate of the eye on one side of the image (-1 left, 1 right)."""
    return side * _EYE_X * shape.eye_gap


def draw_muzzle(pen: Pen, cat: Cat, fur: Fur, shape: Proportions) -> None:
    """Draw the muzzle, mouth, nose, any flushed cheeks and, on old cats, grey hairs."""
    muzzle = fur.mask if cat.pattern == "bicolour" else mix(fur.base, WHITE, _muzzle_share(fur))
    muzzle = mix(muzzle, GREYED, shape.greyness)
    if shape.greyness:
        for side in (_LEFT, _RIGHT):
            pen.ellipse(
                (side * 0.30, 0.50), (0.36, 0.24), mix(fur.base, GREYED, 0.5 * shape.greyness)
            )
    if cat.expression == "happy":
        for side in (_LEFT, _RIGHT):
            pen.ellipse((side * 0.70, 0.36), (0.18, 0.12), mix(BLUSH, fur.base, 0.25))
    for side in (_LEFT, _RIGHT):
        pen.ellipse((side * 0.17, 0.46), (0.25, 0.20), muzzle)
    _MOUTHS[cat.expression](pen, ink_on(muzzle))
    pen.polygon([(-0.11, 0.24), (0.11, 0.24), (0.07, 0.31), (0.0, 0.37), (-0.07, 0.31)], NOSE)


def draw_eyes(pen: Pen, cat: Cat, fur: Fur, shape: Proportions) -> None:
    """Draw both eyes, open or shut, with their brows."""
    shut = {_LEFT: cat.eyes != "open", _RIGHT: cat.eyes == "shut"}
    for side, colour in ((_LEFT, cat.left_eye), (_RIGHT, cat.right_eye)):
        if shut[side]:
            _draw_shut_eye(pen, side, fur, shape)
        else:
            _draw_open_eye(pen, side, IRIS[colour], cat, fur, shape)
        _draw_brow(pen, side, cat.expression, ink_on(fur.base), shape)


def _muzzle_share(fur: Fur) -> float:
    return 0.16 if luminance(fur.base) < 75 else 0.5


def _draw_open_eye(pen: Pen, side: int, iris: RGB, cat: Cat, fur: Fur, shape: Proportions) -> None:
    x, wide = eye_x(side, shape), cat.expression == "surprised"
    radius = (0.30 if wide else 0.265) * shape.eyes
    lean = 0.0 if wide else -side * 0.25
    radii = (radius, radius * (1.05 if wide else 0.95))
    rim = WHITE if luminance(fur.base) < 75 else DARK_INK
    pen.ellipse((x, EYE_HEIGHT), (radii[0] + 0.05, radii[1] + 0.05), rim, lean)
    pen.ellipse((x, EYE_HEIGHT), radii, iris, lean)
    pen.ellipse(
        (x, EYE_HEIGHT + radius * 0.45), (radius * 0.7, radius * 0.4), mix(iris, WHITE, 0.3)
    )
    pupil = {"surprised": 0.42, "grumpy": 0.28}.get(cat.expression, 0.36) * radius
    pen.ellipse((x, EYE_HEIGHT), (pupil, radius * (0.5 if wide else 0.74)), (18, 14, 22))
    pen.dot((x - 0.08, EYE_HEIGHT - 0.10), 0.07, WHITE)
    pen.dot((x + 0.09, EYE_HEIGHT + 0.11), 0.035, WHITE)
    if cat.expression == "grumpy":
        _draw_heavy_lid(pen, side, x, radius, fur)


def _draw_heavy_lid(pen: Pen, side: int, x: float, radius: float, fur: Fur) -> None:
    """Cover the top of the eye with a lid that is lower towards the nose."""
    outer, inner = x + side * radius * 1.25, x - side * radius * 1.25
    lid = [(outer, -radius * 0.75), (inner, -radius * 0.05), (inner, -0.42), (outer, -0.42)]
    pen.polygon([(px, EYE_HEIGHT + py) for px, py in lid], mix(fur.base, WHITE, 0.05))


def _draw_shut_eye(pen: Pen, side: int, fur: Fur, shape: Proportions) -> None:
    x, ink = eye_x(side, shape), ink_on(fur.base)
    left, right = (x - 0.25, EYE_HEIGHT + 0.0), (x + 0.25, EYE_HEIGHT + 0.0)
    pen.curve(left, (x, EYE_HEIGHT + 0.28), right, 0.10, ink)
    for lash in (0.10, 0.22):
        root = (x + side * lash, EYE_HEIGHT + 0.10 - 0.2 * (lash - 0.1))
        tip = (root[0] + side * 0.09, root[1] + 0.12)
        pen.curve(root, root, tip, 0.05, ink)


def _draw_brow(pen: Pen, side: int, expression: str, ink: RGB, shape: Proportions) -> None:
    x = eye_x(side, shape)
    if expression == "grumpy":
        outer, inner = (x + side * 0.30, -0.42), (x - side * 0.28, -0.12)
        pen.curve(outer, (x, -0.30), inner, 0.14, ink)
    elif expression == "surprised":
        pen.curve((x - 0.2, -0.46), (x, -0.66), (x + 0.2, -0.46), 0.09, ink)


def _calm_mouth(pen: Pen, ink: RGB) -> None:
    pen.curve((0, 0.34), (0, 0.40), (0, 0.48), 0.05, ink)
    for side in (_LEFT, _RIGHT):
        pen.curve((0, 0.47), (side * 0.10, 0.58), (side * 0.23, 0.49), 0.06, ink)


def _happy_mouth(pen: Pen, ink: RGB) -> None:
    smile = [(-0.30, 0.43), (0.30, 0.43), (0.24, 0.60), (0.12, 0.71), (-0.12, 0.71), (-0.24, 0.60)]
    pen.polygon(smile, MOUTH)
    pen.ellipse((0, 0.64), (0.14, 0.075), TONGUE)
    pen.curve((-0.36, 0.39), (0, 0.53), (0.36, 0.39), 0.06, ink)


def _grumpy_mouth(pen: Pen, ink: RGB) -> None:
    pen.curve((0, 0.34), (0, 0.40), (0, 0.46), 0.05, ink)
    pen.curve((-0.28, 0.64), (0, 0.36), (0.28, 0.64), 0.09, ink)


def _surprised_mouth(pen: Pen, ink: RGB) -> None:
    pen.ellipse((0, 0.57), (0.15, 0.17), ink)
    pen.ellipse((0, 0.57), (0.11, 0.13), MOUTH)


_MOUTHS: dict[str, Callable[[Pen, RGB], None]] = {
    "calm": _calm_mouth,
    "happy": _happy_mouth,
    "grumpy": _grumpy_mouth,
    "surprised": _surprised_mouth,
}


def draw_whiskers(pen: Pen, fur: Fur) -> None:
    """Draw three whiskers per side."""
    ink = mix(fur.outline, DARK_INK, 0.3) if luminance(fur.base) > 190 else (250, 248, 244)
    for side in (_LEFT, _RIGHT):
        for root, tip in ((0.40, 0.26), (0.48, 0.50), (0.55, 0.72)):
            start, end = (side * 0.40, root), (side * 1.22, tip)
            pen.curve(start, (side * 0.8, (root + tip) / 2 - 0.06), end, 0.03, ink, "tapered")

"""A cat's body, head, ears and coat pattern, in a frame whose unit is half the head's width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from seqgan_kit.data.catworld.palette import BLACK, EAR_PINK, WHITE, Fur, mix
from seqgan_kit.data.catworld.pen import CIRCLE, Pen, Point, mirrored
from seqgan_kit.data.catworld.scenes import Cat


@dataclass(frozen=True)
class Proportions:
    """What makes one cat's face differ from another's beyond the attributes, all near 1."""

    height: float
    cheeks: float
    ears: float
    eyes: float
    eye_gap: float
    markings: np.ndarray
    """Shifts of the spots and stripes, `[12,2]`, in units of the head."""

    @classmethod
    def sampled(cls, rng: np.random.Generator) -> Proportions:
        """A face at random."""
        height, cheeks, ears, eyes, gap = (1 + rng.uniform(-0.05, 0.05, 5)).tolist()
        return cls(height, cheeks, ears, eyes, gap, rng.uniform(-0.03, 0.03, (12, 2)))


def draw_body(pen: Pen, cat: Cat, fur: Fur, shape: Proportions) -> None:
    """The shoulders below the head, down to whatever edge of the picture comes first."""
    for grow, ink in ((0.05, fur.outline), (0.0, mix(fur.base, BLACK, 0.10))):
        pen.ellipse((0, 1.62), (0.84 + grow, 1.0 + grow), ink)
        pen.box(-0.84 - grow, 1.62, 0.84 + grow, 6, ink)
    if cat.pattern == "bicolour":
        pen.ellipse((0, 1.65), (0.42, 1.0), fur.mask)
    elif cat.pattern == "tabby":
        for side in (-1, 1):
            for y in (1.05, 1.4, 1.75):
                pen.curve(
                    (side * 0.9, y), (side * 0.6, y + 0.1), (side * 0.3, y), 0.13, fur.marking
                )
    elif cat.pattern == "spotted":
        for (x, y), shift in zip(_BODY_SPOTS, shape.markings, strict=False):
            pen.dot((x + shift[0], y + shift[1]), 0.11, fur.marking)


_BODY_SPOTS: tuple[Point, ...] = ((-0.6, 1.25), (0.6, 1.3), (-0.3, 1.5), (0.3, 1.6), (0.0, 1.3))


def draw_head(canvas: Image.Image, pen: Pen, cat: Cat, fur: Fur, shape: Proportions) -> None:
    """The head with its ears and coat; the pattern is cut off at the head's border."""
    shapes = [_ear_border(cat.ears, side, shape) for side in (-1, 1)]
    shapes += [*_ruff(cat.ears), _head_border(shape)]
    coat, stencil = Image.new("RGB", canvas.size, fur.base), Image.new("L", canvas.size, 0)
    cut = pen.on(stencil)
    for points in shapes:
        pen.border(points, 0.10, fur.outline)
        cut.polygon(points, 255)
    paint = pen.on(coat)
    _shade_coat(paint, fur)
    _PATTERNS[cat.pattern](paint, fur, shape)
    for side in (-1, 1):
        _draw_inner_ear(paint, cat.ears, side, fur, shape)
    canvas.paste(coat, mask=stencil)
    if cat.ears == "tufted":
        _draw_tufts(pen, fur, shape)


def _head_border(shape: Proportions) -> np.ndarray:
    """A round head with full cheeks, `[48,2]`."""
    across, down = CIRCLE[:, 0], CIRCLE[:, 1]
    across = np.sign(across) * np.abs(across) ** 0.9
    cheeks = 1 + 0.08 * shape.cheeks * down
    return np.stack([across * cheeks, 0.84 * shape.height * down], axis=1)


_EARS: dict[str, list[Point]] = {
    "pointed": [(0.16, -0.70), (0.34, -0.96), (0.62, -1.20), (0.78, -1.26), (0.88, -1.16)]
    + [(0.97, -0.80), (0.98, -0.25)],
    "folded": [(0.22, -0.70), (0.36, -0.86), (0.58, -0.93), (0.80, -0.86), (0.98, -0.66)]
    + [(1.02, -0.50), (0.90, -0.30)],
    "tufted": [(0.20, -0.70), (0.44, -1.02), (0.72, -1.26), (0.86, -1.36), (0.94, -1.22)]
    + [(1.00, -0.80), (0.98, -0.25)],
}
_INNER_EARS: dict[str, list[Point]] = {
    "pointed": [(0.36, -0.72), (0.50, -0.94), (0.76, -1.14), (0.86, -0.84), (0.86, -0.42)],
    "tufted": [(0.42, -0.74), (0.56, -0.98), (0.80, -1.16), (0.88, -0.84), (0.88, -0.44)],
}
# The tip of a folded ear hangs over the forehead instead of showing the inside.
_FLAP: list[Point] = [(0.24, -0.76), (0.58, -0.90), (1.0, -0.62), (0.88, -0.44), (0.62, -0.36)]


def _ear_border(kind: str, side: int, shape: Proportions) -> np.ndarray:
    return mirrored(np.array(_EARS[kind]) * [1.0, shape.ears], side)


def _draw_inner_ear(pen: Pen, kind: str, side: int, fur: Fur, shape: Proportions) -> None:
    if kind == "folded":
        flap = mirrored(np.array(_FLAP), side)
        pen.border(flap, 0.07, fur.outline)
        pen.polygon(flap, mix(fur.base, fur.outline, 0.25))
        return
    inner = mirrored(np.array(_INNER_EARS[kind]) * [1.0, shape.ears], side)
    pen.polygon(inner, mix(EAR_PINK, fur.base, 0.25))
    if kind == "tufted":
        for x in (0.5, 0.64, 0.78):
            root, tip = (side * x, -0.62), (side * (x + 0.02), -1.02)
            pen.curve(root, (side * x, -0.8), tip, 0.09, mix(fur.base, WHITE, 0.6), "tapered")
    pen.ellipse((side * 0.5, -0.50), (0.42, 0.26), fur.base, turn=side * 0.5)


def _draw_tufts(pen: Pen, fur: Fur, shape: Proportions) -> None:
    """The lynx's brushes on the tips of the ears."""
    ink = mix(fur.outline, BLACK, 0.35) if sum(fur.base) > 200 else mix(fur.outline, WHITE, 0.35)
    for side in (-1, 1):
        for spread in (-0.10, 0.02, 0.14):
            root = (side * 0.86, -1.20 * shape.ears)
            tip = (side * (0.90 + spread), -1.60 * shape.ears)
            pen.curve(root, (side * 0.88, -1.4 * shape.ears), tip, 0.16, ink, "tapered")


def _ruff(kind: str) -> list[np.ndarray]:
    """Pointed whiskers of fur on the cheeks, which go with tufted ears."""
    if kind != "tufted":
        return []
    spikes = [[(0.90, 0.02), (1.22, 0.34), (0.86, 0.40)], [(0.90, 0.26), (1.12, 0.64), (0.7, 0.56)]]
    return [mirrored(np.array(spike), side) for spike in spikes for side in (-1, 1)]


def _shade_coat(pen: Pen, fur: Fur) -> None:
    """Light from above: a darker jaw and a paler forehead, in soft steps."""
    pen.box(-2, 0.45, 2, 2, mix(fur.base, BLACK, 0.05))
    pen.ellipse((0, 0.0), (0.97, 0.74), mix(fur.base, WHITE, 0.02))
    pen.ellipse((0, -0.12), (0.80, 0.56), mix(fur.base, WHITE, 0.05))


def _plain(pen: Pen, fur: Fur, shape: Proportions) -> None:
    """Nothing to add."""


def _tabby(pen: Pen, fur: Fur, shape: Proportions) -> None:
    """The M on the forehead and bars on the cheeks."""
    dx, dy = shape.markings[0]
    pen.curve((dx, -1.0), (dx, -0.6), (dx, -0.32 + dy), 0.15, fur.marking, "tapered")
    for side in (-1, 1):
        sx, sy = shape.markings[1 if side > 0 else 2]
        top, foot = (side * 0.30 + sx, -1.0), (side * 0.22 + sx, -0.38 + sy)
        pen.curve(top, (side * 0.36, -0.6), foot, 0.14, fur.marking, "tapered")
        top, foot = (side * 0.66 + sx, -0.86), (side * 0.50 + sx, -0.36 + sy)
        pen.curve(top, (side * 0.66, -0.5), foot, 0.13, fur.marking, "tapered")
        for y, reach in ((0.06, 0.74), (0.30, 0.66), (0.54, 0.56)):
            start, end = (side * 1.25, y - 0.12 + sy), (side * (reach + sx), y + sy)
            pen.curve(start, (side * 0.9, y + 0.06), end, 0.15, fur.marking, "tapered")


_SPOTS: tuple[tuple[float, float, float], ...] = (
    *((-0.02, -0.62, 0.12), (-0.36, -0.56, 0.11), (0.34, -0.58, 0.12), (-0.17, -0.38, 0.09)),
    *((0.18, -0.36, 0.09), (-0.70, -0.42, 0.10), (0.70, -0.40, 0.10), (-0.90, 0.02, 0.11)),
    *((0.90, 0.04, 0.11), (-0.74, 0.36, 0.12), (0.76, 0.34, 0.12), (-0.50, 0.62, 0.09)),
)


def _spotted(pen: Pen, fur: Fur, shape: Proportions) -> None:
    for (x, y, radius), (dx, dy) in zip(_SPOTS, shape.markings, strict=True):
        pen.dot((x + 1.5 * dx, y + 1.5 * dy), radius, fur.marking)
    pen.dot((0.52, 0.62), 0.10, fur.marking)


def _bicolour(pen: Pen, fur: Fur, shape: Proportions) -> None:
    """A blaze that widens from the forehead over the muzzle to the chin."""
    half = [(0.03, -0.80), (0.09, -0.40), (0.13, -0.05), (0.30, 0.20), (0.62, 0.38), (0.72, 1.0)]
    points = np.array(half + [(-x, y) for x, y in reversed(half)])
    pen.polygon(points + [shape.markings[0, 0], 0], fur.mask)


_PATTERNS = {"plain": _plain, "tabby": _tabby, "spotted": _spotted, "bicolour": _bicolour}

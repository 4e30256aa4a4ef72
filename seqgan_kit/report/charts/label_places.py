"""Places for the labels of a chart: no two overlap and none hides a dot; earlier labels go first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LETTER, _LINE = 6.2, 12.0
"""Width of a letter and height of a line in pixels, at the charts' font size."""
_RINGS, _NEAR = 12, 2
_GAP = 3.0
_DIRECTIONS = ((0, -1), (1, -1), (1, 0), (0, 1), (-1, -1), (1, 1), (-1, 1), (-1, 0))
"""Directions from a dot to its label, the most readable first."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Return whether the two boxes share an area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def inside(self, other: Box) -> bool:
        """Return whether this box lies inside the other."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


def dot(x: float, y: float, radius: float) -> Box:
    """Return the bounding square of a dot."""
    return Box(x - radius, y - radius, x + radius, y + radius)


def place_labels(
    labels: Sequence[tuple[str, float, float]],
    dots: Sequence[Box],
    bounds: Box,
    far: int | None = None,
) -> list[Box | None]:
    """Return a box for each label (text, x, y of its target), near its target; None if there is no room.

    Args:
        labels: labels, the most important first.
        dots: boxes that no label may hide.
        bounds: box that no label may leave.
        far: number of first labels that may lie farther from their targets than the others; None: all.
    """
    taken = list(dots)
    places: list[Box | None] = []
    for order, (words, x, y) in enumerate(labels):
        rings = _RINGS if far is None or order < far else _NEAR
        spots = _spots(_LETTER * len(words), x, y, rings)
        free = (box for box in spots if box.inside(bounds) and not any(map(box.overlaps, taken)))
        place = next(free, None)
        places.append(place)
        if place is not None:
            taken.append(place)
    return places


def _spots(width: float, x: float, y: float, rings: int) -> Iterator[Box]:
    """Return boxes around a place, the nearest first."""
    for ring in range(rings):
        away = 6.0 + _GAP + ring * 5.0
        for right, down in _DIRECTIONS:
            middle_x = x + right * (away + width / 2)
            middle_y = y + down * (away + _LINE / 2)
            yield Box(
                middle_x - width / 2,
                middle_y - _LINE / 2,
                middle_x + width / 2,
                middle_y + _LINE / 2,
            )

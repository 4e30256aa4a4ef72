"""Counts of what was read, skipped, cropped and enlarged while an image corpus was decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

NAMED_PICTURES = 5
"""Largest number of unreadable images that are named; others are only counted."""


@dataclass(frozen=True)
class ImageSplitAccount:
    """Counts of one split of an image corpus."""

    source: str
    read: int = 0
    kept: int = 0
    unreadable: int = 0
    unreadable_names: tuple[str, ...] = ()
    cropped: int = 0
    enlarged: int = 0
    smallest: tuple[int, int] = (0, 0)
    largest: tuple[int, int] = (0, 0)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ImageSplitAccount:
        """Rebuild the account from JSON values, with lists converted to tuples."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in state.items()
        }
        return cls(**values)

    def lines(self, name: str) -> list[str]:
        """Return the counts as lines for a terminal."""
        sizes = "x".join(map(str, self.smallest))
        if self.largest != self.smallest:
            sizes += " to " + "x".join(map(str, self.largest))
        parts = [f"{name}: {self.kept:,} of {self.read:,} images of {sizes} pixels"]
        done = ((self.cropped, "cropped"), (self.enlarged, "enlarged"))
        parts += [f"{n:,} {what}" for n, what in done if n]
        lines = [f"{', '.join(parts)}  [{self.source}]"]
        if self.unreadable:
            others = self.unreadable - len(self.unreadable_names)
            named = "; ".join(self.unreadable_names) + (f" and {others:,} more" if others else "")
            lines.append(f"  skipped {self.unreadable:,} unreadable: {named}")
        return lines


@dataclass(frozen=True)
class ImageAccount:
    """Counts of an image corpus."""

    size: int
    channels: int
    splits: Mapping[str, ImageSplitAccount]
    label_names: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the account as lines for a terminal."""
        lines = [
            f"images of {self.size}x{self.size} pixels, {'grey' if self.channels == 1 else 'colour'}"
        ]
        for name, split in self.splits.items():
            lines += split.lines(name)
        if self.label_names:
            labels = (f"{name} ({len(names)})" for name, names in self.label_names.items())
            lines.append(f"labels: {', '.join(labels)}")
        return [*lines, *(f"note: {note}" for note in self.notes)]

    def to_dict(self) -> dict[str, Any]:
        """Return the account as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ImageAccount:
        """Rebuild an account from the result of ``to_dict``, with lists converted to tuples."""
        splits = {
            name: ImageSplitAccount.from_dict(split) for name, split in state["splits"].items()
        }
        labels = {name: tuple(names) for name, names in state["label_names"].items()}
        return cls(
            **{**state, "splits": splits, "label_names": labels, "notes": tuple(state["notes"])}
        )

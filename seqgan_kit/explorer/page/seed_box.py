"""The box for a seed, and what is typed into it."""

from __future__ import annotations

from typing import Any

from seqgan_kit.errors import UsageError

_LARGEST = 2**53 - 1  # the largest whole number that a browser holds exactly


def seed_box(label: str = "Seed", value: int = 0) -> Any:
    """Return the component."""
    import gradio as gr

    return gr.Number(value, label=label, min_width=100)


def seed_in(typed: object) -> int:
    """Return the seed that was typed; an empty box is 0."""
    if typed is None or typed == "":
        return 0
    if isinstance(typed, int | float) and typed == typed // 1 and 0 <= typed <= _LARGEST:
        return int(typed)
    raise UsageError(f"the seed is {typed}: give a whole number from 0 to {_LARGEST:,}.")

"""Short forms of numbers and durations for a line of a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Priority when not everything fits: exact metrics first, then signs of problems.
_FIRST = (
    "reverse_kl",
    "forward_kl",
    "validity",
    "nll",
    "fid",
    "bleu",
    "loss",
    "accuracy",
    "reward",
)
_LEFT_TO_THE_FILE = re.compile(r"learning_rate|\blr\b|norm|seconds|per_second")
_SHORT = {"generator": "G", "discriminator": "D"}


def chosen(values: Mapping[str, float], width: int) -> str:
    """Return the most important ``values`` that fit into ``width`` characters, in the given order."""
    shown = {name: f"{_label(name)} {_number(value)}" for name, value in values.items()}
    taken: set[str] = set()
    left = width + 2
    for name in sorted(shown, key=_rank):
        need = len(shown[name]) + 2
        if need <= left and not _LEFT_TO_THE_FILE.search(name):
            taken.add(name)
            left -= need
    return "  ".join(text for name, text in shown.items() if name in taken)


def duration(seconds: float) -> str:
    """Format seconds as m:ss or h:mm:ss."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{second:02d}" if hours else f"{minutes}:{second:02d}"


def _rank(name: str) -> int:
    return next((rank for rank, word in enumerate(_FIRST) if word in name.lower()), len(_FIRST))


def _label(name: str) -> str:
    return " ".join(_SHORT.get(word, word) for word in re.split(r"[/_. ]+", name))


def _number(value: float) -> str:
    if isinstance(value, int) or 1000 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:#.4g}" if 0.01 <= abs(value) < 1000 else f"{value:.3g}"

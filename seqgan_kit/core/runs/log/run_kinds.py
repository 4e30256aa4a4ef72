"""Kinds of the files of a run, for checks when they are read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from seqgan_kit.core.files.json_kinds import (
    Misfit,
    flag,
    list_of,
    mapping_of,
    maybe,
    number,
    record,
    text,
    whole,
    word_of,
)

_NAME = text(1000)
_COUNT = whole(0, 2**53)


def _moment(value: Any) -> None:
    text(100)(value)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise Misfit(value, "a date and time such as 2026-01-31T12:00:00+00:00") from None


_TOLD = {
    "recipe": _NAME,
    "preset": maybe(_NAME),
    "seed": whole(),
    "command": list_of(text()),
    "started": _moment,
    "world_size": whole(1, 2**20),
    "device": _NAME,
    "platform": maybe(text()),
    "cpu_count": maybe(_COUNT),
    "git": maybe(record({"revision": _NAME, "dirty": flag})),
}
_SETTINGS = record(
    {},
    {
        "data": record({}, {"text": text()}),
        "oracle": record({}),
        "run": record({}),
        "training": record(
            {}, dict.fromkeys(("rounds", "generator_moves", "teacher_forcing_moves"), _COUNT)
        ),
        "method": record({}, {"reward": _NAME, "patience_evaluations": _COUNT}),
    },
)
CONFIG = record(
    {"versions": record({"seqgan_kit": maybe(_NAME)}, others=maybe(_NAME))},
    {**_TOLD, "config": _SETTINGS, "resumes": list_of(record({}))},
)
"""config.json. Its settings are checked against the recipe's types where they are used."""

ROW = record(
    {
        "kind": word_of("train", "evaluation", "alarm", "phase"),
        "phase": _NAME,
        "round": _COUNT,
        "total_round": _COUNT,
        "move": _COUNT,
        "seconds": number(0, 1e12),
        "values": mapping_of(maybe(number())),
    },
    {"message": text()},
)
"""A line of metrics.jsonl."""

_VALUES = mapping_of(maybe(number()))


def _point(value: Any) -> None:
    """Check a point of a curve: x, and y or null."""
    if type(value) is not list or len(value) != 2:
        raise Misfit(value, "a pair of numbers")
    number()(value[0])
    maybe(number())(value[1])


_LINE = record(
    {"name": _NAME, "points": list_of(_point)},
    {"errors": list_of(maybe(number()))},
)
_CHART = record({"title": _NAME, "x_label": _NAME, "lines": list_of(_LINE)})
TABLE = record(
    {
        "columns": list_of(
            record(
                {"key": _NAME, "label": _NAME, "signature": text()},
                {
                    "better": maybe(text(20)),
                    "digits": whole(0, 17),
                    "group": _NAME,
                },
            )
        ),
        "rows": list_of(
            record({"name": _NAME, "values": _VALUES}, {"errors": _VALUES, "reference": flag})
        ),
    },
    {
        "title": text(),
        "notes": list_of(text()),
        "findings": list_of(text()),
        "charts": list_of(_CHART),
    },
)
"""scores.json and evaluation.json."""

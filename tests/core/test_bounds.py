"""Bounds in the types of settings: checks, messages, and their presence in all settings."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from seqgan_kit.core.bounds import (
    Above0,
    Bounds,
    Cap,
    Count,
    Finite,
    Positive,
    Share,
    Size,
    UpTo1,
    Weight,
    bounded,
)
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class Settings:
    size: Size = 3
    positive: Positive = 1
    count: Count = 0
    share: Share = 0.5
    up_to_1: UpTo1 = 1.0
    weight: Weight = 0.0
    above_0: Above0 = 1.0
    cap: Cap = math.inf
    finite: Finite = -1.0
    maybe: Size | None = None
    several: tuple[Annotated[int, Bounds(2)], ...] = ()
    pair: tuple[Share, Weight] = (0.5, 2.0)
    choice: Literal["one", "two"] = "one"
    free: str = ""

    def __post_init__(self):
        if self.free == "refused":
            raise UsageError("by its own rule")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 0}, r"size is 0; it must be at least 1 and at most 1,000,000\."),
        ({"size": 10**9}, "size is 1000000000; it must be at least 1 and at most 1,000,000"),
        ({"positive": 0}, r"positive is 0; it must be at least 1\."),
        ({"count": -1}, r"count is -1; it must be 0 or more\."),
        ({"share": -1.0}, r"share is -1\.0; it must be 0 or more and below 1\."),
        ({"share": 1.0}, r"share is 1\.0; it must be 0 or more and below 1\."),
        ({"share": math.nan}, "share is nan; it must be 0 or more and below 1"),
        ({"up_to_1": 1.1}, r"up_to_1 is 1\.1; it must be 0 or more and at most 1\."),
        ({"weight": math.inf}, "weight is inf; it must be 0 or more, and finite"),
        ({"above_0": 0}, "above_0 is 0; it must be above 0, and finite"),
        ({"cap": 0.0}, r"cap is 0\.0; it must be above 0\."),
        ({"finite": math.nan}, r"finite is nan; it must be a finite number\."),
        ({"finite": -math.inf}, "finite is -inf; it must be a finite number"),
        ({"maybe": 0}, "maybe is 0; it must be at least 1"),
        ({"several": (2, 1)}, "several is 1; it must be at least 2"),
        ({"several": [1]}, "several is 1; it must be at least 2"),
        ({"pair": (0.5, -1.0)}, r"pair is -1\.0; it must be 0 or more"),
        ({"choice": "three"}, "unknown choice 'three'. .*Allowed: one, two"),
        ({"size": "three"}, "size is 'three', which is not a number"),
        ({"free": "refused"}, "by its own rule"),
    ],
)
def test_what_lies_outside_is_refused_in_a_sentence(given, message):
    with pytest.raises(UsageError, match=message):
        Settings(**given)
    with pytest.raises(UsageError, match=message):
        dataclasses.replace(Settings(), **given)


def test_what_lies_inside_is_taken():
    taken = Settings(1, 1, 0, 0, 0, 10, 1e-9, 1.0, 0.0, None, (2, 3), (0.0, 0.0), "two")
    assert taken == Settings(1, 1, 0, 0, 0, 10, 1e-9, 1.0, 0.0, None, (2, 3), (0.0, 0.0), "two")
    assert Settings.__dataclass_params__.frozen

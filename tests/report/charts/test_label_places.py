"""Labels of a chart: no two overlap, none hides a dot or leaves the chart, and the same ones every time."""

from __future__ import annotations

import random
import re
from itertools import combinations

import pytest

from seqgan_kit.report.charts.frontier_chart import frontier_chart
from seqgan_kit.report.charts.label_places import Box, dot, place_labels

BOUNDS = Box(48, 40, 640, 400)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("spread", [4, 30, 250])
def test_no_two_boxes_overlap(seed: int, spread: int) -> None:
    rng = random.Random(seed)
    words = ["SeqGAN (control)", "MLE", *("0.9", "top-k 10", "0.5", "top-p 0.95") * 8]
    at = [
        (300 + rng.uniform(-spread, spread), 220 + rng.uniform(-0.6, 0.6) * spread) for _ in words
    ]
    dots = [dot(x, y, 3) for x, y in at]
    labels = [(word, x, y) for word, (x, y) in zip(words, at, strict=True)]
    places = place_labels(labels, dots, BOUNDS)
    found = [box for box in places if box is not None]
    assert not any(a.overlaps(b) for a, b in combinations(found, 2))
    assert not any(box.overlaps(one) for box in found for one in dots)
    assert all(box.inside(BOUNDS) for box in found)
    assert places == place_labels(labels, dots, BOUNDS)
    assert None not in places[:2], "the arms' names come first"
    if spread == 250:
        assert places.count(None) <= 1


def test_a_lone_label_stands_above_its_dot() -> None:
    (box,) = place_labels([("MLE", 300, 220)], [dot(300, 220, 5.5)], BOUNDS)
    assert box is not None
    assert (box.left + box.right) / 2 == 300
    assert 205 < box.bottom < 220


def test_without_room_there_is_no_label() -> None:
    narrow = Box(0, 0, 10, 10)
    assert place_labels([("a long name", 5, 5)], [], narrow) == [None]


def test_labels_of_the_frontier_do_not_overlap() -> None:
    """Arms at one place, at eight temperatures each: what pages of three close methods look like."""
    point = {"role": "method", "quality_reach": 0.01, "diversity_reach": 0.01}
    points = [
        {
            **point,
            "arm": arm,
            "at": at,
            "quality": 1 + i * 0.002 + j * 0.01,
            "diversity": 2 - j * 0.01,
        }
        for i, arm in enumerate(("mle", "seqgan", "relgan"))
        for j, at in enumerate(("", "0.9", "0.8", "0.7", "0.6", "0.5", "0.4", "0.3"))
    ]
    record = {"quality": {"label": "q"}, "diversity": {"label": "d"}, "points": points}
    names = {arm: arm.upper() for arm in ("mle", "seqgan", "relgan")}
    drawn = frontier_chart(record, {arm: i for i, arm in enumerate(names)}, names)
    labels = re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="middle"[^>]*>([^<]+)<', drawn
    )
    found = [(float(x), float(y), words) for x, y, words in labels]
    found = [one for one in found if one[2] in names.values() or re.fullmatch(r"0\.\d", one[2])]
    boxes = [Box(x - 3.1 * len(w), y - 9, x + 3.1 * len(w), y + 3) for x, y, w in found if y < 400]
    assert {"MLE", "SEQGAN", "RELGAN"} <= {words for _, _, words in found}
    shrunk = [Box(b.left + 0.2, b.top + 0.2, b.right - 0.2, b.bottom - 0.2) for b in boxes]
    assert not any(a.overlaps(b) for a, b in combinations(shrunk, 2))

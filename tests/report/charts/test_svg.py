"""Charts: pixels that can be worked out by hand, well-formed markup, nothing from outside."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from seqgan_kit.report.charts.plane import Line, Span, number
from seqgan_kit.report.charts.scales import Scale, log_ticks, running_mean, thin, ticks
from seqgan_kit.report.charts.svg import PALETTE, chart

SVG = "{http://www.w3.org/2000/svg}"


def parse(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return root


def paths(root: ET.Element, kind: str) -> list[list[tuple[float, float]]]:
    found = [e.attrib["d"] for e in root.iter(f"{SVG}path") if e.get("class") == kind]
    return [[tuple(map(float, p.split())) for p in d.lstrip("M").split("L")] for d in found]


def labels(root: ET.Element) -> list[str]:
    """The texts that are always shown (those of the readouts are hidden)."""
    hidden = {id(t) for g in root.iter(f"{SVG}g") for t in g.iter(f"{SVG}text")}
    return [e.text or "" for e in root.iter(f"{SVG}text") if id(e) not in hidden]


class TestScales:
    def test_linear_scale_is_a_straight_line(self) -> None:
        scale = Scale(10, 20, 100, 300)
        assert [scale(10), scale(12.5), scale(20)] == [100, 150, 300]

    def test_log_scale_gives_every_power_the_same_room(self) -> None:
        scale = Scale(1, 1000, 0, 300, log=True)
        assert [scale(x) for x in (1, 10, 100, 1000)] == pytest.approx([0, 100, 200, 300])

    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
            (0, 100, [0, 20, 40, 60, 80, 100]),
            (0.12, 0.38, [0.1, 0.2, 0.3, 0.4]),
            (-0.6, 0.1, [-0.6, -0.4, -0.2, 0, 0.2]),
            (1e-9, 3e-9, [1e-9, 1.5e-9, 2e-9, 2.5e-9, 3e-9]),
            (1999, 2021, [1995, 2000, 2005, 2010, 2015, 2020, 2025]),
        ],
    )
    def test_ticks_are_round_and_enclose(
        self, low: float, high: float, expected: list[float]
    ) -> None:
        assert ticks(low, high) == expected

    def test_ticks_of_a_single_value_surround_it(self) -> None:
        for value in (0.0, 8.0, -3.0):
            marks = ticks(value, value)
            assert marks[0] < value < marks[-1]

    def test_whole_ticks(self) -> None:
        assert ticks(0, 3, whole=True) == [0, 1, 2, 3]

    def test_log_ticks(self) -> None:
        assert log_ticks(0.3, 20) == [0.1, 1, 10, 100]
        assert log_ticks(2, 9) == [2, 5, 10]
        assert log_ticks(1, 1) == [1, 2]
        assert log_ticks(0.7, 9) == [0.5, 1, 2, 5, 10]
        marks = log_ticks(1e-12, 1e12)
        assert len(marks) <= 8
        assert marks[0] <= 1e-12
        assert marks[-1] >= 1e12

    def test_thinning_keeps_ends_and_spikes(self) -> None:
        points = [(x, 0.0) for x in range(100_000)]
        points[777], points[50_001] = (777, 5.0), (50_001, -5.0)
        kept = thin(points, 100)
        assert len(kept) <= 400
        assert kept[0] == points[0]
        assert kept[-1] == points[-1]
        assert (777, 5.0) in kept
        assert (50_001, -5.0) in kept
        assert kept == sorted(kept)

    def test_running_mean(self) -> None:
        points = [(0, 2.0), (1, 4.0), (2, None), (3, 6.0), (4, 8.0)]
        assert running_mean(points, 2) == [(0, 2), (1, 3), (2, None), (3, 5), (4, 7)]

    @pytest.mark.parametrize(
        ("value", "text"),
        [(0, "0"), (0.25, "0.25"), (12, "12"), (250_000, "250k"), (3.1e-5, "3.1e-5"), (2e6, "2M")],
    )
    def test_numbers_are_short(self, value: float, text: str) -> None:
        assert number(value) == text


class TestChart:
    def test_points_land_where_the_axes_say(self) -> None:
        """x 0..10 over pixels 44..406, y 0..1 over pixels 216..8 (250 high, 34 below, 8 above)."""
        line = Line("", [(0, 0.0), (5, 0.5), (10, 1.0)])
        (curve,) = paths(parse(chart([line], title="t")), "curve")
        assert curve == [(44.0, 216.0), (225.0, 112.0), (406.0, 8.0)]

    def test_log_axis(self) -> None:
        line = Line("", [(0, 1.0), (1, 10.0), (2, 100.0), (3, 0.0)])
        root = parse(chart([line], title="t", log=True))
        (curve,) = paths(root, "curve")
        assert [y for _, y in curve] == [216.0, 112.0, 8.0]
        assert {"1", "10", "100"} <= set(labels(root))

    def test_a_gap_breaks_the_line_and_a_lone_point_is_a_dot(self) -> None:
        points = [(0, 1.0), (1, 2.0), (2, None), (3, 1.5), (4, None), (5, 1.0), (6, 1.0)]
        root = parse(chart([Line("", points)], title="t"))
        assert [len(curve) for curve in paths(root, "curve")] == [2, 2]
        assert len(list(root.iter(f"{SVG}circle"))) == 1

    def test_evaluations_are_marked_with_whiskers(self) -> None:
        line = Line("", [(0, 1.0), (1, 2.0)], marked=True, errors=[0.25, None])
        root = parse(chart([line], title="t"))
        assert len(list(root.iter(f"{SVG}circle"))) == 2
        (whisker,) = [e for e in root.iter(f"{SVG}path") if e.get("class") == "whisker"]
        x, top, bottom = map(float, re.findall(r"[\d.]+", whisker.attrib["d"]))
        # The axis holds the whisker, 0.75 to 1.25: 0.5 to 2 over 216..8.
        assert (x, top, bottom) == pytest.approx((44.0, 112.0, 216 - 208 / 6), abs=0.1)

    def test_no_whisker_is_cut_at_the_axis(self) -> None:
        """A deviation far larger than the course stretches the axis."""
        line = Line("", [(0, 1.0), (1, 1.1)], marked=True, errors=[3.0, 0.5])
        root = parse(chart([line], title="t", height=250))
        for e in root.iter(f"{SVG}path"):
            if e.get("class") == "whisker":
                _, top, bottom = map(float, re.findall(r"[\d.]+", e.attrib["d"]))
                assert 8 <= top < bottom <= 216

    def test_legend_axes_phases_and_references_are_named(self) -> None:
        root = parse(
            chart(
                [Line("a <b> & c", [(0, 1.0), (40, 2.0)]), Line("other", [(0, 2.0)], colour=1)],
                title='he said "1 < 2"',
                phases=[Span("pretraining", 0, 20), Span("adversarial", 20, 40)],
                references=[("real data", 1.5)],
            )
        )
        told = labels(root)
        assert {"a <b> & c", "other", "real data", "pretraining", "adversarial", "round"} <= set(
            told
        )
        assert {"0", "10", "20", "30", "40", "1", "1.2", "1.8", "2"} <= set(told)
        assert root.attrib["aria-label"] == 'he said "1 < 2"'
        bands = [e for e in root.iter(f"{SVG}rect") if e.get("class") == "phase"]
        spans = [(float(b.attrib["x"]), float(b.attrib["width"])) for b in bands]
        assert spans == [(44.0, 181.0), (225.0, 181.0)]

    def test_lines_differ_in_colour_and_dash(self) -> None:
        lines = [Line(str(k), [(0, k), (1, k)], colour=k) for k in range(len(PALETTE))]
        root = parse(chart(lines, title="t"))
        styles = [e.attrib["style"] for e in root.iter(f"{SVG}path") if e.get("class") == "curve"]
        assert len(set(styles)) == len(PALETTE)
        assert len({re.sub(r"stroke:[^;]*", "", style) for style in styles}) == 4

    def test_readout_tells_the_numbers_of_its_place(self) -> None:
        lines = [Line("g", [(0, 1.0), (10, 3.0)]), Line("d", [(0, 5.0), (10, 0.125)], colour=1)]
        root = parse(chart(lines, title="t", x_label="epoch"))
        groups = [g for g in root.iter(f"{SVG}g") if g.get("class") == "readout"]
        told = [[t.text for t in group.iter(f"{SVG}text")] for group in groups]
        assert told == [["epoch 0", "g 1", "d 5"], ["epoch 10", "g 3", "d 0.125"]]

    @pytest.mark.parametrize(
        "lines",
        [
            [],
            [Line("n", [])],
            [Line("n", [(3, None)])],
            [Line("n", [(3, 7.0)])],
            [Line("n", [(0, 0.0)])],
        ],
    )
    @pytest.mark.parametrize("log", [False, True])
    def test_little_or_nothing_to_draw(self, lines: list[Line], log: bool) -> None:
        svg = chart(lines, title="t", log=log, phases=[Span("p", 0, 0)])
        parse(svg)
        assert "nan" not in svg
        assert "inf" not in svg

    def test_a_long_run_stays_small(self) -> None:
        points = [(x, math.sin(x)) for x in range(100_000)]
        assert len(chart([Line("n", points)], title="t")) < 60_000


def test_values_that_differ_by_rounding_alone_get_room():
    marks = ticks(4.605170185988092, 4.605170185988093)
    assert marks[0] < 4.6 < 4.7 < marks[-1]

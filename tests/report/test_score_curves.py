"""Curves that scores.json holds are drawn in the report."""

import json

import pytest

from seqgan_kit.core.runs.log import read_scores
from seqgan_kit.errors import UsageError
from seqgan_kit.report.charts.curves import sections

SCORES = {
    "columns": [],
    "rows": [],
    "charts": [
        {
            "title": "accuracy under attack",
            "x_label": "epsilon",
            "lines": [
                {
                    "name": "plain",
                    "points": [[0, 1.0], [8, 0.25], [16, None]],
                    "errors": [0, 0.1, None],
                },
                {"name": "robust", "points": [[0, 0.9], [8, 0.75]]},
            ],
        }
    ],
}


def test_a_chart_of_the_scores_has_its_lines_and_its_axis(tmp_path):
    (tmp_path / "scores.json").write_text(json.dumps(SCORES))
    (section,) = sections([], read_scores(tmp_path))
    (figure,) = section.figures
    assert (section.title, figure.title) == ("Curves of the scores", "accuracy under attack")
    for word in ("plain", "robust", "epsilon"):
        assert word in figure.svg


def test_scores_without_curves_draw_nothing():
    assert sections([], {"columns": [], "rows": []}) == []


@pytest.mark.parametrize("point", [[1], [1, 2, 3], [None, 1], "ab"])
def test_a_damaged_point_ends_in_a_sentence(point, tmp_path):
    chart = {"title": "t", "x_label": "x", "lines": [{"name": "a", "points": [point]}]}
    (tmp_path / "scores.json").write_text(json.dumps({**SCORES, "charts": [chart]}))
    with pytest.raises(UsageError, match="charts"):
        read_scores(tmp_path)

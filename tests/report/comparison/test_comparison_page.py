"""compare.html: self-contained, escaped, complete, drawn by a browser; and the table of the terminal."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from comparison_dirs import make_run, scores
from rich.console import Console

from seqgan_kit.report.charts.frontier_chart import frontier_chart
from seqgan_kit.report.comparison.arm_runs import ArmRuns, ComparedRun
from seqgan_kit.report.comparison.comparison_page import write_comparison
from seqgan_kit.report.comparison.means_table import print_comparison

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MLE = {"MLE": scores(1.0, 0.5), "MLE at 0.9": scores(0.8, 0.6)}
TRAINING = {"training": {"generator_moves": 2, "teacher_forcing_moves": 2}}
COURSE: Any = {
    5: {"nll_valid": 1.4, "validity": 0.7, "not_finite": None},
    10: {"nll_valid": 1.45, "validity": 0.8},
}


def arms_in(folder: Path, seeds: int = 3, methods: int = 1) -> list[ArmRuns]:
    """A start, MLE, methods that do better by seed, and a control; the last seed of the control failed."""

    def runs(arm: str, rows: Any, count: int, **more: Any) -> tuple[ComparedRun, ...]:
        made = (make_run(folder / arm / f"seed-{s}", s, rows(s), **more) for s in range(count))
        return tuple(ComparedRun(arm, path) for path in made)

    def row(at: float) -> Any:
        return lambda s: {"Toy": scores(at + s / 50, 0.52, 0.9 + s / 50), "Toy at 0.9": MLE["MLE"]}

    toys = [f"toy{n or ''}" for n in range(methods)]
    more = {"config": TRAINING, "evaluations": COURSE}
    return [
        ArmRuns("start", "start", runs("start", lambda s: MLE, seeds)),
        ArmRuns("mle", "baseline", runs("mle", lambda s: MLE, seeds, evaluations=COURSE)),
        *(ArmRuns(name, "method", runs(name, row(0.7), seeds, **more)) for name in toys),
        ArmRuns(
            "constant",
            "control",
            runs("constant", row(1.1), seeds - 1, **more),
            {seeds - 1: "it <failed>"},
        ),
    ]


class Reader(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page_of(folder: Path, **options: int) -> str:
    command = ["seqgan-kit", "compare", "toy", "--arm", "a=b <c>"]
    path = write_comparison(folder, arms_in(folder, **options), "20 updates", command)
    assert path == folder / "compare.html"
    return path.read_text(encoding="utf-8")


def test_the_page_holds_everything(tmp_path: Path) -> None:
    (tmp_path / "shared.json").write_text('{"data": {"text": "catworld"}}')
    page = Reader(page_of(tmp_path))
    for words in (
        "toy is better than a colder MLE here. It lies beyond MLE's curve",
        "Budget: 20 updates",
        "1 run missing",
        "constant, seed 2: it <failed>",
        "constant (control)",
        "control: a reward without information",
        "sample of toy <i>",
        "seqgan-kit compare toy --arm 'a=b <c>'",
        "seqgan-kit run toy '<b>'",
        "toy at 0.9",
        '"text": "catworld"',
        "NLL valid",
        "updates of the generator",
        "real data",
    ):
        assert words in page.text, words
    assert "<i>" in page.text
    assert ("i", {}) not in page.tags


def test_significance_is_shown_and_coloured(tmp_path: Path) -> None:
    """Skewed KL .70, .72, .74 against 1: difference -.28, deviation .02: t = 24, p = .0017."""
    page = page_of(tmp_path)
    assert '<span class="change better">-0.280, p .002</span>' in page
    assert '<span class="change worse">+0.02, p &lt;.001</span>' in page


def test_nothing_is_fetched_and_nothing_runs(tmp_path: Path) -> None:
    page = Reader(page_of(tmp_path))
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "embed", "base")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "data", "action", "xlink:href"):
                assert (value or "").startswith("data:")
    assert not re.search(r"url\(|@import", page.text)


def test_charts_hold_what_was_measured(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert page.count('class="attained"') == 1
    assert "toy at temperature 0.9: 1, 0.5" in page
    assert page.count("<svg") == 3  # the frontier, NLL and validity


def test_each_way_of_drawing_has_a_curve_of_its_own() -> None:
    """Truncated sampling's curve ends in the arm as it is; the one over temperatures passes through it."""
    ways = {"": (1.0, 1.0), "0.5": (0.5, 2.0), "top-p 0.9": (0.8, 1.2), "top-p 0.5": (0.6, 1.9)}
    points = [
        {"arm": "mle", "role": "baseline", "at": at, "quality": x, "diversity": y}
        | {"quality_reach": 0.0, "diversity_reach": 0.0}
        for at, (x, y) in ways.items()
    ]
    axis = {"key": "k", "label": "k", "signature": ""}
    record = {"points": points, "quality": axis, "diversity": axis}
    drawn = frontier_chart(record, {"mle": 0}, {"mle": "MLE"})
    paths = re.findall(r'class="curve" d="M([^"]*)"', drawn)
    assert [len(path.split("L")) for path in paths] == [2, 3]
    assert paths[0].split("L")[1] == paths[1].split("L")[2]
    assert "MLE at top-p 0.9: 0.8, 1.2" in drawn
    assert "MLE at temperature 0.5: 0.5, 2" in drawn


def test_every_number_is_in_the_json(tmp_path: Path) -> None:
    page_of(tmp_path)
    record = json.loads((tmp_path / "compare.json").read_text())
    (toy,) = (row for row in record["rows"] if row["name"] == "toy")
    assert toy["scores"]["skewed_kl"]["by_seed"] == {"0": 0.7, "1": 0.72, "2": 0.74}
    assert {arm["name"]: arm["role"] for arm in record["arms"]}["constant"] == "control"
    assert record["budget"] == "20 updates"


@pytest.mark.parametrize("methods", [1, 6])
def test_the_terminals_table_fits_100_columns(tmp_path: Path, methods: int) -> None:
    page_of(tmp_path, methods=methods)
    raw = io.StringIO()
    print_comparison(tmp_path, Console(file=raw, width=180, highlight=False))
    shown = raw.getvalue()
    assert max(map(len, shown.splitlines())) <= 100
    for words in ("-0.280, p .002", "constant", "beyond MLE's curve", "real data"):
        assert words in re.sub(r"\s+", " ", shown)


def drawn(page: Path, *options: str) -> str:
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", *options, "--dump-dom"]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_draws_the_page(tmp_path: Path) -> None:
    """What the browser made of the page still holds every part, each inside the one it belongs to."""
    page_of(tmp_path)
    dom = drawn(tmp_path / "compare.html", f"--user-data-dir={tmp_path / 'profile'}")
    assert dom.count("<svg") == 3
    assert dom.rstrip().endswith("</html>")
    body = dom[dom.index("<main>") : dom.index("</main>")]
    for words in ("Quality against diversity", "Learning curves", "How to reproduce", "<footer>"):
        assert words in body

"""report.html: self-contained, escaped, complete, and made from whatever a run has written so far."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from seqgan_kit.core.runs.log import SHEET_COLUMNS, SHEETS, RunLog, provenance
from seqgan_kit.errors import UsageError
from seqgan_kit.report.charts.curves import label, sections, spans
from seqgan_kit.report.charts.plane import Span
from seqgan_kit.report.run_page import write_report

NASTY = '<script>alert("x")</script> & <b>'


def begin(folder: Path, **more: Any) -> RunLog:
    run = RunLog(folder)
    record = {"recipe": "seqgan", "preset": "smoke", "seed": 3, "config": {"data": {"text": NASTY}}}
    run.write_config(
        record | provenance() | {"command": ["python", "recipes/seqgan.py", "smoke"]} | more
    )
    run.begin()
    return run


def play(run: RunLog, rounds: int = 20, finished: bool = True) -> None:
    total = 0

    def log(kind: str, phase: str, done: int, message: str | None = None, **values: float) -> None:
        run.log(
            kind,
            phase=phase,
            round=done,
            total_round=total,
            move=total,
            values=values,
            message=message,
        )

    for phase in ("pretrain generator", "adversarial"):
        log("phase", phase, 0, rounds=rounds)
        for done in range(1, rounds + 1):
            total += 1
            log("train", phase, done, generator_loss=3.0 / total, discriminator_accuracy=0.8)
            if done % 10 == 0:
                log("evaluation", phase, done, reverse_kl=1.5, bleu_2=0.7, bleu_3=0.5)
                run.sample_path(total, "txt").write_text(f"sample of round {total}\n{NASTY}\n")
    log("alarm", "adversarial", rounds, message=f"accuracy pinned {NASTY}")
    if finished:
        log("phase", "adversarial", rounds, message="finished")


SCORES = {
    "title": "Models <i>",
    "columns": [
        {
            "key": "reverse_kl",
            "label": "reverse KL",
            "better": "lower",
            "digits": 2,
            "signature": "kl|exact",
        }
    ],
    "rows": [
        {"name": "MLE", "values": {"reverse_kl": 2.0}, "errors": {"reverse_kl": 0.05}},
        {"name": "SeqGAN", "values": {"reverse_kl": 1.5}, "errors": {"reverse_kl": 0.05}},
        {"name": "real data", "values": {"reverse_kl": 0.25}, "errors": {}},
    ],
    "notes": [f"a note {NASTY}"],
}


class Page(HTMLParser):
    """Collects a page's tags, attributes and text, and checks that tags are closed in order."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def page_of(folder: Path) -> Page:
    path = write_report(folder)
    assert path == folder / "report.html"
    return Page(path.read_text(encoding="utf-8"))


def assert_self_contained(page: Page) -> None:
    """Nothing is fetched and nothing runs: addresses are data of this page or namespaces' names."""
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "embed", "base")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "data", "action", "xlink:href"):
                assert (value or "").startswith("data:")
    assert not re.search(r"url\(|@import", page.text)


def test_a_finished_run(tmp_path: Path) -> None:
    run = begin(tmp_path)
    play(run)
    run.write_scores(SCORES)
    page = page_of(tmp_path)
    assert_self_contained(page)
    for words in (
        "seqgan, smoke",
        "Finished",
        "pretrain generator (20 rounds), then adversarial (20 rounds)",
        "1 alarm",
        "Models <i>",
        "1.50",
        "± 0.05",
        "kl|exact",
        "sample of round 10",
        "sample of round 20",
        "sample of round 40",
        "reverse KL",
        "discriminator accuracy",
        "python recipes/seqgan.py smoke",
        f"seqgan-kit sample {tmp_path} -n 20",
        "torch",
        NASTY,
    ):
        assert words in page.text, words
    assert "sample of round 30" not in page.text
    assert "--resume" not in page.text
    best = [attributes for tag, attributes in page.tags if attributes.get("class") == "best"]
    assert len(best) == 1


def test_text_from_outside_is_escaped_everywhere(tmp_path: Path) -> None:
    run = begin(tmp_path, recipe=NASTY)
    play(run)
    run.write_scores(SCORES)
    content = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<script" not in content
    assert content.count("&lt;script&gt;") >= 6


def test_a_run_that_was_not_begun(tmp_path: Path) -> None:
    begin(tmp_path)
    page = page_of(tmp_path)
    assert_self_contained(page)
    assert "Not started" in page.text
    assert "No round has been recorded yet" in page.text


def test_a_run_under_way_says_how_far_it_is_and_how_to_go_on(tmp_path: Path) -> None:
    play(begin(tmp_path), finished=False)
    page = page_of(tmp_path)
    assert "Unfinished" in page.text
    assert "adversarial, round 20 of 20" in page.text
    assert f"python recipes/seqgan.py --resume {tmp_path}" in page.text


@pytest.mark.parametrize("finished", [False, True])
def test_the_page_reloads_itself_only_while_the_run_goes_on(tmp_path: Path, finished: bool) -> None:
    play(begin(tmp_path), finished=finished)
    page = page_of(tmp_path)
    refresh = [dict(at)["content"] for tag, at in page.tags if at.get("http-equiv") == "refresh"]
    assert refresh == ([] if finished else ["15"])
    assert ("reloads every 15 seconds" in page.text) is not finished


def test_the_least_config_and_a_row_cut_short_by_a_kill(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"versions": {"seqgan_kit": "0.1.0"}}))
    (tmp_path / "metrics.jsonl").write_bytes(b'{"kind": "tra')
    assert "Not started" in page_of(tmp_path).text


def test_rounds_without_a_finite_number(tmp_path: Path) -> None:
    run = begin(tmp_path)
    run.log(
        "train", phase="p", round=1, total_round=1, move=1, values={"generator_loss": float("nan")}
    )
    assert "Generator loss" in page_of(tmp_path).text.replace("generator", "Generator")


def test_no_run_no_report(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a run directory"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_several_processes_are_started_alike(tmp_path: Path) -> None:
    begin(tmp_path, world_size=2)
    text = page_of(tmp_path).text
    assert "torchrun --nproc_per_node 2 recipes/seqgan.py smoke" in text
    assert f"torchrun --nproc_per_node 2 recipes/seqgan.py --resume {tmp_path}" in text


def test_pictures_are_inside_the_page(tmp_path: Path) -> None:
    run = begin(tmp_path)
    Image.new("RGB", (8, 8), "red").save(run.sample_path(5, "png"))
    Image.new("RGB", (8, 8), "blue").save(run.figure_path("interpolation"))
    page = page_of(tmp_path)
    assert_self_contained(page)
    sources = [a["src"] or "" for tag, a in page.tags if tag == "img"]
    decoded = [
        base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources
    ]
    assert decoded == [
        run.sample_path(5, "png").read_bytes(),
        run.figure_path("interpolation").read_bytes(),
    ]


def test_charts_of_an_evaluation_share_families_and_show_real_data(tmp_path: Path) -> None:
    run = begin(tmp_path)
    play(run)
    run.write_scores(SCORES)
    svgs = re.findall(r"<svg.*?</svg>", write_report(tmp_path).read_text(), re.DOTALL)
    titles = [re.search(r'aria-label="([^"]*)"', svg)[1] for svg in svgs]  # type: ignore[index]
    assert titles == ["reverse KL", "BLEU", "generator loss", "discriminator accuracy"]
    assert ">real data<" in svgs[0]
    assert ">BLEU-2<" in svgs[1]
    assert ">BLEU-3<" in svgs[1]
    assert ">chance<" in svgs[3]


def row(phase: str, total: int, kind: str = "train", **values: float) -> dict[str, Any]:
    return {"kind": kind, "phase": phase, "round": total, "total_round": total, "values": values}


def test_phases_lie_end_to_end() -> None:
    rows = [row("a", 0, "phase"), row("a", 5), row("b", 5, "phase"), row("b", 6), row("b", 9)]
    assert spans(rows) == [Span("a", 0, 5), Span("b", 5, 9)]


def test_a_loss_that_changes_its_meaning_gets_a_chart_a_phase() -> None:
    rows = [row("pretraining", k, loss=30.0) for k in range(5)]
    rows += [row("adversarial", k, loss=0.5) for k in range(5, 10)]
    (section,) = sections(rows, None)
    assert [figure.title for figure in section.figures] == [
        "loss, pretraining",
        "loss, adversarial",
    ]


def test_values_over_powers_of_ten_get_a_logarithm() -> None:
    (section,) = sections([row("a", k, loss=10.0 ** (k - 3)) for k in range(6)], None)
    assert [figure.title for figure in section.figures] == ["loss (log scale)"]


def test_standard_errors_become_whiskers_not_charts() -> None:
    rows = [row("a", k, "evaluation", reverse_kl=1.0 + k, reverse_kl_error=0.5) for k in range(3)]
    (section,) = sections(rows, None)
    assert [figure.title for figure in section.figures] == ["reverse KL"]
    assert section.figures[0].svg.count('class="whisker"') == 3


def test_labels() -> None:
    assert label("self_bleu_4") == label("self_bleu4") == "Self-BLEU-4"
    assert label("reverse_kl") == "reverse KL"
    assert label("generator/loss") == "generator loss"


def test_it_is_quick_and_loads_no_torch(tmp_path: Path) -> None:
    """The trainer makes the page again at every evaluation."""
    run = begin(tmp_path)
    play(run, rounds=500)
    write_report(tmp_path)
    took = []
    for _ in range(3):
        began = time.perf_counter()
        write_report(tmp_path)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.5
    modules = "sys, seqgan_kit.report.run_page, seqgan_kit.report.tables"
    code = f"import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_draws_it(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    play(run)
    page, shot = write_report(tmp_path / "run"), tmp_path / "page.png"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1366,2000"]
    command = [str(CHROMIUM), *flags, f"--screenshot={shot}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with Image.open(shot) as image:
        assert image.size == (1366, 2000)
        assert len(image.convert("RGB").getcolors(2**24)) > 100


def test_settings_changed_on_resume_are_shown_with_their_round_and_command(tmp_path: Path) -> None:
    play(begin(tmp_path / "run"), finished=False)
    commands = {
        True: ["python", "recipes/seqgan.py", "--resume", "runs/a", "--rounds", "50"],
        False: ["python", "recipes/seqgan.py", "--resume", "runs/b"],
    }
    for changed, command in commands.items():
        run = RunLog(tmp_path / "run", resume=True)
        run.write_config(provenance() | {"config": {"rounds": 50}, "command": command})
        changes = {"training.rounds": ["20", "50"]} if changed else {}
        run.note_resumption(12, changes, finished=False)
        run.begin()
    page = write_report(tmp_path / "run").read_text()
    assert "then, from round 12 on" in page
    assert "--resume runs/a --rounds 50" in page
    assert "--resume runs/b" not in page, "it changed nothing"
    assert "Changed by a resumption after round 12" in page
    assert "20 before, 50 after" in page


def test_a_translators_sheets_lie_over_each_other(tmp_path: Path) -> None:
    """Two sliders from three sheets: from sources to outputs, from outputs to the truth; no scripts."""
    run = begin(tmp_path)
    play(run, rounds=1)
    for shade, name in enumerate((*SHEETS, "pairs.png")):
        path = run.figure_path(name)
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4), 40 * shade).save(path)
    page = write_report(tmp_path).read_text()
    assert page.count('<input type="range"') == 2
    assert f"--columns: {SHEET_COLUMNS}" in page
    assert "source on the left, output on the right" in page
    assert "<script" not in page
    assert page.count("data:image/png") == 5, "two sheets a slider, and pairs.png once"
    run.figure_path(SHEETS[1]).unlink()
    assert "range" not in write_report(tmp_path).read_text()

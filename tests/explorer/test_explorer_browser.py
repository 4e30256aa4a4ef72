"""The page in a real browser: sample, prompt, stroke, upload, reload, two visitors; nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer_runs import log_of, save_text
from served_page import NEEDED, button, chromium, served, stroke, visit

from seqgan_kit.explorer.opened_run import OpenedRun

pytestmark = NEEDED


@pytest.fixture
def address(tmp_path: Path, vae_run: OpenedRun) -> Iterator[str]:
    """The explorer of a text run, an image run, and a run that has no model yet."""
    log = log_of(tmp_path / "words")
    log.log("train", phase="mle", round=1, total_round=1, move=1, values={"nll_train": 2.0})
    log_of(tmp_path / "late")
    with served(save_text(log.folder), vae_run.folder, tmp_path / "late") as found:
        yield found


@pytest.fixture
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def test_two_visitors_write_sample_paint_upload_and_reload(
    browser: Any, address: str, tmp_path: Path
) -> None:
    foreign: list[str] = []
    page = visit(browser, address, foreign)
    page.locator(".sk-token").first.wait_for()
    first = page.locator(".sk-lines").inner_text()

    page.get_by_label("Prompt").fill("a cat")
    button(page, "Write").click()
    page.wait_for_function("[...document.querySelectorAll('.sk-line')].every("
                           "line => line.textContent.startsWith('a'))")  # fmt: skip
    page.locator(".sk-token").nth(1).hover()
    card = page.locator(".sk-card").nth(1)
    assert card.is_visible()
    assert re.search(r"p = [\d.]+%, rank \d, Q = 0\.\d+", card.inner_text())
    page.get_by_label("Prompt").fill("a dog")
    button(page, "Write").click()
    problem = page.get_by_text("outside the model's vocabulary")
    problem.wait_for()
    assert "Traceback" not in page.content()

    other = visit(browser, address, foreign)
    other.locator(".sk-token").first.wait_for()  # The first samples, not the other visitor's.
    assert other.locator(".sk-lines").inner_text() == first
    other.get_by_role("tab", name="vae", exact=True).click()
    other.locator(".sk-gallery img").locator("visible=true").nth(47).wait_for()
    other.get_by_role("tab", name="Strokes", exact=True).click()
    other.locator("canvas").locator("visible=true").wait_for()
    stroke(other, 80, 50)
    other.get_by_text("edited", exact=True).wait_for()

    other.get_by_role("tab", name="Rebuild", exact=True).click()
    (tmp_path / "no.png").write_bytes(b"no image")
    other.locator("input[type=file]").last.set_input_files(tmp_path / "no.png")
    other.get_by_text("The file is not an image").wait_for()

    page.reload()
    page.locator(".sk-token").first.wait_for()
    assert page.locator(".sk-lines").inner_text() == first
    page.get_by_role("tab", name="Anomalies", exact=True).click()
    page.locator("textarea").locator("visible=true").fill("a cat\nran ran ran")
    button(page, "Score").click()
    page.locator(".sk-score").locator("visible=true").nth(1).wait_for()
    page.get_by_role("tab", name="Training", exact=True).click()
    page.locator("svg.chart").locator("visible=true").first.wait_for()

    page.get_by_role("tab", name="late", exact=True).click()
    page.get_by_text("This run has no model yet").wait_for()
    save_text(tmp_path / "late")
    page.locator(".sk-token").locator("visible=true").first.wait_for()
    assert foreign == []

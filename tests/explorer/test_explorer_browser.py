"""The page in a real browser: sample, prompt, stroke, upload, reload, two visitors; nothing is fetched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from explorer_runs import log_of, save_text

from seqgan_kit.explorer.opened_run import OpenedRun

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SECONDS = 20

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    *(
        pytest.mark.skipif(find_spec(name) is None, reason=f"needs {name}")
        for name in ("gradio", "playwright")
    ),
]


@pytest.fixture
def address(tmp_path: Path, vae_run: OpenedRun) -> Iterator[str]:
    """The explorer as a process of its own, with a text run and an image run."""
    log = log_of(tmp_path / "words")
    log.log("train", phase="mle", round=1, total_round=1, move=1, values={"nll_train": 2.0})
    log_of(tmp_path / "late")  # has no model yet
    runs = (save_text(log.folder), vae_run.folder, tmp_path / "late")
    words = ["explore", *map(str, runs), "--no-browser"]
    server = subprocess.Popen(
        [sys.executable, "-m", "seqgan_kit", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert server.stdout is not None
    try:
        printed = []
        for line in server.stdout:
            printed.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                yield found[0]
                break
        else:
            pytest.fail("".join(printed))
    finally:
        server.terminate()
        server.communicate(timeout=SECONDS)


@pytest.fixture
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


def visit(browser: Any, address: str, foreign: list[str]) -> Any:
    """A page of a new visitor; requests to other places are collected."""
    page = browser.new_context().new_page()
    page.set_default_timeout(1000 * SECONDS)
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "data:", "blob:"))
            else foreign.append(request.url)
        ),
    )
    page.goto(address)
    page.locator(".sk-token").first.wait_for()
    return page


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def test_two_visitors_write_sample_paint_upload_and_reload(
    browser: Any, address: str, tmp_path: Path
) -> None:
    foreign: list[str] = []
    page = visit(browser, address, foreign)
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

    other = visit(
        browser, address, foreign
    )  # Sees the first samples, not those of the other visitor.
    assert other.locator(".sk-lines").inner_text() == first
    other.get_by_role("tab", name="vae", exact=True).click()
    other.locator(".sk-gallery img").locator("visible=true").nth(47).wait_for()
    other.get_by_role("tab", name="Strokes", exact=True).click()
    box = other.locator("canvas").locator("visible=true").bounding_box()
    other.mouse.move(box["x"] + 40, box["y"] + 40)
    other.mouse.down()
    other.mouse.move(box["x"] + 120, box["y"] + 90, steps=3)
    other.mouse.up()
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

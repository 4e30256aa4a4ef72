"""The explorer as a process of its own, and Chromium that visits it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

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
SECONDS = 60
NEEDED = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    *(
        pytest.mark.skipif(find_spec(name) is None, reason=f"needs {name}")
        for name in ("gradio", "playwright")
    ),
]


@contextmanager
def served(*runs: Path, threads: int = 1) -> Iterator[str]:
    """The address of an explorer of these runs."""
    server = subprocess.Popen(
        [sys.executable, "-m", "seqgan_kit", "explore", *map(str, runs), "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
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


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a window."""
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
    return page


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def stroke(page: Any, dx: float, dy: float) -> None:
    """Paint a stroke on the visible canvas."""
    box = page.locator("canvas").locator("visible=true").bounding_box()
    x, y = box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()

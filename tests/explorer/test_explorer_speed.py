"""Wall time of requests in a real browser, from the click to the new image, printed:

pytest -n 0 -s -m slow tests/explorer/test_explorer_speed.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from served_page import NEEDED, button, chromium, served, stroke, visit

from image_gans.evaluation.image_export import save_image_model
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator

pytestmark = [*NEEDED, pytest.mark.slow]
REPEATS = 7
MOST_SECONDS = 10.0  # Also on a busy machine; the printed figures are what matters.
_CHANGED = (
    "([query, before]) => [...document.querySelectorAll(query)].some("
    "image => image.offsetParent && image.src !== before)"
)


def seconds(page: Any, query: str, act: Callable[[int], None]) -> float:
    """The median time from an act to a new image, after one that warms up."""
    taken = []
    for number in range(REPEATS + 1):
        before = page.locator(query).locator("visible=true").first.get_attribute("src")
        begun = time.perf_counter()
        act(number)
        page.wait_for_function(_CHANGED, arg=[query, before], polling=5)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def test_samples_and_strokes_of_a_default_dcgan(tmp_path: Path) -> None:
    """Untrained weights: they take the same time."""
    torch.manual_seed(0)
    run = tmp_path / "dcgan"
    save_image_model(run / "model", DCGANGenerator(DCGANConfig(size=32, width=32)))

    def sample(number: int) -> None:
        page.get_by_label("Seed", exact=True).locator("visible=true").fill(str(number + 1))
        button(page, "Sample").click()

    with served(run) as address, chromium() as browser:
        page = visit(browser, address, [])
        first = ".sk-gallery figure:first-child img"
        page.locator(first).locator("visible=true").first.wait_for()
        samples = seconds(page, first, sample)
        page.get_by_role("tab", name="Strokes", exact=True).click()
        page.locator("canvas").locator("visible=true").wait_for()
        strokes = seconds(page, first, lambda number: stroke(page, 60 + 10 * number, 40))
    print(f"\n48 samples {samples:.2f} s, a stroke {strokes:.2f} s (medians of {REPEATS})")
    assert max(samples, strokes) < MOST_SECONDS

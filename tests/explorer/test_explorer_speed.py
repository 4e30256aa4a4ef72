"""Wall time of requests in a real browser, from the click to the new image, printed:

pytest -n 0 -s -m slow tests/explorer/test_explorer_speed.py
"""

from __future__ import annotations

import os
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


def seconds(page: Any, query: str, act: Callable[[int], None]) -> tuple[float, float]:
    """The median wall and CPU time from an act to a new image, after one that warms up."""
    taken = []
    for number in range(REPEATS + 1):
        before = page.locator(query).locator("visible=true").first.get_attribute("src")
        begun, used = time.perf_counter(), cpu_seconds()
        act(number)
        page.wait_for_function(_CHANGED, arg=[query, before], polling=20)
        taken.append((time.perf_counter() - begun, cpu_seconds() - used))
    wall, cpu = zip(*taken[1:], strict=True)
    return statistics.median(wall), statistics.median(cpu)


def cpu_seconds() -> float:
    """CPU time of this process and all that it started and that still run; 0 without /proc."""
    parents, used = dict[int, int](), dict[int, int]()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        number = int(stat.parent.name)
        parents[number], used[number] = int(fields[1]), int(fields[11]) + int(fields[12])
    own, total = {os.getpid()}, used.get(os.getpid(), 0)
    while found := {number for number in parents if parents[number] in own} - own:
        own |= found
        total += sum(used[number] for number in found)
    return total / os.sysconf("SC_CLK_TCK")


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
    print(f"\nmedians of {REPEATS}, load {os.getloadavg()[0]:.0f} on {os.cpu_count()} CPUs")
    for name, (wall, cpu) in {"48 samples": samples, "a stroke": strokes}.items():
        print(f"{name:<12}wall {wall:.2f} s, CPU of all processes {cpu:.2f} s")
    assert max(samples[0], strokes[0]) < MOST_SECONDS

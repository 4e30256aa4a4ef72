"""Fixtures of the tests of core."""

from pathlib import Path

import pull_game
import pytest


@pytest.fixture
def train(tmp_path: Path):
    """Train the game of ``pull_game`` in a new run directory."""
    return pull_game.trains(tmp_path)

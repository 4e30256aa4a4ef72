"""What the tests of this room share."""

from pathlib import Path

import pull_game
import pytest


@pytest.fixture
def train(tmp_path: Path):
    """Trains the game of ``pull_game`` in a fresh run directory."""
    return pull_game.trains(tmp_path)

"""Lets the tests of this room import its tiny games, which subprocesses run too."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def train(tmp_path: Path):
    """Trains the game of ``pull_game`` in a fresh run directory."""
    import pull_game

    return pull_game.trains(tmp_path)

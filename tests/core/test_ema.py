"""Moving averages of players."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.ema import Averages
from seqgan_kit.core.game import Game
from seqgan_kit.errors import UsageError


def game_of_two() -> Game:
    return Game({"generator": nn.Linear(2, 2), "other": nn.BatchNorm1d(2)})


def set_all(module: nn.Module, value: float) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)


def test_the_average_in_closed_form():
    """From 0 and with players at 1, 2, 3, ...: after k steps the sum of (1-d) d^(k-i) * i."""
    decay, game = 0.9, game_of_two()
    set_all(game.players["generator"], 0.0)
    averages = Averages(game, {"generator": decay})
    for i in range(1, 6):
        set_all(game.players["generator"], float(i))
        averages.follow(game, ("generator",))
    wanted = sum((1 - decay) * decay ** (5 - i) * i for i in range(1, 6))
    for parameter in averages.copies["generator"].parameters():
        torch.testing.assert_close(parameter.detach(), torch.full_like(parameter, wanted))


def test_only_players_that_moved_are_followed():
    game = game_of_two()
    averages = Averages(game, {"generator": 0.5})
    before = averages.copies["generator"].weight.clone()
    set_all(game.players["generator"], 7.0)
    averages.follow(game, ("other",))
    assert torch.equal(averages.copies["generator"].weight, before)


def test_buffers_are_copied_as_they_are():
    game = game_of_two()
    averages = Averages(game, {"other": 0.99})
    game.players["other"](torch.randn(8, 2) + 3)
    averages.follow(game, ("other",))
    for fresh, copy in zip(
        game.players["other"].buffers(), averages.copies["other"].buffers(), strict=True
    ):
        assert torch.equal(fresh, copy)


def test_averages_take_no_gradient_and_share_no_memory():
    game = game_of_two()
    averages = Averages(game, {"generator": 0.5})
    assert not any(p.requires_grad for p in averages.parameters())
    set_all(game.players["generator"], 7.0)
    assert (averages.copies["generator"].weight != 7).all()
    assert all(p.requires_grad for p in game.parameters())


def test_averages_play_and_step_back():
    game = game_of_two()
    player, averages = game.players["generator"], Averages(game, {"generator": 0.5})
    with averages.in_place_of_players(game):
        assert game.players["generator"] is averages.copies["generator"]
        assert list(game.players) == ["generator", "other"], "the order of players stays"
    assert game.players["generator"] is player
    with (
        pytest.raises(ZeroDivisionError, match="division"),
        averages.in_place_of_players(game),
    ):
        _ = 1 / 0
    assert game.players["generator"] is player


def test_wrong_averages_are_refused():
    with pytest.raises(UsageError, match=r"unknown player to average 'generatr'.*'generator'"):
        Averages(game_of_two(), {"generatr": 0.5})
    with pytest.raises(UsageError, match=r"decay 1\.0; it must be in \[0, 1\)"):
        Averages(game_of_two(), {"generator": 1.0})

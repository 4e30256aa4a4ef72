"""Moving averages of players."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from seqgan_kit.core.game import Game
from seqgan_kit.core.training.averages import Averages
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


class Normed(nn.Module):
    """z -> linear -> batch norm -> linear -> batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 2), nn.BatchNorm1d(2)
        )

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        return self.layers(torch.randn(n, 2, generator=rng))


def moved_on() -> tuple[Game, Averages]:
    """A player whose weights, and with them its statistics, have left its average far behind."""
    torch.manual_seed(0)
    game = Game({"generator": Normed(), "other": nn.BatchNorm1d(2)})
    averages = Averages(game, {"generator": 0.99, "other": 0.5})
    rng = torch.Generator().manual_seed(0)
    for _ in range(100):
        with torch.no_grad():
            for layer in (0, 3):
                game.players["generator"].layers[layer].weight.mul_(1.05)
        game.sample(64, rng=rng)
        averages.follow(game, ("generator",))
    return game.eval(), averages.eval()


def error(game: Game) -> float:
    """RMS difference from what the batch's own statistics give, in deviations of that."""
    generator = game.players["generator"]
    z = torch.randn(4096, 2, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        judged = generator.layers(z)
        wanted = deepcopy(generator).train().layers(z)
    return ((judged - wanted).square().mean().sqrt() / wanted.std()).item()


def test_an_average_is_judged_with_statistics_of_its_own():
    """The player's statistics belong to other weights, so the average would give other samples than in
    training."""
    game, averages = moved_on()
    with averages.in_place_of_players(game):
        assert error(game) > 0.3
        with averages.with_own_statistics(game, torch.Generator().manual_seed(1)):
            assert error(game) < 0.1  # two layers, each measured on 1,024 samples
            assert not any(m.training for m in averages.modules())
            norms = [m for m in averages.modules() if isinstance(m, nn.BatchNorm1d)]
            assert {norm.momentum for norm in norms} == {0.1}


def test_own_statistics_leave_no_trace_and_repeat():
    game, averages = moved_on()
    before = {name: t.clone() for name, t in averages.state_dict().items()}
    measured = []
    for _ in "12":
        with averages.in_place_of_players(game):
            rng = torch.Generator().manual_seed(1)
            with averages.with_own_statistics(game, rng):
                measured.append({name: t.clone() for name, t in averages.state_dict().items()})
    for name, tensor in averages.state_dict().items():
        assert torch.equal(tensor, before[name]), name
        assert torch.equal(measured[0][name], measured[1][name]), name
    changed = "copies.generator.layers.1.running_var"
    assert not torch.equal(measured[0][changed], before[changed])
    for name in ("copies.other.running_mean", "copies.other.num_batches_tracked"):
        assert torch.equal(measured[0][name], before[name]), "no sample passes through it"

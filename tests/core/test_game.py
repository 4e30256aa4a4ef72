"""Turns, phases and games: refused arguments, and counting of updates."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Epochs, Game, Loss, Move, Phase, Turn, check_phases
from seqgan_kit.core.objectives import hinge
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError

ADAM = Optimizer(1e-3)


class Counting(Game):
    """A game with its own rule."""

    def count(self, batch, move):
        self.players["pool"].cursor.add_(1)
        return {"count": float(self.players["pool"].cursor), "grad": torch.is_grad_enabled()}

    def plain_loss(self, batch, move):
        return Loss(self.players["net"](torch.ones(1, 2)).sum())

    def bad_loss(self, batch, move):
        return torch.zeros(())


def counting() -> Counting:
    return Counting({"net": nn.Linear(2, 1), "pool": Pool(3, torch.zeros(2))})


def turn(**changes) -> Turn:
    return Turn(**({"players": ("net",), "loss": "plain_loss", "optimizer": ADAM} | changes))


def test_players_that_all_know_have_names():
    """``game.generator`` is the player in use, also if an average replaces it."""
    generator, trunk = nn.Linear(2, 2), nn.Linear(2, 3)
    game = AdversarialGame(generator, Discriminator(trunk, 3), hinge())
    assert game.generator is generator
    assert game.discriminator.trunk is trunk
    game.players["generator"] = average = nn.Linear(2, 2)
    assert game.generator is average


def test_a_turn_has_a_loss_or_a_rule():
    with pytest.raises(UsageError, match="either a loss or a rule: give exactly one"):
        Turn(("net",))
    with pytest.raises(UsageError, match="either a loss or a rule: give exactly one"):
        turn(rule="count")


def test_a_loss_needs_an_optimizer_and_a_rule_has_none():
    with pytest.raises(
        UsageError, match="needs an optimizer if it has a loss, and none if it has a rule"
    ):
        turn(optimizer=None)
    with pytest.raises(
        UsageError, match="needs an optimizer if it has a loss, and none if it has a rule"
    ):
        Turn(("net",), rule="count", optimizer=ADAM)


def test_moves_are_a_number_epochs_or_a_function_of_the_round():
    assert turn(moves=3).moves_in(7, 100) == 3
    assert turn(moves=Epochs(0.5)).moves_in(7, 100) == 50
    assert turn(moves=Epochs(0.001)).moves_in(7, 100) == 1, "an epoch's share is at least one move"
    # WGAN: 100 moves of the critic in the first 25 rounds and every 500th (Arjovsky et al. 2017).
    critic = turn(moves=lambda r: 100 if r < 25 or r % 500 == 0 else 5)
    assert [critic.moves_in(r, 9) for r in (0, 24, 25, 500, 501)] == [100, 100, 5, 100, 5]


def test_progress_runs_from_zero_to_exactly_one(rng):
    assert [Move("p", r, 5, rng).progress for r in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert Move("p", 0, 1, rng).progress == 1


def test_a_rule_runs_without_gradients_and_says_what_it_logs(move):
    game = counting()
    assert game.rule("count", {}, move) == {"count": 1.0, "grad": False}


def test_a_loss_must_return_a_loss(move):
    with pytest.raises(TypeError, match=r"Counting\.bad_loss returned Tensor, not a Loss"):
        counting().loss("bad_loss", {}, move)
    assert counting().loss("plain_loss", {}, move).total.requires_grad


def test_unknown_names_suggest_the_nearest(move):
    game = counting()
    with pytest.raises(UsageError, match=r"unknown loss or rule 'plain_los'.*'plain_loss'\?"):
        game.loss("plain_los", {}, move)


@pytest.mark.parametrize("name", ["_method", "eval", "zero_grad", "state_dict"])
def test_modules_own_methods_are_no_losses(name):
    with pytest.raises(UsageError, match="unknown loss or rule"):
        check_phases(counting(), (Phase("p", (turn(loss=name),)),), {"train": None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"players": ("nett",)}, r"unknown player 'nett'.*'net'"),
        ({"loss": "plan_loss"}, r"unknown loss or rule 'plan_loss'.*'plain_loss'"),
        ({"loss": "generator"}, r"unknown loss or rule 'generator'"),
        ({"after_step": "cuont"}, r"unknown loss or rule 'cuont'.*'count'"),
        ({"feed": "trian"}, r"unknown feed 'trian'.*'train'"),
    ],
)
def test_names_are_checked_before_anything_is_trained(changes, message):
    phases = (Phase("first", (turn(),)), Phase("second", (turn(**changes),)))
    with pytest.raises(UsageError, match=message):
        check_phases(counting(), phases, {"train": None})


def test_a_turn_without_a_feed_needs_none():
    check_phases(counting(), (Phase("p", (turn(feed=None),)),), {})


def test_players_without_parameters_are_private_to_their_process():
    assert counting().private_players() == ("pool",)


def test_sampling_asks_the_generator(rng):
    class Ones(nn.Module):
        def sample(self, n, *, rng):
            return torch.ones(n, 3)

    game = AdversarialGame(Ones(), Discriminator(nn.Identity(), 3), hinge())
    assert game.sample(2, rng=rng).shape == (2, 3)


def test_any_game_draws_for_a_batch():
    """A game without a discriminator reads conditions from the batch by overriding ``draw`` alone."""

    class Doubles(Game):
        def draw(self, n, batch, rng):
            return 2 * batch["real"][:n]

    batch = {"real": torch.arange(4.0)}
    assert torch.equal(Doubles({}).draw(2, batch, torch.Generator()), torch.tensor([0.0, 2.0]))
    assert "draw" in vars(Game)

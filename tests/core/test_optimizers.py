"""Optimizers by name, learning-rate schedules in closed form, and the gradient step itself."""

import math
import re

import pytest
import torch
from torch import nn

from seqgan_kit.core.game import Game, Loss, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.training.gradient_step import GradientStepper
from seqgan_kit.errors import UsageError

CPU = Runtime(torch.device("cpu"))


def test_each_name_builds_its_rule_with_its_numbers():
    weight = [nn.Parameter(torch.zeros(1))]
    adam = Optimizer(0.1, betas=(0.5, 0.9), weight_decay=0.2).build(weight)
    assert type(adam) is torch.optim.Adam
    assert (adam.defaults["lr"], adam.defaults["betas"]) == (0.1, (0.5, 0.9))
    assert adam.defaults["weight_decay"] == 0.2
    assert type(Optimizer(0.1, "adamw").build(weight)) is torch.optim.AdamW
    rmsprop = Optimizer(0.1, "rmsprop", smoothing=0.9).build(weight)
    assert type(rmsprop) is torch.optim.RMSprop
    assert rmsprop.defaults["alpha"] == 0.9
    assert type(Optimizer(0.1, "sgd").build(weight)) is torch.optim.SGD


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": math.nan}, "the learning rate is nan; it must be a finite number"),
        ({"learning_rate": -1.0}, "the learning rate is -1.0; it must be a finite number"),
        ({"learning_rate": 0.1, "clip_norm": -1.0}, "clip_norm is -1.0; it must be above 0"),
        ({"learning_rate": 0.1, "clip_norm": 0.0}, "clip_norm is 0.0; it must be above 0"),
    ],
)
def test_impossible_steps_are_refused(settings, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        Optimizer(**settings)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [("constant", [2, 2, 2]), ("linear", [2, 1.1, 0.2]), ("cosine", [2, 1.1, 0.2])],
)
def test_schedules_at_the_start_the_middle_and_the_end(schedule, rates):
    optimizer = Optimizer(2.0, schedule=schedule, final_share=0.1)
    assert [optimizer.rate_at(p, 0) for p in (0, 0.5, 1)] == pytest.approx(rates)


def test_the_cosine_is_a_cosine():
    rate = Optimizer(1.0, schedule="cosine").rate_at(0.25, 0)
    assert rate == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


def test_warm_up_rises_linearly_and_then_leaves_the_rate_alone():
    optimizer = Optimizer(1.0, warmup_moves=4)
    assert [optimizer.rate_at(0.5, made) for made in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


class Quadratic(Game):
    """The sum of two parameters against a direction: both have the same gradient."""

    def __init__(self, direction: list[float]):
        player = nn.ParameterDict({n: nn.Parameter(torch.zeros(2)) for n in ("a", "b", "unused")})
        super().__init__({"player": player})
        self.direction = torch.tensor(direction)

    def sum_loss(self, batch, move):
        player = self.players["player"]
        return Loss(((player["a"] + player["b"]) * self.direction).sum())

    def bare_loss(self, batch, move):
        return Loss(self.players["player"]["a"].sum())


def one_step(game: Game, loss: str, optimizer: Optimizer, move) -> tuple[dict, dict]:
    turn = Turn(("player",), loss=loss, optimizer=optimizer)
    _, logs, _ = GradientStepper(game, [Phase("p", (turn,))], CPU).step(turn, {}, move, 0.0, tuple)
    return {n: p.detach() for n, p in game.players["player"].items()}, logs


def test_the_clip_bounds_the_joint_norm_of_the_turns_gradient(move):
    """Both parameters have gradient (3, 4), joint norm 5 sqrt 2; clipped at 1 each keeps norm 1/sqrt 2.
    autograd hands out one tensor for both: scaled in place it would shrink twice."""
    weights, logs = one_step(
        Quadratic([3.0, 4.0]), "sum_loss", Optimizer(1.0, "sgd", clip_norm=1.0), move
    )
    wanted = torch.tensor([-0.6, -0.8]) / math.sqrt(2)
    torch.testing.assert_close(weights["a"], wanted)
    torch.testing.assert_close(weights["b"], wanted)
    assert logs["player_gradient_norm"].item() == pytest.approx(5 * math.sqrt(2))


def test_a_gradient_below_the_clip_is_left_as_it_is(move):
    weights, _ = one_step(
        Quadratic([3.0, 4.0]), "sum_loss", Optimizer(1.0, "sgd", clip_norm=100.0), move
    )
    assert weights["a"].tolist() == [-3, -4]


def test_a_gradient_that_autograd_hands_out_expanded_can_be_clipped(move):
    """d sum(a) / da is one number seen n times, which must not be written to."""
    weights, _ = one_step(
        Quadratic([0.0, 0.0]), "bare_loss", Optimizer(1.0, "sgd", clip_norm=0.5), move
    )
    torch.testing.assert_close(weights["a"], torch.full((2,), -0.5 / math.sqrt(2)))


def test_a_parameter_outside_the_loss_stays_even_under_weight_decay(move):
    game = Quadratic([1.0, 1.0])
    with torch.no_grad():
        game.players["player"]["unused"].fill_(3.0)
    weights, _ = one_step(game, "sum_loss", Optimizer(0.1, "adamw", weight_decay=0.5), move)
    assert weights["unused"].tolist() == [3, 3]
    assert all(p.grad is None for p in game.parameters())


def test_equal_turns_share_their_optimizers_state_and_different_losses_do_not(move):
    """A second phase with the same turn continues Adam's moments; those of MLE and policy gradient are
    separate."""
    turn = Turn(("player",), loss="sum_loss", optimizer=Optimizer(0.1))
    again = Turn(("player",), loss="sum_loss", optimizer=Optimizer(0.1), moves=5)
    other = Turn(("player",), loss="bare_loss", optimizer=Optimizer(0.1))
    phases = [Phase("one", (turn,)), Phase("two", (again, other))]
    stepper = GradientStepper(Quadratic([1.0, 1.0]), phases, CPU)
    for each in (turn, again, other):
        stepper.step(each, {}, move, 0.0, tuple)
    assert stepper.state_dict()["moves"] == [2, 1]


def test_the_schedule_is_applied_move_by_move(move):
    game = Quadratic([1.0, 0.0])
    turn = Turn(("player",), loss="sum_loss", optimizer=Optimizer(1.0, "sgd", schedule="linear"))
    stepper = GradientStepper(game, [Phase("p", (turn,))], CPU)
    for progress in (0.0, 0.5, 0.75):
        stepper.step(turn, {}, move, progress, tuple)
    assert game.players["player"]["a"].tolist() == [-(1 + 0.5 + 0.25), 0]

"""Unrolled D: its steps and G's gradient by hand and by finite differences; D stays unchanged.

The tiny game: G = t (one number, whatever z), D(x) = w x + v x^2, the objective of WGAN, reals all 2. Then

    L_D(w, v) = -(2w + 4v) + (w t + v t^2),   dL_D/dw = t - 2,   dL_D/dv = t^2 - 4
    after K steps of plain descent with rate r:  w_K = w - K r (t - 2),   v_K = v - K r (t^2 - 4)
    L_G(t) = -L_D(w_K, v_K) = -w_K (t - 2) - v_K (t^2 - 4)
    dL_G/dt = -(w_K + 2 v_K t) + K r (t - 2) + 2 K r t (t^2 - 4)       (dw_K/dt = -K r, dv_K/dt = -2 K r t)
"""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import minimax, non_saturating, relativistic, wasserstein
from seqgan_kit.core.optimizers import Memory, Optimizer
from seqgan_kit.core.techniques.unrolled import InnerOptimizer, Unrolled
from seqgan_kit.errors import UsageError

pytestmark = pytest.mark.numerics

RATE, STEPS = 0.05, 3


class Number(nn.Module):
    def __init__(self, value: float):
        super().__init__()
        self.t = nn.Parameter(torch.tensor(value, dtype=torch.float64))

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        return self.t.expand(n, 1)


class Powers(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x**2], 1)


def parabola(w: float, v: float) -> Discriminator:
    score = nn.Linear(2, 1, bias=False).double()
    with torch.no_grad():
        score.weight.copy_(torch.tensor([[w, v]]))
    return Discriminator(Powers(), 2, score=score)


def gradient(game: AdversarialGame, batch: dict[str, Tensor], move: Move) -> list[Tensor]:
    generator = list(game.players["generator"].parameters())
    return list(torch.autograd.grad(game.generator_loss(batch, move).total, generator))


def test_the_gradient_is_that_of_the_product_rule(move):
    t, w, v = 0.7, 0.3, -0.2
    inner = InnerOptimizer(RATE, "sgd", betas=(0.0, 0.0))
    game = AdversarialGame(Number(t), parabola(w, v), wasserstein(), Unrolled(STEPS, inner))
    batch = {"real": torch.full((4, 1), 2.0, dtype=torch.float64)}
    reach = STEPS * RATE
    w_k, v_k = w - reach * (t - 2), v - reach * (t**2 - 4)
    wanted = -(w_k + 2 * v_k * t) + reach * (t - 2) + 2 * reach * t * (t**2 - 4)
    loss = game.generator_loss(batch, move).total.item()
    assert loss == pytest.approx(-w_k * (t - 2) - v_k * (t**2 - 4))
    assert gradient(game, batch, move)[0].item() == pytest.approx(wanted)
    held = -(
        w_k + 2 * v_k * t
    )  # what a D that had moved, but whose answer is held fixed, would give
    assert abs(wanted - held) > 0.1


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_steps_are_those_of_the_torch_optimizer(name, move):
    """K moves of torch's own optimizer on D, the same batch every time, arrive at the same parameters."""
    torch.manual_seed(0)
    game = tiny_game(Unrolled(4, InnerOptimizer(0.01, name, betas=(0.5, 0.9))))
    real = torch.randn(6, 2, dtype=torch.float64)
    fake = torch.randn(6, 2, dtype=torch.float64)
    answer = game.estimator.answer(game, {"real": real}, fake, move)
    twin = copy.deepcopy(game)
    parameters = list(twin.players["discriminator"].parameters())
    optimizer = (
        torch.optim.SGD(parameters, 0.01, momentum=0.5)
        if name == "sgd"
        else torch.optim.Adam(parameters, 0.01, (0.5, 0.9))
    )
    for _ in range(4):
        optimizer.zero_grad()
        twin.judge({"real": real}, fake, move).total.backward()
        optimizer.step()
    for (path, found), wanted in zip(answer.items(), parameters, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6, msg=path)


class Small(nn.Module):
    """Two layers from latents that depend on the move's randomness."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)).double()

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        return self.layers(torch.randn(n, 2, generator=rng, dtype=torch.float64))


def tiny_game(estimator: Pathwise, objective=non_saturating) -> AdversarialGame:
    trunk = nn.Sequential(nn.Linear(2, 4), nn.Tanh()).double()
    judge = Discriminator(trunk, 4, score=nn.Linear(4, 1).double())
    return AdversarialGame(Small(), judge, objective(), estimator)


def by_differences(loss: Callable[[], float], parameter: nn.Parameter) -> Tensor:
    found, flat = torch.zeros_like(parameter).flatten(), parameter.data.view(-1)
    for place in range(len(flat)):
        values = []
        for shift in (1e-5, -1e-5):
            flat[place] += shift
            values.append(loss())
            flat[place] -= shift
        found[place] = (values[0] - values[1]) / 2e-5
    return found.view_as(parameter)


@pytest.mark.parametrize(
    ("name", "objective"),
    [
        ("sgd", non_saturating),
        ("adam", non_saturating),
        ("sgd", lambda: relativistic(non_saturating())),
    ],
)
def test_the_gradient_is_that_of_finite_differences(name, objective):
    torch.manual_seed(1)
    inner = InnerOptimizer(0.1, name, betas=(0.5, 0.9))
    game = tiny_game(Unrolled(3, inner), objective)
    batch = {"real": torch.randn(5, 2, dtype=torch.float64) + 1}

    def loss() -> Tensor:
        move = Move("adversarial", 0, 1, torch.Generator().manual_seed(3))
        return game.generator_loss(batch, move).total

    generator = list(game.players["generator"].parameters())
    exact = torch.autograd.grad(loss(), generator)
    for parameter, found in zip(generator, exact, strict=True):
        wanted = by_differences(lambda: loss().item(), parameter)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-7)


def warmed_up(game: AdversarialGame, real: Tensor, moves: int) -> torch.optim.Adam:
    """torch's own Adam after some moves of D."""
    parameters = list(game.players["discriminator"].parameters())
    optimizer = torch.optim.Adam(parameters, 0.01, (0.5, 0.9))
    play(game, real, optimizer, moves)
    return optimizer


def play(game: AdversarialGame, real: Tensor, optimizer: torch.optim.Adam, moves: int) -> None:
    fake = real.flip(0) - 1
    for _ in range(moves):
        optimizer.zero_grad()
        move = Move("adversarial", 0, 1, torch.Generator().manual_seed(0))
        game.judge({"real": real}, fake, move).total.backward()
        optimizer.step()


def remembered(game: AdversarialGame, optimizer: torch.optim.Adam, moves: int) -> Memory:
    named = game.players["discriminator"].named_parameters()
    state = {name: dict(optimizer.state[parameter]) for name, parameter in named}
    return Memory(Optimizer(0.01, betas=(0.5, 0.9)), 0.01, moves, state)


def test_imagined_steps_continue_those_of_the_torch_optimizer():
    """After 3 moves of D, 4 imagined ones arrive where 4 more of torch's Adam do, but for epsilon's place."""
    torch.manual_seed(0)
    game = tiny_game(Unrolled(4))
    real = torch.randn(6, 2, dtype=torch.float64)
    optimizer = warmed_up(game, real, 3)
    memory = remembered(game, optimizer, 3)
    move = Move("adversarial", 0, 1, torch.Generator().manual_seed(0), lambda player: memory)
    answer = game.estimator.answer(game, {"real": real}, real.flip(0) - 1, move)
    play(game, real, optimizer, 4)
    own = game.players["discriminator"].named_parameters()
    for found, (name, wanted) in zip(answer.values(), own, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6, msg=name)


def test_the_gradient_through_remembered_moments_is_that_of_finite_differences():
    torch.manual_seed(1)
    game = tiny_game(Unrolled(3), minimax)
    batch = {"real": torch.randn(5, 2, dtype=torch.float64) + 1}
    memory = remembered(game, warmed_up(game, batch["real"], 5), 5)
    before = {
        name: {k: v.clone() for k, v in state.items()} for name, state in memory.state.items()
    }

    def loss() -> Tensor:
        rng = torch.Generator().manual_seed(3)
        move = Move("adversarial", 0, 1, rng, lambda player: memory)
        return game.generator_loss(batch, move).total

    generator = list(game.players["generator"].parameters())
    for parameter, found in zip(generator, torch.autograd.grad(loss(), generator), strict=True):
        wanted = by_differences(lambda: loss().item(), parameter)
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-9)
    for name, state in memory.state.items():
        assert all(torch.equal(value, before[name][key]) for key, value in state.items()), name


def test_the_first_step_from_cold_moments_has_no_slope(move):
    """One step of Adam from 0 is lr * sign(g): the part of G's gradient through it is all but 0."""
    torch.manual_seed(1)
    game, held = tiny_game(Unrolled(1, InnerOptimizer(0.01))), tiny_game(Pathwise())
    held.players = game.players
    batch = {"real": torch.randn(5, 2, dtype=torch.float64) + 1}
    fake = game.players["generator"].sample(5, rng=torch.Generator().manual_seed(3))
    answer = list(game.estimator.answer(game, batch, fake, move).values())
    (slope,) = torch.autograd.grad(sum(p.sum() for p in answer), fake)
    assert slope.abs().max() < 1e-6


def test_a_d_of_other_moments_is_refused():
    torch.manual_seed(0)
    game = tiny_game(Unrolled(1))
    memory = Memory(Optimizer(0.01, "rmsprop"), 0.01, 1, {})
    move = Move("adversarial", 0, 1, torch.Generator(), lambda player: memory)
    with pytest.raises(UsageError, match="D's optimizer, which is rmsprop"):
        game.generator_loss({"real": torch.randn(5, 2).double()}, move)


def test_d_is_left_as_it_was_buffers_and_all(move):
    trunk = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.1), nn.Tanh())
    judge = Discriminator(trunk, 4)
    game = AdversarialGame(Small().float(), judge, non_saturating(), Unrolled(2)).float().train()
    game.players["generator"].sample = lambda n, rng: torch.randn(n, 2, generator=rng)
    before = copy.deepcopy(game.state_dict())
    game.generator_loss({"real": torch.randn(6, 2)}, move)
    for name, tensor in game.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(p.grad is None for p in judge.parameters())
    assert all(module.training for module in game.modules())


def test_more_steps_ahead_see_a_stronger_d(move):
    """The unrolled D separates real and fake samples better with every step."""
    torch.manual_seed(0)
    real, fake = torch.randn(64, 2).double() + 1, torch.randn(64, 2).double() - 1
    losses = []
    for steps in (1, 3, 9):
        torch.manual_seed(0)
        game = tiny_game(Unrolled(steps, InnerOptimizer(0.05)))
        answer = game.estimator.answer(game, {"real": real}, fake, move)
        own = dict(game.players["discriminator"].named_parameters())
        with torch.no_grad():
            for path, value in answer.items():
                own[path.removeprefix("game.players.discriminator.")].copy_(value)
        losses.append(game.judge({"real": real}, fake, move).total.item())
    assert losses[0] > losses[1] > losses[2]


def test_wrong_settings_are_refused():
    with pytest.raises(UsageError, match="unrolling has 0 steps"):
        Unrolled(0)
    with pytest.raises(UsageError, match="Did you mean 'adam'"):
        InnerOptimizer(name="adan")
    with pytest.raises(UsageError, match="inner learning rate is 0"):
        InnerOptimizer(0.0)

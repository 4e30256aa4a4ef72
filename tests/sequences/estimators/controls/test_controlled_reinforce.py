"""REBAR and RELAX against the exact gradient: by quadrature for one token, by enumeration for three.

The bounds and what they mean are those of ``test_reinforce.py``.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from policy_worlds import ROWS, World, build_world, contributions, distance
from small_worlds import WORLDS
from soft_table import soft_table
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.seqgan import SeqGANMethod, build, phases
from seqgan_kit.sequences.estimators.controls import controlled_reinforce
from seqgan_kit.sequences.estimators.controls.controlled_reinforce import (
    ControlledReinforce,
    check_control,
    logit_gradients,
)
from seqgan_kit.sequences.estimators.controls.relaxed_rows import relaxed_rows
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.fine_tuning import FineTuning

CONTROLS = ("rebar", "relax")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def control(game: AdversarialGame, kind: str, baseline: str = "none", rows: int = ROWS):
    """An estimator whose control says something."""
    estimator = ControlledReinforce(Reinforce(0, baseline), kind)
    torch.manual_seed(1)
    players = estimator.players(game.generator, rows)
    with torch.no_grad():
        for parameter in players["control"].parameters():
            parameter.add_(torch.randn_like(parameter) * 0.7)
    game.players.update(players)
    game.estimator = estimator
    estimator.check(game)
    return estimator


@pytest.fixture(scope="module", params=WORLDS)
def solved_world(request, tiny_generator) -> World:
    return build_world(request.param, tiny_generator, soft_table)


@pytest.fixture
def world(solved_world) -> World:
    """One that a test may change."""
    return copy.deepcopy(solved_world)


def gauss_legendre(points: int, axes: int) -> tuple[Tensor, Tensor]:
    """Nodes [points**axes,axes] in (0,1) and weights: an integral over independent uniform numbers u. They
    lie dense near 0 and 1, where a Gumbel variable is infinite: u = t^2 (3 - 2t)."""
    nodes, weights = (torch.tensor(x) for x in np.polynomial.legendre.leggauss(points))
    t = (nodes + 1) / 2
    grid = torch.cartesian_prod(*[t**2 * (3 - 2 * t)] * axes)
    return grid, torch.cartesian_prod(*[weights * 3 * t * (1 - t)] * axes).prod(1)


@pytest.mark.parametrize("kind", CONTROLS)
def test_for_one_token_the_mean_is_exact_by_quadrature(tiny_generator, kind, monkeypatch):
    """dJ/dl = p (R - sum p R). The integral is over the three Gumbel variables, for each of three tokens."""
    torch.manual_seed(0)
    generator = tiny_generator(3, 1, **WORLDS["every row full"][1]).double()
    discriminator = soft_table(torch.tensor([2.0, -1.0, 0.3]), 3, 1).double()
    game = AdversarialGame(generator, discriminator, expected_probability())
    estimator = control(game, kind)
    game.players["control"].double()
    uniforms, weights = gauss_legendre(20, 3)
    tokens = torch.arange(3)[:, None].expand(3, len(weights)).reshape(-1, 1)
    noise = (-(-uniforms.log()).log()).repeat(3, 1).unsqueeze(1)
    monkeypatch.setattr(controlled_reinforce, "gumbel_noise", lambda *a: noise)
    rewards = discriminator(tokens).score.sigmoid().unsqueeze(1)
    factors, log_probs = estimator.factors(game, tokens, rewards, seeded())
    chances = log_probs[0, 0].exp()
    slopes = logit_gradients(factors, log_probs).squeeze(1).view(3, len(weights), 3)
    found = torch.einsum("y,k,ykv->v", chances, weights, slopes)
    each = rewards.view(3, -1)[:, 0]
    torch.testing.assert_close(found, chances * (each - chances @ each), rtol=0, atol=2e-4)
    plain = (each[:, None] * (torch.eye(3).double() - chances)).unsqueeze(1)
    assert (slopes - plain).abs().amax((1, 2)).min() > 0.05, "the control does something"


@pytest.mark.parametrize("baseline", ["none", "batch"])
@pytest.mark.parametrize("kind", CONTROLS)
def test_the_mean_estimate_is_the_exact_gradient(world, kind, baseline):
    along, each = distance(world, contributions(world, control(world.game, kind, baseline)))
    assert along < 4
    assert each < 5


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_control_without_its_correction_is_found_out(world, kind, monkeypatch):
    """What is subtracted from rewards depends on the token, so alone it would bias the gradient."""
    monkeypatch.setattr(
        controlled_reinforce, "noise_slopes", lambda log_probs, *a: torch.zeros_like(log_probs)
    )
    along, each = distance(world, contributions(world, control(world.game, kind)))
    assert max(along, each) > 8


def learn(world: World, estimator: ControlledReinforce, moves: int = 40, rows: int = 200) -> None:
    """Trains the control on samples of the world's generator, which stays as it is."""
    game, generator = world.game, world.generator
    game.players.update(
        {"control_experience": estimator.players(generator, rows)["control_experience"]}
    )
    game.draw = lambda n, batch, rng: generator.sample(n, rng=rng)
    optimizer = torch.optim.Adam(game.players["control"].parameters(), 0.1)
    for number in range(moves):
        move = Move("adversarial", 0, 1, seeded(number))
        estimator._samples(game, {"real": torch.zeros(rows, 1)}, move)
        optimizer.zero_grad()
        estimator.control_loss(game, move).total.backward()
        optimizer.step()
    game.players.update(
        {"control_experience": estimator.players(generator, ROWS)["control_experience"]}
    )


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_learned_control_lowers_the_variance_and_keeps_the_mean(tiny_generator, kind):
    world = build_world("rows that end", tiny_generator, soft_table)
    estimator = control(world.game, kind, rows=4000)
    before = contributions(world, estimator, 4000).var(0).sum()
    learn(world, estimator)
    rows = contributions(world, estimator)
    along, each = distance(world, rows)
    assert along < 4
    assert each < 5
    plain = contributions(world, Reinforce(0)).var(0).sum()
    assert rows.var(0).sum() < min(before, plain / 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_variances_over_three_worlds(name, tiny_generator):
    """The table of docs/results/speed.md; `-s` shows it. Without a baseline, both beat plain REINFORCE."""
    found: dict[str, list[float]] = {}
    for seed in range(3):
        world = build_world(name, tiny_generator, soft_table, seed=seed)
        scale = world.gradient.square().sum()
        for baseline in ("none", "batch"):
            plain = contributions(world, Reinforce(0, baseline))
            rows = {"none": plain}
            for kind in CONTROLS:
                estimator = ControlledReinforce(Reinforce(0, baseline), kind)
                torch.manual_seed(seed)
                world.game.players.update(estimator.players(world.generator, ROWS))
                learn(world, estimator, moves=200)
                rows[kind] = contributions(world, estimator)
                assert max(distance(world, rows[kind])) < 5
            for kind, each in rows.items():
                variance = (each.var(0).sum() / scale).item()
                found.setdefault(f"baseline {baseline}, control {kind}", []).append(variance)
    print(f"\n{name}: variance of a row's gradient over the squared length of its mean")
    for way, values in found.items():
        print(f"  {way:<30}" + "".join(f"{value:>9.2f}" for value in values))
    plain, rebar, relax = (found[f"baseline none, control {kind}"] for kind in ("none", *CONTROLS))
    for before, *after in zip(plain, rebar, relax, strict=True):
        assert max(after) < before


@pytest.mark.parametrize("kind", CONTROLS)
def test_the_controls_gradient_is_that_of_its_loss(tiny_generator, kind):
    """By central differences in every parameter's direction of steepest ascent, in float64."""
    torch.manual_seed(0)
    generator = tiny_generator(5, 3).double()
    discriminator = soft_table(torch.randn(125), 5, 3).double()
    game = AdversarialGame(generator, discriminator, expected_probability())
    estimator = control(game, kind, rows=7)
    player = game.players["control"].double()
    tokens = torch.tensor(
        [[3, 4, 3], [4, 2, 0], [2, 0, 0], [3, 3, 2], [4, 4, 4], [3, 2, 0], [4, 3, 4]]
    )
    game.players["control_experience"].remember(tokens, torch.rand(7, 3))
    loss = lambda: estimator.control_loss(game, Move("adversarial", 0, 1, seeded())).total  # noqa: E731
    slopes = torch.autograd.grad(loss(), list(player.parameters()))
    for parameter, slope in zip(player.parameters(), slopes, strict=True):
        step = 1e-5 * slope / slope.norm()
        ends = []
        for factor in (1, -2):
            parameter.data.add_(factor * step)
            ends.append(loss().item())
        parameter.data.add_(step)
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(slope.norm().item(), rel=1e-4)


def test_relaxed_rows_become_the_hard_ones(world):
    """At a low temperature, with the noise of the tokens; the end and what follows too."""
    generator, rng = world.generator, seeded()
    tokens = generator.sample(200, rng=rng)
    chosen = nn.functional.one_hot(tokens, generator.vocabulary).float()
    rows = relaxed_rows(generator, 40 * chosen, 0.01, tokens[:, :0])
    torch.testing.assert_close(rows, chosen, atol=1e-5, rtol=0)
    soft = relaxed_rows(generator, torch.zeros(1, *chosen.shape[1:]), 1.0, tokens[:1, :0])
    torch.testing.assert_close(soft.sum(2), torch.ones(1, soft.shape[1]))
    assert soft.amax() < 0.99


def test_each_source_has_the_exact_gradient(tiny_generator):
    """Given tokens are read by G's start and by D, in hard and in relaxed rows."""
    world = build_world("every row full", tiny_generator, soft_table, [(0,), (2,)])
    rows = contributions(world, control(world.game, "rebar", rows=8000), 8000)
    for source in range(2):
        along, each = distance(world.of_source(source), rows[source::2])
        assert along < 4.5
        assert each < 5


def test_each_turn_of_a_run_changes_its_own_players(
    tiny_generator, tiny_text_discriminator, new_run
):
    training = FineTuning(batch_size=6, mle_epochs=0, negatives=0, pretrain_pools=0, rounds=2)
    for kind in CONTROLS:
        method = SeqGANMethod(0, 0.0, "batch", control_variate=kind)
        game = build(tiny_generator(), tiny_text_discriminator(), method, training)
        feed = TensorFeed({"real": game.sample(18, rng=seeded())}, 6, seed=0)
        adversarial = phases(method, training)[2]
        turns = {turn.loss: turn for turn in adversarial.turns}
        assert turns["control_loss"].players == ("control",)
        for name in ("generator_loss", "control_loss"):
            before = copy.deepcopy(game.state_dict())
            phase = copy.copy(adversarial)
            object.__setattr__(phase, "turns", (turns[name],))
            Trainer(new_run(kind + name), game, (phase,), feed).fit()
            changed = {
                key.split(".")[1]
                for key, value in game.state_dict().items()
                if not torch.equal(value, before[key])
            }
            assert changed == set(turns[name].players)


class Counting(nn.Module):
    """A trunk that needs ids."""

    def forward(self, rows: Tensor) -> Tensor:
        return (rows == 3).sum(1, keepdim=True).float()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"control_variate": "rebar", "baseline": "critic"},
            "goes with the baselines none and batch",
        ),
        ({"control_variate": "relax", "baseline": "leave_one_out"}, "not with leave_one_out"),
        ({"control_variate": "rebars"}, "Did you mean 'rebar'"),
        ({"control_variate": "rebar", "reward": "constant"}, "no share in this reward"),
    ],
)
def test_what_does_not_go_together_is_refused(
    settings, message, tiny_generator, tiny_text_discriminator
):
    with pytest.raises(UsageError, match=message):
        build(
            tiny_generator(),
            tiny_text_discriminator(),
            SeqGANMethod(rollout_lag=0, **settings),
            FineTuning(),
        )


def test_players_that_read_no_relaxed_tokens_are_refused(tiny_generator):
    discriminator = Discriminator(Counting(), 1)
    with pytest.raises(
        UsageError, match="relaxed tokens, and Counting does not: use the control variate"
    ):
        build(tiny_generator(), discriminator, SeqGANMethod(control_variate="rebar"), FineTuning())
    build(tiny_generator(), discriminator, SeqGANMethod(control_variate="relax"), FineTuning())
    check_control("none", "critic")

"""Every baseline keeps the expected gradient and takes noise away; those that look ahead are found out."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from policy_worlds import LENGTH, ROWS, World, build_world, contributions, distance, in_groups
from small_worlds import WORLDS
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators import baselines
from seqgan_kit.sequences.estimators.baselines import (
    BASELINES,
    Experience,
    RewardAverage,
    baseline_players,
    baseline_turns,
    check_baseline,
    critic_loss,
    learning_players,
)
from seqgan_kit.sequences.estimators.reinforce import Reinforce

WITH_PLAYERS = ("moving_average", "critic")
# Moving averages of many pairs of rows at once, each with positions of its own.
PAIRS = ROWS // 2 * LENGTH


@pytest.fixture(scope="module", params=WORLDS)
def solved_world(request, tiny_generator, table_discriminator) -> World:
    return build_world(request.param, tiny_generator, table_discriminator)


@pytest.fixture
def world(solved_world) -> World:
    """One that a test may change."""
    return copy.deepcopy(solved_world)


def add_players(world: World, baseline: str, rows: int = ROWS) -> None:
    """The baseline's players; the critic with some weights, so that it says something."""
    players = baseline_players(baseline, world.generator, rows)
    world.game.players.update(players)
    if baseline == "critic":
        torch.nn.init.normal_(players["critic"].value.weight, std=2.0)


def by_pairs(world: World, rows: Tensor) -> tuple[float, float]:
    """The distance of estimates that are independent from one pair of rows to the next only."""
    return distance(world, rows.view(-1, 2, rows.shape[1]).mean(1))


@pytest.mark.parametrize("rollouts", [0, 2])
def test_a_self_critical_estimate_is_the_exact_gradient(world, rollouts):
    along, each = distance(world, contributions(world, Reinforce(rollouts, "self_critical")))
    assert along < 4
    assert each < 5


@pytest.mark.parametrize("rollouts", [0, 2])
def test_a_critics_estimate_is_the_exact_gradient(world, rollouts):
    """Whatever it says of the prefix."""
    add_players(world, "critic")
    along, each = distance(world, contributions(world, Reinforce(rollouts, "critic")))
    assert along < 4
    assert each < 5


@pytest.mark.parametrize("rollouts", [0, 2])
def test_a_critic_that_sees_the_action_is_found_out(world, rollouts, monkeypatch):
    add_players(world, "critic")

    def peeking(game, tokens):
        with torch.no_grad():
            hidden = game.players["generator"].encode(tokens)
        return game.players["critic"](hidden)

    monkeypatch.setattr(baselines, "critic_values", peeking)
    along, _ = distance(world, contributions(world, Reinforce(rollouts, "critic")))
    assert along > 6


class ByPairs(RewardAverage):
    """Thousands of runs on batches of two at once, each with its own average."""

    def use(self, values: Tensor, mask: Tensor) -> Tensor:
        return in_groups(super().use, 2)(values, mask)


class TooEarly(ByPairs):
    """Takes the present rewards in before it is used."""

    def use(self, values: Tensor, mask: Tensor) -> Tensor:
        super().use(values, mask)
        return in_groups(lambda values, mask: self.means(), 2)(values, mask)


def second_moves(world: World, average: RewardAverage, rollouts: int) -> Tensor:
    """The estimates of moves that have one move's rewards behind them."""
    world.game.players["reward_average"] = average
    estimator = Reinforce(rollouts, "moving_average")
    contributions(world, estimator, seed=1)
    assert (average.weights > 0).float().mean() > 0.3
    return contributions(world, estimator, seed=2)


@pytest.mark.parametrize("rollouts", [0, 2])
def test_a_moving_averages_estimate_is_the_exact_gradient(world, rollouts):
    along, each = by_pairs(world, second_moves(world, ByPairs(PAIRS, 0.5), rollouts))
    assert along < 4
    assert each < 5


def test_a_moving_average_of_the_present_rewards_is_found_out(world):
    """It shrinks the gradient by the own reward's share, here 1/3: 1 of 2 present and 2 * 0.5 past ones."""
    along, _ = by_pairs(world, second_moves(world, TooEarly(PAIRS, 0.5), 0))
    assert along > 6


@pytest.mark.parametrize("baseline", [b for b in BASELINES if b != "none"])
def test_baselines_lower_the_variance_of_a_shifted_reward(world, baseline):
    """Rewards far from zero are all noise without one."""
    with torch.no_grad():
        world.game.players["discriminator"].trunk.scores.add_(3)
    add_players(world, baseline, 4000)
    estimator = Reinforce(4, baseline)
    if baseline in WITH_PLAYERS:
        contributions(world, estimator, 4000, seed=2)
    if baseline == "critic":
        fit_critic(world)
    spread = contributions(world, estimator, 4000).var(0).sum()
    plain = contributions(world, Reinforce(4), 4000).var(0).sum()
    assert spread < plain / 3


def fit_critic(world: World) -> None:
    """Gives the critic the least-squares solution on its experience, in closed form."""
    critic, experience = world.game.players["critic"], world.game.players["experience"]
    mask = world.generator.token_mask(experience.tokens)
    with torch.no_grad():
        hidden = world.generator.prefix_states(experience.tokens)[mask]
        inputs = torch.nn.functional.pad(hidden, (0, 1), value=1.0).double()
        targets = experience.values[mask].double().unsqueeze(1)
        solution = (torch.linalg.pinv(inputs) @ targets).float()
        critic.value.weight.copy_(solution[:-1].t())
        critic.value.bias.copy_(solution[-1])


def test_the_critics_loss_is_least_at_the_least_squares_solution(world):
    add_players(world, "critic", 500)
    contributions(world, Reinforce(2, "critic"), 500)
    parameters = list(world.game.players["critic"].parameters())
    before = critic_loss(world.game).total
    fit_critic(world)
    loss = critic_loss(world.game).total
    slopes = torch.autograd.grad(loss, parameters)
    assert max(slope.abs().max().item() for slope in slopes) < 1e-5
    assert loss < before


def test_the_critics_loss_in_small_by_loops(world):
    """The mean over tokens of (V - Q)^2; the generator, which it reads, gets no gradient."""
    add_players(world, "critic", 3)
    tokens, values = world.sequences[torch.tensor([0, 3, 9])], torch.rand(3, LENGTH)
    world.game.players["experience"].remember(tokens, values)
    critic, mask = world.game.players["critic"], world.generator.token_mask(tokens)
    total = 0.0
    for b, t in itertools.product(range(3), range(LENGTH)):
        state = world.generator.start(torch.empty(1, 0, dtype=torch.int64))
        for token in [world.generator.bos, *tokens[b, :t].tolist()]:
            hidden, state = world.generator.advance(torch.tensor([token]), state)
        value = (hidden @ critic.value.weight[0]).item() + critic.value.bias.item()
        total += mask[b, t].item() * (value - values[b, t].item()) ** 2
    loss = critic_loss(world.game)
    assert loss.total.item() == pytest.approx(total / mask.sum().item(), rel=1e-4)
    loss.total.backward()
    assert critic.value.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in world.generator.parameters())


def test_a_new_critic_is_no_baseline(world):
    world.game.players.update(baseline_players("critic", world.generator, 6))
    assert torch.equal(run(world.game, "critic"), run(world.game, "none"))


def test_the_moving_average_by_hand():
    """Decay 0.5: each move's rewards and their number count half a move later."""
    average = RewardAverage(3, 0.5)
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]]).bool()
    first = average.use(torch.tensor([[1.0, 2.0, 9.0], [3.0, 9.0, 9.0]]), mask)
    assert first.tolist() == [0, 0, 0]
    second = average.use(torch.tensor([[8.0, 9.0, 9.0], [6.0, 9.0, 9.0]]), mask & (mask.sum(0) > 1))
    assert second.tolist() == [2, 2, 0]
    # (4/2 + 14) / (2/2 + 2); nobody reached the second position.
    assert average.means().tolist() == pytest.approx([16 / 3, 2, 0])


def test_players_and_who_learns(world):
    generator = world.generator
    for baseline in BASELINES:
        players = baseline_players(baseline, generator, 4)
        assert set(learning_players(baseline)) <= set(players)
        world.game.players.update(players)
    assert set(world.game.private_players()) >= {"reward_average", "experience"}
    assert "critic" not in world.game.private_players()
    state = world.game.state_dict()
    for name in ("reward_average.totals", "reward_average.weights", "experience.tokens"):
        assert f"players.{name}" in state


def greedy_row(world: World, source: Tensor) -> Tensor:
    """The row that takes the likeliest token at every step, by looking them up among all rows."""
    rows = world.sequences[(world.sequences[:, : len(source)] == source).all(1)]
    for t in range(LENGTH):
        logits = world.generator.logits(rows)[0, t]
        rows = rows[world.generator.written(rows)[:, t] == logits.argmax()]
    return rows[0]


def test_a_self_critical_baseline_is_the_reward_of_the_greedy_row(
    tiny_generator, table_discriminator, rng
):
    """Of the row's own source; every token gets it, also after rollouts."""
    sources = [(0, 1), (2, 2), (1, 0)]
    world = build_world("every row full", tiny_generator, table_discriminator, sources)
    greedy = torch.stack([greedy_row(world, source) for source in world.sources])
    wanted = world.game.players["discriminator"](greedy).score.sigmoid()
    assert len(wanted.unique()) == 3, "each source has a baseline of its own"
    which = torch.tensor([2, 0, 0, 1, 2])
    tokens = world.generator.sample(5, given=world.sources[which], rng=rng)
    for rollouts in (0, 2):
        estimator = Reinforce(rollouts, "self_critical")
        found = estimator.baseline_of(world.game, tokens, torch.zeros(5, LENGTH), rng)
        torch.testing.assert_close(found, wanted[which, None].expand(5, LENGTH))


class CriticGame(AdversarialGame):
    """As a method with a learned critic has it."""

    def critic_loss(self, batch: Batch, move: Move) -> Loss:
        return critic_loss(self)


@pytest.fixture
def new_game(tiny_generator, tiny_text_discriminator):
    def start(baseline: str) -> CriticGame:
        generator = tiny_generator()
        players = baseline_players(baseline, generator, 6)
        estimator = Reinforce(2, baseline)
        objective = expected_probability()
        discriminator = tiny_text_discriminator()
        return CriticGame(generator, discriminator, objective, estimator, others=players)

    return start


@pytest.mark.parametrize("baseline", BASELINES)
def test_each_turn_of_a_run_changes_its_own_players(new_game, new_run, baseline):
    """The generator's changes it and the baseline's memory; the critic's the critic alone."""
    game = new_game(baseline)
    feed = TensorFeed({"real": game.sample(18, rng=torch.Generator().manual_seed(0))}, 6, seed=0)
    by_gradient = Optimizer(1e-2)
    learn = Turn(
        ("generator", *learning_players(baseline)), "generator_loss", optimizer=by_gradient
    )
    turns = (learn, *baseline_turns(baseline, by_gradient, moves=3))
    assert len(turns) == 1 + (baseline == "critic")
    for turn in turns:
        before = copy.deepcopy(game.state_dict())
        Trainer(new_run(turn.loss), game, (Phase(turn.loss, (turn,), 2),), feed).fit()
        changed = {
            name.split(".")[1]
            for name, value in game.state_dict().items()
            if not torch.equal(value, before[name])
        }
        assert changed == set(turn.players)


@pytest.mark.parametrize("baseline", WITH_PLAYERS)
def test_what_a_baseline_remembers_is_saved_with_the_game(new_game, baseline):
    game, other = new_game(baseline), new_game(baseline)
    run(game, baseline, seed=1)
    other.load_state_dict(game.state_dict())
    losses = [run(g, baseline, seed=2).item() for g in (game, other)]
    assert losses[0] == losses[1]
    if baseline == "moving_average":
        assert losses[0] != run(new_game(baseline), baseline, seed=2).item()
    else:
        assert critic_loss(game).total.item() == critic_loss(other).total.item()


def run(game: AdversarialGame, baseline: str, seed: int = 0) -> Tensor:
    """One move's loss."""
    move = Move("adversarial", 0, 1, torch.Generator().manual_seed(seed))
    return Reinforce(2, baseline).generator_loss(game, {"real": torch.zeros(6, 1)}, move).total


@pytest.mark.parametrize(
    ("baseline", "player"), [("moving_average", "reward_average"), ("critic", "experience")]
)
def test_missing_players_are_named(world, baseline, player):
    with pytest.raises(UsageError, match=f"player '{player}': give the game baseline_players"):
        run(world.game, baseline)


def test_a_lagging_rollout_policy_cannot_leave_one_out(world):
    world.game.players["rollout_policy"] = copy.deepcopy(world.generator)
    with pytest.raises(UsageError, match="set rollout_lag to 0"):
        run(world.game, "leave_one_out")
    with pytest.raises(UsageError, match="set rollout_lag to 0"):
        check_baseline("leave_one_out", 2, lags=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Reinforce(1, "leave_one_out"), "rollouts is 1: use at least 2"),
        (lambda: Reinforce(4, "critics"), "critics"),
        (lambda: RewardAverage(3, 1.0), r"decay is 1\.0; use 0 or more, below 1"),
        (lambda: Experience(4, 3).remember(*torch.zeros(2, 5, 3)), "feed's batch size"),
    ],
)
def test_what_cannot_be_is_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        wrong()

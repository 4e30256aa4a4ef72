"""Null rewards: no gradient in expectation, none at all of a constant with a baseline, and D is not asked."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from policy_worlds import ROWS, World, build_world, contributions
from small_worlds import WORLDS
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.objectives import expected_logit
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.baselines import BASELINES, baseline_players
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import scored_completions, sequence_rewards


@pytest.fixture(scope="module", params=WORLDS)
def solved_world(request, tiny_generator, table_discriminator) -> World:
    return build_world(request.param, tiny_generator, table_discriminator)


@pytest.fixture
def world(solved_world) -> World:
    """One whose discriminator must not be asked."""
    world = copy.deepcopy(solved_world)
    world.game.players["discriminator"].forward = asked  # type: ignore[method-assign]
    world.game.players["discriminator"].trunk.forward = asked  # type: ignore[method-assign]
    return world


def asked(*_: object) -> None:
    raise AssertionError("the discriminator was asked")


def largest_z(rows: Tensor) -> float:
    """How many standard errors the mean lies from 0, in the worst coordinate."""
    error = rows.std(0) / len(rows) ** 0.5
    return (rows.mean(0).abs() / error.clamp(min=1e-8)).max().item()


@pytest.mark.parametrize(
    ("reward", "rollouts", "baseline"),
    [
        ("constant", 0, "none"),
        ("constant", 2, "none"),
        ("random", 0, "none"),
        ("random", 2, "none"),
        ("random", 2, "batch"),
        ("random", 2, "leave_one_out"),
    ],
)
def test_the_expected_gradient_is_zero(world, rollouts, reward, baseline):
    rows = contributions(world, Reinforce(rollouts, baseline, reward=reward))
    assert largest_z(rows) < 5
    # Not because nothing is learned from a sample.
    assert rows.std(0).max() > 0.03


@pytest.mark.parametrize(
    ("baseline", "rollouts"),
    [*itertools.product(("batch", "moving_average", "critic"), (0, 2)), ("leave_one_out", 2)],
)
def test_with_a_baseline_a_constant_reward_moves_nothing(world, rollouts, baseline):
    """Exactly; the moving average after its first move, the critic once it has learned to say 1."""
    players = baseline_players(baseline, world.generator, 50)
    world.game.players.update(players)
    estimator = Reinforce(rollouts, baseline, reward="constant")
    first = contributions(world, estimator, 50, seed=2)
    if baseline == "critic":
        players["critic"].value.bias.data.fill_(1.0)
    if baseline in ("moving_average", "critic"):
        assert first.abs().max() > 0.1
        assert contributions(world, estimator, 50).abs().max() == 0
    else:
        assert first.abs().max() == 0


@pytest.mark.parametrize("baseline", BASELINES)
def test_random_rewards_know_nothing_of_chunks(world, baseline):
    def estimate(chunk_rows: int) -> Tensor:
        world.game.players.update(baseline_players(baseline, world.generator, 40))
        return contributions(world, Reinforce(2, baseline, chunk_rows, "random"), 40)

    torch.testing.assert_close(estimate(1), estimate(1024))


def test_the_random_values_of_completions_are_means_of_uniform_numbers(world, rng):
    """Of N inside, of one at the end: variances 1/12 N and 1/12; and no two cells share any."""
    tokens = world.sequences[-1:].expand(ROWS, -1)
    assert world.generator.token_mask(tokens).all()
    values = Reinforce(4, reward="random").action_values(world.game, tokens, rng)
    expected = torch.tensor([1 / 48, 1 / 48, 1 / 12])
    torch.testing.assert_close(values.var(0), expected, rtol=0.06, atol=0)
    assert (values.mean(0) - 0.5).abs().max() < 5 * (1 / 12 / ROWS) ** 0.5
    assert (values.T.corrcoef() - torch.eye(3)).abs().max() < 4.5 / ROWS**0.5
    whole = Reinforce(0, reward="random").action_values(world.game, tokens, rng)
    assert (whole == whole[:, :1]).all()
    assert len(whole[:, 0].unique()) > ROWS - 20


def test_rewards_of_whole_sequences(solved_world, rng):
    game, tokens = solved_world.game, solved_world.sequences
    verdicts = sequence_rewards(game, tokens, "verdict", rng)
    torch.testing.assert_close(verdicts, solved_world.rewards)
    torch.testing.assert_close(sequence_rewards(game, tokens, "verdict", rng, 2), verdicts)
    assert (sequence_rewards(game, tokens, "constant", rng) == 1).all()
    numbers = sequence_rewards(game, tokens, "random", rng)
    assert numbers.shape == (len(tokens),)
    assert 0 <= numbers.min() < numbers.max() < 1
    assert not torch.equal(numbers, sequence_rewards(game, tokens, "random", rng))
    other = copy.deepcopy(game)
    other.objective = expected_logit()
    torch.testing.assert_close(
        sequence_rewards(other, tokens, "verdict", rng), verdicts.logit(), rtol=1e-3, atol=1e-3
    )


def test_unknown_rewards_are_refused(solved_world, rng):
    with pytest.raises(UsageError, match="randem"):
        Reinforce(reward="randem")
    with pytest.raises(UsageError, match="randem"):
        sequence_rewards(solved_world.game, solved_world.sequences, "randem", rng)


def test_a_trunk_of_any_class_may_offer_a_prefix_scorer():
    """It is given what maps features to rewards, and is asked in place of the whole discriminator."""

    class Offering(torch.nn.Linear):
        def prefix_scorer(self, verdict):
            return lambda rows: verdict(torch.full((len(rows), 2), 3.0))

    judge = Discriminator(Offering(4, 2), 2)
    rows = torch.zeros(5, 4)
    expected = 2 * judge.verdict(torch.full((5, 2), 3.0))
    assert torch.equal(scored_completions(judge, lambda score: 2 * score)(rows), expected)
    judge.trunk = torch.nn.Linear(4, 2)
    expected = 2 * judge(rows).score
    assert torch.equal(scored_completions(judge, lambda score: 2 * score)(rows), expected)

"""REINFORCE on the actions that rollouts try: unbiased, each reward beside its own action, in any chunks."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from policy_worlds import LENGTH, World, build_world, contributions, distance, in_groups
from small_worlds import WORLDS

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.sequences.estimators import leave_one_out
from seqgan_kit.sequences.estimators.baselines import mean_of_others
from seqgan_kit.sequences.estimators.leave_one_out import (
    action_logits,
    compared_with_others,
    leave_one_out_loss,
)
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.trials import mean_values, try_actions

pytestmark = pytest.mark.numerics


@pytest.fixture(scope="module", params=WORLDS)
def solved_world(request, tiny_generator, table_discriminator) -> World:
    return build_world(request.param, tiny_generator, table_discriminator)


@pytest.fixture
def world(solved_world) -> World:
    """One that a test may change."""
    return copy.deepcopy(solved_world)


@pytest.mark.parametrize("rollouts", [2, 5])
def test_the_estimate_that_leaves_one_out_is_the_exact_gradient(world, rollouts):
    along, each = distance(world, contributions(world, Reinforce(rollouts, "leave_one_out")))
    assert along < 4
    assert each < 5


def test_leaving_one_out_is_unbiased_in_batches_of_two(world, monkeypatch):
    monkeypatch.setattr(leave_one_out, "mean_of_others", in_groups(mean_of_others, 2))
    rows = contributions(world, Reinforce(2, "leave_one_out"))
    along, each = distance(world, rows.view(-1, 2, rows.shape[1]).mean(1))
    assert along < 4
    assert each < 5


def test_leaving_none_out_is_found_out(world, monkeypatch):
    """With two completions it halves the gradient of all positions but the first."""
    broken = lambda rewards: rewards - rewards.mean(-1, keepdim=True)  # noqa: E731
    monkeypatch.setattr(leave_one_out, "compared_with_others", broken)
    along, _ = distance(world, contributions(world, Reinforce(2, "leave_one_out")))
    assert along > 6


def test_actions_in_the_wrong_places_are_found_out(world, monkeypatch):
    right = Reinforce.trials

    def shifted(*args: object) -> object:
        tried = right(*args)
        tried.rewards.copy_(tried.rewards.roll(1, dims=2))
        return tried

    monkeypatch.setattr(Reinforce, "trials", shifted)
    along, _ = distance(world, contributions(world, Reinforce(2, "leave_one_out")))
    assert along > 6


@pytest.fixture(params=["every row full", "rows that end"])
def policy(request, tiny_generator):
    vocabulary, options = WORLDS[request.param]
    return tiny_generator(vocabulary + 6, 6, **options)


def number(rows):
    """A number that identifies a whole row."""
    return (rows * 11 ** torch.arange(rows.shape[1])).sum(1).double()


def test_trials_are_actions_and_the_rewards_of_exactly_their_completions(policy, rng):
    """The reward tells prefix and first action of its completion: they must be those of its cell."""
    tokens = policy.sample(9, rng=rng)
    for kept in range(1, 6):

        def reward(rows, kept=kept):
            return number(rows[:, : kept + 1]).float()

        tried = try_actions(policy, tokens, reward, 4, rng=torch.Generator().manual_seed(1))
        mask = policy.token_mask(tokens)
        assert tried.actions.shape == tried.rewards.shape == (9, 5, 4)
        for b, n in itertools.product(range(9), range(4)):
            if mask[b, kept]:
                row = torch.cat([tokens[b, :kept], tried.actions[b, kept - 1, n, None]])
                assert tried.rewards[b, kept - 1, n].item() == number(row[None]).item()


def test_first_actions_follow_the_generators_probabilities(policy, rng):
    """Of one sequence's prefixes, over 4,000 actions each: within 5 standard errors everywhere."""
    tokens = policy.sample(50, rng=rng)
    tokens = tokens[policy.token_mask(tokens).sum(1).argmax(), None]
    tried = try_actions(policy, tokens, lambda rows: rows[:, 0].float(), 4000, rng=rng)
    probabilities = policy.logits(tokens)[0, 1:].softmax(1).detach()
    for t in policy.token_mask(tokens)[0, 1:].nonzero().flatten():
        shares = tried.actions[0, t].bincount(minlength=policy.vocabulary) / 4000
        error = (probabilities[t] * (1 - probabilities[t]) / 4000).sqrt() + 1e-6
        assert ((shares - probabilities[t]).abs() < 5 * error).all()


def test_the_loss_in_small_by_loops(world, rng):
    """-(1/B) sum_b [log G(y_1) (Q - mean of the others' Q) + sum_s 1/N sum_n log G(a_n | y_<t) (r_n - mean of
    the other r)], by plain loops; its gradient too."""
    generator = world.generator
    tokens, rows, rollouts = world.sequences[torch.tensor([0, 3, 9])], 3, 3
    tried = try_actions(
        generator, tokens, lambda r: torch.rand(len(r), generator=rng), rollouts, rng=rng
    )
    mask = generator.token_mask(tokens)
    values = mean_values(tried.rewards, tried.whole, mask)
    log_probs = generator.logits(tokens).log_softmax(2)
    total = torch.zeros(())
    for b in range(rows):
        others = [values[o, 0] for o in range(rows) if o != b]
        total = total - log_probs[b, 0, tokens[b, 0]] * (values[b, 0] - sum(others) / 2) / rows
        for s, n in itertools.product(range(1, LENGTH), range(rollouts)):
            if mask[b, s]:
                rewards = tried.rewards[b, s - 1]
                advantage = rewards[n] - (rewards.sum() - rewards[n]) / (rollouts - 1)
                action = tried.actions[b, s - 1, n]
                total = total - log_probs[b, s, action] * advantage / rollouts / rows
    loss = leave_one_out_loss(generator, tokens, tried, values)
    assert loss.item() == pytest.approx(total.item(), abs=1e-6)
    weights = [generator.output.weight, generator.inner.embedding.weight]
    for ours, theirs in zip(*(torch.autograd.grad(x, weights) for x in (loss, total)), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_both_ways_to_the_logits_of_actions_are_one(tiny_generator):
    """Few actions of a large vocabulary read rows of the output layer; many of a small one all of it."""
    generator = tiny_generator(60, 4).double()
    hidden = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    actions = torch.randint(3, 60, (7, 20))
    weights = (hidden, generator.output.weight, generator.output.bias)
    everything = generator.project(hidden).gather(1, actions)
    by_rows = torch.cat([action_logits(generator, hidden, part) for part in actions.split(5, 1)], 1)
    at_once = action_logits(generator, hidden, actions)
    torch.testing.assert_close(by_rows, everything)
    assert torch.equal(at_once, everything)
    ours, theirs = (torch.autograd.grad(x.square().sum(), weights) for x in (by_rows, everything))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_rewards_compared_with_the_others():
    rewards = torch.tensor([[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]])
    torch.testing.assert_close(
        compared_with_others(rewards), torch.tensor([[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]])
    )


@pytest.mark.parametrize("reward", ["verdict", "random"])
def test_the_loss_depends_on_the_seed_and_not_on_chunks(
    tiny_generator, tiny_text_discriminator, reward
):
    game = AdversarialGame(tiny_generator(), tiny_text_discriminator(), expected_probability())
    losses = {}
    for seed, chunk_rows in ((1, 1024), (1, 1), (1, 7), (2, 1024)):
        move = Move("adversarial", 0, 1, torch.Generator().manual_seed(seed))
        estimator = Reinforce(5, "leave_one_out", chunk_rows, reward)
        losses[seed, chunk_rows] = estimator.generator_loss(
            game, {"real": torch.zeros(20, 1)}, move
        ).total.item()
    assert losses[1, 1] == pytest.approx(losses[1, 1024], abs=1e-6)
    assert losses[1, 7] == pytest.approx(losses[1, 1024], abs=1e-6)
    assert abs(losses[2, 1024] - losses[1, 1024]) > 1e-5

"""REINFORCE against the exact gradient of the expected reward, by enumerating worlds of three steps.

Correct estimators stay below 4 standard errors in the direction of the gradient and below 5 in each of the
hundred coordinates; broken ones must not (``policy_worlds.py`` says how they are measured).
"""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from policy_worlds import LENGTH, ROWS, World, build_world, contributions, distance, in_groups
from small_worlds import WORLDS
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import expected_logit, expected_probability
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators import baselines
from seqgan_kit.sequences.estimators import reinforce as estimators
from seqgan_kit.sequences.estimators.baselines import mean_of_others
from seqgan_kit.sequences.estimators.reinforce import (
    Reinforce,
    policy_gradient_loss,
    without_dropout,
)
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator


@pytest.fixture(scope="module", params=WORLDS)
def solved_world(request, tiny_generator, table_discriminator) -> World:
    return build_world(request.param, tiny_generator, table_discriminator)


@pytest.fixture
def world(solved_world) -> World:
    """One that a test may change."""
    return copy.deepcopy(solved_world)


def test_enumeration_is_complete(world):
    """The generator's probabilities of all listed sequences sum to 1, and those listed are different."""
    total = world.generator.sequence_log_prob(world.sequences).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-5)
    assert len(world.sequences.unique(dim=0)) == len(world.sequences)


@pytest.mark.parametrize("baseline", ["none", "batch"])
@pytest.mark.parametrize("rollouts", [0, 1, 4])
def test_the_mean_estimate_is_the_exact_gradient(world, rollouts, baseline):
    rows = contributions(world, Reinforce(rollouts, baseline))
    along, each = distance(world, rows)
    assert along < 4
    assert each < 5
    # The test has teeth: the gradient itself lies many standard errors from zero.
    size = world.gradient.norm()
    assert (rows @ (world.gradient / size)).std() / ROWS**0.5 < size / 10


def late(values: Tensor) -> Tensor:
    """Every token gets the value of the prefix before it, which it had no part in. (The other direction would
    only be noisier: a later prefix's value is an unbiased one of an earlier token too.)"""
    return values.roll(1, dims=1)


def scrambled(values: Tensor) -> Tensor:
    """[T,B] read as [B,T]: every cell holds somebody else's reward."""
    return values.t().contiguous().view(values.shape)


@pytest.mark.parametrize("broken", [late, scrambled])
@pytest.mark.parametrize("rollouts", [1, 4])
def test_misplaced_rewards_are_found_out(world, rollouts, broken, monkeypatch):
    right = estimators.rollout_rewards
    monkeypatch.setattr(estimators, "rollout_rewards", lambda *a, **k: broken(right(*a, **k)))
    along, _ = distance(world, contributions(world, Reinforce(rollouts)))
    assert along > 8


def mean_of_all(values: Tensor, mask: Tensor) -> Tensor:
    """The tempting baseline, which holds the sequence's own reward."""
    present = mask.to(values.dtype)
    mean = (values * present).sum(0) / present.sum(0).clamp(min=1)
    return mean.expand_as(values)


@pytest.mark.parametrize("rollouts", [0, 1])
def test_the_baseline_is_unbiased_in_batches_of_two(world, rollouts, monkeypatch):
    monkeypatch.setattr(baselines, "mean_of_others", in_groups(mean_of_others, 2))
    rows = contributions(world, Reinforce(rollouts, "batch"))
    along, each = distance(world, rows.view(-1, 2, rows.shape[1]).mean(1))
    assert along < 4
    assert each < 5


def test_a_baseline_with_the_own_reward_is_found_out(world, monkeypatch):
    """In batches of two it halves the gradient: r1 - (r1 + r2)/2 = (r1 - r2)/2."""
    monkeypatch.setattr(baselines, "mean_of_others", in_groups(mean_of_all, 2))
    rows = contributions(world, Reinforce(0, "batch"))
    along, _ = distance(world, rows.view(-1, 2, rows.shape[1]).mean(1))
    assert along > 8


def test_the_baseline_lowers_the_variance_of_a_shifted_reward(world):
    """Rewards far from zero are all noise without it."""
    with torch.no_grad():
        world.game.players["discriminator"].trunk.scores.add_(3)
    spread = {
        baseline: contributions(world, Reinforce(0, baseline), 4000).var(0).sum().item()
        for baseline in ("none", "batch")
    }
    assert spread["batch"] < spread["none"] / 3


def test_values_are_of_the_rollout_policys_completions(world, tiny_generator, rng):
    """Cell [b,t] is E[R(Y) | Y_1:t] under the rollout policy, here another one than the generator: found by
    summing its probabilities over all sequences with that prefix."""
    vocabulary, options = world.generator.vocabulary, {}
    if world.generator.eos is None:
        options = WORLDS["every row full"][1]
    policy = tiny_generator(vocabulary, LENGTH, hidden=3, initial_std=1.0, **options)
    game = AdversarialGame(
        world.generator,
        world.game.players["discriminator"],
        expected_probability(),
        Reinforce(),
        others={"rollout_policy": policy},
    )
    rollouts = 3000
    values = Reinforce(rollouts).action_values(game, world.sequences, rng)
    probability = policy.sequence_log_prob(world.sequences).exp()
    mask = world.generator.token_mask(world.sequences)
    for t in range(LENGTH):
        prefix = world.sequences[:, : t + 1]
        same = (prefix.unsqueeze(1) == prefix).all(2).to(probability) * probability
        exact = same @ world.rewards / same.sum(1)
        error = 0.5 / rollouts**0.5  # rewards lie in [0,1]: their deviation is at most 1/2
        assert ((values[:, t] - exact)[mask[:, t]].abs() < 5 * error).all()
    last = mask.sum(1) - 1
    torch.testing.assert_close(values.gather(1, last[:, None]).squeeze(1), world.rewards)


def test_without_rollouts_every_token_gets_its_sequences_reward(world, rng):
    values = Reinforce(0).action_values(world.game, world.sequences, rng)
    torch.testing.assert_close(values, world.rewards[:, None].expand(-1, LENGTH))


def test_the_reward_is_the_objectives(world, rng):
    world.game.objective = expected_logit()
    values = Reinforce(0).action_values(world.game, world.sequences, rng)
    torch.testing.assert_close(values[:, 0], world.rewards.logit(), rtol=1e-3, atol=1e-3)


def test_the_loss_in_small_by_loops(world, rng, monkeypatch):
    """-(1/B) sum_b sum_t log G(y_t | y_<t) (Q[b,t] - mean of the others' Q at t), by plain loops."""
    tokens = world.sequences[torch.tensor([0, 3, 9])]
    values = torch.rand(3, LENGTH)
    monkeypatch.setattr(world.game, "draw", lambda n, batch, rng: tokens)
    monkeypatch.setattr(Reinforce, "action_values", lambda self, game, tokens, rng: values)
    move = Move("adversarial", 0, 1, rng)
    loss = Reinforce(4, "batch").generator_loss(world.game, {"real": torch.zeros(3, 1)}, move)
    log_probs = world.generator.log_probs(tokens)
    mask, total = world.generator.token_mask(tokens), 0.0
    for b, t in itertools.product(range(3), range(LENGTH)):
        others = [values[o, t].item() for o in range(3) if o != b and mask[o, t]]
        if mask[b, t]:
            baseline = sum(others) / len(others) if others else 0.0
            total -= log_probs[b, t].item() * (values[b, t].item() - baseline) / 3
    assert loss.total.item() == pytest.approx(total, rel=1e-5)
    rewards = values[mask]
    assert loss.logs["reward"].item() == pytest.approx(rewards.mean().item())


def test_the_loss_of_given_advantages():
    log_probs = torch.tensor([[-1.0, -2.0], [-3.0, -4.0]], requires_grad=True)
    advantages = torch.tensor([[1.0, 10.0], [100.0, 0.0]], requires_grad=True)
    loss = policy_gradient_loss(log_probs, advantages)
    assert loss.item() == (1 + 20 + 300) / 2
    slopes = torch.autograd.grad(loss, (log_probs, advantages), allow_unused=True)
    assert slopes[0].tolist() == [[-0.5, -5], [-50, 0]]
    assert slopes[1] is None, "no gradient through the reward"


def test_the_mean_of_the_others():
    values = torch.tensor([[1.0, 2.0, 9.0], [4.0, 6.0, 9.0], [7.0, 9.0, 9.0]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 0, 0]]).bool()
    baseline = mean_of_others(values, mask)
    assert baseline[:, 0].tolist() == [5.5, 4.0, 2.5]
    assert baseline[:2, 1].tolist() == [6.0, 2.0]
    assert baseline[1, 2].item() == 0, "nobody else has a third token"
    assert mean_of_others(values[:1], mask[:1]).tolist() == [[0, 0, 0]]


def test_the_discriminator_judges_in_evaluation_mode(tiny_generator, tiny_text_discriminator, rng):
    """With dropout on, the same sequence would get another reward every time."""
    discriminator: Discriminator = tiny_text_discriminator()
    game = AdversarialGame(tiny_generator(), discriminator, expected_probability(), Reinforce(0))
    tokens = game.sample(64, rng=rng)
    values = [Reinforce(0).action_values(game, tokens, rng) for _ in range(2)]
    assert torch.equal(*values)
    assert discriminator.training
    noisy = discriminator(tokens).score
    assert not torch.equal(noisy, discriminator(tokens).score)


def test_fakes_come_from_the_pool_or_are_fresh(tiny_generator, tiny_text_discriminator, rng):
    game = AdversarialGame(
        tiny_generator(), tiny_text_discriminator(), expected_probability(), Reinforce(0)
    )
    first, second = (Reinforce(0).fakes(game, {}, 8, Move("p", 0, 1, rng)) for _ in range(2))
    assert first.shape == (8, 5)
    assert not torch.equal(first, second)


def test_a_negative_number_of_rollouts_is_refused():
    with pytest.raises(UsageError, match=r"rollouts is -1; use 0 \(none\) or more"):
        Reinforce(-1)
    with pytest.raises(UsageError, match="chunk_rows is 0; it must be at least 1"):
        Reinforce(chunk_rows=0)


def test_the_policy_that_learns_is_the_one_that_sampled():
    """With dropout the log-probabilities are those of the sampler, and dropout is back on afterwards."""
    config = LSTMConfig(embedding=8, hidden=8, layers=2, dropout=0.5)
    generator = LSTMGenerator(config, 6, 5, bos=1, eos=2, pad=0).train()
    tokens = generator.sample(4, rng=torch.Generator().manual_seed(0))
    sampled = generator.eval().log_probs(tokens)
    generator.train()
    with without_dropout(generator):
        assert torch.equal(generator.log_probs(tokens), sampled)
    assert generator.lstm.dropout == 0.5
    assert all(module.training for module in generator.modules())

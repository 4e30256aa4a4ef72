"""Rewards that mix D's score with an objective of whole rows, against enumeration: V=3, S=2, T=3."""

import copy
from dataclasses import replace

import pytest
import torch
from policy_worlds import LENGTH, ROWS, build_world, contributions, distance, in_groups
from small_worlds import flat_gradient

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import importance_weights
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.estimators import baselines, leave_one_out
from seqgan_kit.sequences.estimators.baselines import (
    BASELINES,
    RewardAverage,
    baseline_players,
    mean_of_others,
)
from seqgan_kit.sequences.estimators.importance import ImportanceWeighted
from seqgan_kit.sequences.estimators.prefix_rewards import EveryStep
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import MixedReward, Reward, sequence_rewards
from seqgan_kit.sequences.sampling.rollout import RowReward

GIVEN = 2
SOURCES = [(0, 1), (2, 2), (1, 0)]
WEIGHT, BIAS = 0.3, 0.5


def agreement(rows):
    """Share of written tokens that equal the first given token, less where the second one is written."""
    written = rows[:, GIVEN:]
    same = (written == rows[:, :1]).float().mean(1)
    return 2 * same - (written == rows[:, 1:GIVEN]).any(1).float()


MIX = Reward(agreement, WEIGHT, BIAS)


@pytest.fixture(scope="module")
def solved_world(tiny_generator, table_discriminator):
    world = build_world("every row full", tiny_generator, table_discriminator, SOURCES)
    rewards = WEIGHT * (world.rewards - BIAS) + (1 - WEIGHT) * agreement(world.sequences)
    expected = (world.generator.sequence_log_prob(world.sequences).exp() * rewards).sum()
    gradient = flat_gradient(expected / len(SOURCES), world.generator)
    return replace(world, rewards=rewards, gradient=gradient)


class InPairs(RewardAverage):
    """Many runs on batches of two at once, each with an average of its own."""

    def use(self, values, mask):
        return in_groups(super().use, 2)(values, mask)


@pytest.mark.parametrize("baseline", BASELINES)
def test_reinforce_with_rollouts_is_unbiased_source_by_source(solved_world, baseline, monkeypatch):
    world = copy.deepcopy(solved_world)
    world.game.players.update(baseline_players(baseline, world.generator, ROWS))
    if baseline == "critic":
        torch.nn.init.normal_(world.game.players["critic"].value.weight, std=2.0)
    if baseline == "moving_average":
        world.game.players["reward_average"] = InPairs(ROWS // 2 * LENGTH, 0.5)
        contributions(world, Reinforce(2, baseline, mix=MIX), seed=3)
    monkeypatch.setattr(baselines, "mean_of_others", in_groups(mean_of_others, 2))
    monkeypatch.setattr(leave_one_out, "mean_of_others", in_groups(mean_of_others, 2))
    rows = contributions(world, Reinforce(2, baseline, mix=MIX))
    for source in range(len(SOURCES)):
        along, each = distance(world.of_source(source), rows[source :: len(SOURCES)])
        assert along < 4.5
        assert each < 5


@pytest.mark.parametrize("wrong", [Reward(agreement, 0.6, BIAS), Reward(agreement, 0.0), Reward()])
def test_another_mixture_is_found_out(solved_world, wrong):
    world = copy.deepcopy(solved_world)
    assert distance(world, contributions(world, Reinforce(2, mix=wrong)))[0] > 8


def test_the_reward_is_the_mixture(solved_world, rng):
    game, rows = solved_world.game, solved_world.sequences
    rewards = sequence_rewards(game, rows, "verdict", rng, 5, MIX)
    torch.testing.assert_close(rewards, solved_world.rewards)
    values = Reinforce(0, mix=MIX).action_values(game, rows, rng)
    torch.testing.assert_close(values, solved_world.rewards[:, None].expand(-1, LENGTH))
    biased = sequence_rewards(game, rows, "verdict", rng, mix=Reward(bias=BIAS))
    torch.testing.assert_close(biased + BIAS, sequence_rewards(game, rows, "verdict", rng))
    for control in ("constant", "random"):
        found = sequence_rewards(game, rows, control, rng, mix=MIX) - 0.7 * agreement(rows)
        assert (found >= -WEIGHT * BIAS - 1e-6).all()
        assert (found <= WEIGHT * (1 - BIAS) + 1e-6).all()
        assert (found.std() < 1e-6) == (control == "constant")


@pytest.mark.parametrize("baseline", ["none", "leave_one_out"])
def test_a_constant_verdict_leaves_the_objective(solved_world, baseline):
    """The control of a mixture: its expected gradient is that of the objective alone."""
    world = copy.deepcopy(solved_world)
    world.game.players["discriminator"].forward = asked
    alone = 0.7 * agreement(world.sequences)
    expected = (world.generator.sequence_log_prob(world.sequences).exp() * alone).sum()
    world = replace(world, gradient=flat_gradient(expected / len(SOURCES), world.generator))
    rows = contributions(world, Reinforce(2, baseline, reward="constant", mix=MIX))
    assert distance(world, rows)[0] < 4.5


def asked(*_):
    raise AssertionError("the discriminator was asked")


@pytest.mark.parametrize("baseline", ["none", "leave_one_out"])
@pytest.mark.parametrize("rollouts", [0, 2])
def test_an_objective_alone_does_not_run_the_discriminator(solved_world, rng, rollouts, baseline):
    if baseline == "leave_one_out" and not rollouts:
        return
    world = copy.deepcopy(solved_world)
    world.game.players["discriminator"].forward = asked
    estimator = Reinforce(rollouts, baseline, mix=Reward(agreement, 0.0))
    real = {"real": world.sequences[:9]}
    world.game.draw = lambda n, batch, rng: world.sequences[:n]
    loss = estimator.generator_loss(world.game, real, Move("adversarial", 0, 1, rng))
    assert loss.total.isfinite()


def test_scores_that_completions_share_are_mixed_alike(rng):
    """With a discriminator that scores completions of one prefix together, and with one that does not."""
    torch.manual_seed(0)
    trunk = TextCNN(TextCNNConfig(4, ((1, 6), (2, 6)), 0.0), 3, GIVEN + LENGTH, pad=None).eval()
    verdict = lambda features: features.sum(1).detach()  # noqa: E731
    shared: RowReward = PrefixScorer(trunk, verdict)
    plain = lambda rows: verdict(trunk(rows))  # noqa: E731
    originals = torch.randint(0, 3, (4, GIVEN + LENGTH), generator=rng)
    owner, kept = torch.tensor([0, 2, 3]), GIVEN + 1
    completions = originals[owner].unsqueeze(1).repeat(1, 5, 1)
    completions[..., kept:] = torch.randint(0, 3, (3, 5, LENGTH - 1), generator=rng)
    found = [
        MixedReward(score, MIX).for_originals(originals)(completions, owner, kept)
        for score in (shared, plain)
    ]
    flat = completions.flatten(0, 1)
    wanted = WEIGHT * (plain(flat) - BIAS) + (1 - WEIGHT) * agreement(flat)
    for rewards in found:
        torch.testing.assert_close(rewards, wanted.view(3, 5), rtol=1e-4, atol=1e-5)


def test_importance_weights_are_of_the_tilted_distribution(solved_world, rng):
    """log r = lambda (logit - b) + (1 - lambda) objective; the bias cancels in the weights."""
    game, rows = solved_world.game, solved_world.sequences[:27]
    logits = game.discriminator(rows).score.detach()
    wanted = (WEIGHT * logits + (1 - WEIGHT) * agreement(rows)).softmax(0)
    for rollouts in (0, 3):
        estimator = ImportanceWeighted(rollouts, mix=MIX)
        found = importance_weights(estimator.log_ratios(game, rows, rng))
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    values = estimator._log_values(game, rows, estimator.log_ratios(game, rows, rng), 0, rng)
    assert values.shape == (27, LENGTH)
    other = ImportanceWeighted(3, mix=Reward(agreement, 0.0)).log_ratios(game, rows, rng)
    torch.testing.assert_close(other, agreement(rows))


def test_objectives_get_no_gradient_and_must_return_a_finite_number_a_row():
    rows = torch.zeros(3, GIVEN + LENGTH, dtype=torch.int64)
    seen = []

    def learned(rows):
        seen.append(torch.is_grad_enabled())
        return torch.nn.Parameter(torch.ones(len(rows)))

    values = Reward(learned, 0.5).values(rows)
    assert not values.requires_grad
    assert seen == [False]
    with pytest.raises(
        UsageError, match=r"a tensor \[2\] for 3 rows: it must return a tensor \[3\]"
    ):
        Reward(lambda rows: torch.ones(2), 0.5).values(rows)
    with pytest.raises(UsageError, match=r"returned \[1, 2, 3\] for 3 rows"):
        Reward(lambda rows: [1, 2, 3], 0.5).values(rows)
    with pytest.raises(UsageError, match=r"returned nan for row 2 of 3, tokens \[0, 0, 0, 0, 0\]"):
        Reward(lambda rows: torch.tensor([1, torch.nan, 2]), 0.5).values(rows)
    with pytest.raises(UsageError, match=r"share of the reward is 1\.5; it must be 0 to 1"):
        Reward(agreement, 1.5)
    with pytest.raises(UsageError, match=r"0\.5, but there is no objective for the rest"):
        Reward(None, 0.5)


def test_a_reward_of_every_step_adds_the_objective_of_the_whole_row(tiny_generator, rng):
    generator = tiny_generator(5, LENGTH, given=GIVEN)
    torch.manual_seed(0)
    trunk = TextCNN(TextCNNConfig(4, ((1, 6), (2, 6)), 0.0), 5, GIVEN + LENGTH, pad=0)
    game = AdversarialGame(generator, Discriminator(trunk, 12), expected_probability(), EveryStep())
    rows = generator.sample(6, given=torch.randint(3, 5, (6, GIVEN), generator=rng), rng=rng)
    mask = generator.token_mask(rows)
    plain = EveryStep().action_values(game, rows, rng)
    wanted = WEIGHT * (plain - BIAS) + (1 - WEIGHT) * agreement(rows)[:, None]
    torch.testing.assert_close(EveryStep(mix=MIX).action_values(game, rows, rng), wanted * mask)
    alone = EveryStep(mix=Reward(agreement, 0.0)).action_values(game, rows, rng)
    torch.testing.assert_close(alone, agreement(rows)[:, None] * mask)

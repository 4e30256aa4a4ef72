"""Rollout rewards: the right cell, the right distribution, and nothing disturbed."""

import itertools
import math

import pytest
import torch

from seqgan_kit.bench.plain_rollout import plain_rollout_rewards
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.estimators.trials import rollout_rewards
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.sampling.rollout import complete_prefixes

PAD, BOS, EOS = 0, 1, 2


def make(vocabulary, length, *, ends, std=1.0, layers=1):
    tokens = {"bos": BOS, "eos": EOS, "pad": PAD} if ends else {"bos": 0, "eos": None, "pad": None}
    config = LSTMConfig(embedding=4, hidden=6, layers=layers, initial_std=std)
    rng = torch.Generator().manual_seed(0)
    return LSTMGenerator(config, vocabulary, length, **tokens, rng=rng)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def every_row(vocabulary, length):
    return torch.tensor(list(itertools.product(range(vocabulary), repeat=length)))


def code(rows, vocabulary):
    """A number that identifies a whole row."""
    powers = vocabulary ** torch.arange(rows.shape[1] - 1, -1, -1)
    return (rows * powers).sum(1)


@pytest.mark.parametrize("ends", [False, True])
def test_completions_lie_where_they_belong(ends):
    """Entry [s-1,b,n] starts with the first s tokens of sequence b, and is a sequence of the policy's."""
    policy = make(9, 7, ends=ends, layers=2)
    tokens = policy.sample(11, rng=seeded())
    completions = complete_prefixes(policy.stepper(), tokens, 4, seeded(1), 16)
    assert completions.shape == (6, 11, 4, 7)
    mask = policy.token_mask(tokens)
    for kept, b, n in itertools.product(range(1, 7), range(11), range(4)):
        row = completions[kept - 1, b, n]
        assert row[:kept].tolist() == tokens[b, :kept].tolist()
        if mask[b, kept]:
            assert policy.sequence_log_prob(row[None]).item() > -1e6
    assert mask[:, -1].any()
    assert ends != mask.all().item()


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("chunk_rows", [1, 5, 512])
def test_each_cell_is_the_mean_over_completions_of_exactly_its_prefix(ends, chunk_rows):
    """The reward of a row is the number of the sequence and the length of the prefix that it shares with it.

    All sequences start with different tokens and no completion goes on as its sequence did, so a row tells
    where it came from: its cell must read (sequence, length of the shared prefix), exactly.
    """
    policy = make(40, 6, ends=ends)
    starts = torch.randperm(30, generator=seeded(2))[:8] + 5
    tokens = torch.randint(5, 40, (8, 6), generator=seeded(3))
    tokens[:, 0] = starts
    if ends:
        for b, end in enumerate([0, 1, 2, 3, 4, 5, 5, 5]):
            tokens[b, end] = EOS
            tokens[b, end + 1 :] = PAD
        tokens[0, 0], tokens[0, 1:] = EOS, PAD

    def reward(rows):
        owner = (rows[:, None, 0] == tokens[None, :, 0]).long().argmax(1)
        same = (rows == tokens[owner]).long().cumprod(1).sum(1)
        return owner * 100.0 + same

    rewards = rollout_rewards(policy, tokens, reward, 3, rng=seeded(4), chunk_rows=chunk_rows)
    completions = complete_prefixes(policy.stepper(), tokens, 3, seeded(4), 512)
    mask = policy.token_mask(tokens)
    for b, t in itertools.product(range(8), range(6)):
        if not mask[b, t]:
            expected = 0.0
        elif t == 5 or not mask[b, t + 1]:
            expected = b * 100.0 + 6
        else:
            expected = reward(completions[t, b]).mean().item()
            assert b * 100 + t + 1 <= expected < b * 100 + 6
        assert rewards[b, t].item() == pytest.approx(expected, abs=1e-3), (b, t)


@pytest.mark.parametrize(("vocabulary", "ends"), [(3, False), (5, True)])
def test_expected_rewards_are_those_by_enumeration(vocabulary, ends):
    """E[reward | prefix] = sum over rows that start so of P(row) reward(row) / P(prefix).

    Thousands of copies of every possible sequence are rewarded; the mean of each cell must lie within 4.5
    standard errors of the exact value (about 60 cells: chance of a false alarm below 1e-3).
    """
    policy = make(vocabulary, 3, ends=ends, std=0.7)
    rows = every_row(vocabulary, 3)
    with torch.no_grad():
        probabilities = policy.sequence_log_prob(rows).double().exp()
    rows, probabilities = rows[probabilities > 0], probabilities[probabilities > 0]
    values = torch.rand(vocabulary**3, generator=seeded(8), dtype=torch.float64)
    copies, rollouts = 1000, 2
    tokens = rows.repeat_interleave(copies, 0)
    rewards = rollout_rewards(
        policy, tokens, lambda r: values[code(r, vocabulary)], rollouts, rng=seeded(9)
    ).double()
    rewards = rewards.view(len(rows), copies, 3)
    mask = policy.token_mask(rows)
    for i, t in itertools.product(range(len(rows)), range(3)):
        if not mask[i, t]:
            assert (rewards[i, :, t] == 0).all()
            continue
        same = (rows[:, : t + 1] == rows[i, : t + 1]).all(1)
        weights = probabilities[same] / probabilities[same].sum()
        outcomes = values[code(rows[same], vocabulary)]
        mean = (weights * outcomes).sum()
        variance = (weights * (outcomes - mean) ** 2).sum().clamp(min=0)
        error = math.sqrt(variance / (copies * rollouts)) + 1e-6
        assert abs(rewards[i, :, t].mean() - mean) < 4.5 * error, (rows[i].tolist(), t)


@pytest.mark.parametrize("ends", [False, True])
def test_same_distribution_as_the_plain_loop(ends):
    """Mean and spread of every cell agree over 2,000 copies: means within 4.5 standard errors.

    The spread tells N completions from fewer, or from ones that are not independent.
    """
    policy = make(12, 6, ends=ends)
    originals, copies = policy.sample(4, rng=seeded(1)), 2000
    tokens = originals.repeat_interleave(copies, 0)
    values = torch.rand(12, generator=seeded(2))

    def reward(rows):
        return values[rows].mean(1)

    slow, fast = (
        rewards(policy, tokens, reward, 2, rng=seeded(3)).double().view(4, copies, 6)
        for rewards in (plain_rollout_rewards, rollout_rewards)
    )
    error = (slow.var(1) / copies + fast.var(1) / copies).sqrt() + 1e-6
    assert ((slow.mean(1) - fast.mean(1)).abs() < 4.5 * error).all()
    varying = slow.std(1) > 1e-6
    assert torch.equal(varying, fast.std(1) > 1e-6)
    assert varying.sum() >= 5
    # A standard deviation from 2,000 values is known to about 2 %, more where the tails are heavy.
    assert (fast.std(1)[varying] / slow.std(1)[varying] - 1).abs().max() < 0.1


@pytest.mark.parametrize("ends", [False, True])
def test_cells_are_independent(ends):
    """No two cells share random numbers: their correlations over 3,000 copies vanish, within 4.5 sigma."""
    policy = make(12, 6, ends=ends)
    tokens = policy.sample(6, rng=seeded(1))
    tokens = tokens[policy.token_mask(tokens).sum(1).argmax()].expand(3000, -1)
    values = torch.rand(12, generator=seeded(2))
    rewards = rollout_rewards(policy, tokens, lambda r: values[r].mean(1), 2, rng=seeded(3))
    varying = rewards[:, rewards.std(0) > 1e-6]
    assert varying.shape[1] >= 4
    neighbours = torch.cat(
        [varying[1:], varying[:-1]], dim=1
    )  # of the same copy and of the next one
    correlations = neighbours.T.corrcoef() - torch.eye(neighbours.shape[1])
    assert correlations.abs().max() < 4.5 / math.sqrt(3000)


def test_plain_loop_and_sweep_agree_on_what_is_not_random():
    policy = make(12, 6, ends=True)
    tokens = policy.sample(40, rng=seeded(1))
    ones = [
        rewards(policy, tokens, lambda rows: torch.ones(len(rows)), 3, rng=seeded())
        for rewards in (plain_rollout_rewards, rollout_rewards)
    ]
    torch.testing.assert_close(*ones)
    assert torch.equal(ones[1] > 0, policy.token_mask(tokens))


@pytest.mark.parametrize("ends", [False, True])
def test_shared_windows_give_the_rewards_of_the_plain_discriminator(ends):
    policy = make(30, 12, ends=ends)
    torch.manual_seed(0)
    config = TextCNNConfig(embedding=8, filters=((1, 9), (2, 8), (5, 7), (12, 6)))
    trunk = TextCNN(config, 30, 12, pad=PAD if ends else None).eval()
    tokens = policy.sample(9, rng=seeded())

    def verdict(features):
        return (5 * features.mean(1)).sigmoid()

    plain = rollout_rewards(policy, tokens, lambda r: verdict(trunk(r)), 5, rng=seeded(1))
    shared = rollout_rewards(policy, tokens, PrefixScorer(trunk, verdict), 5, rng=seeded(1))
    torch.testing.assert_close(shared, plain, atol=1e-4, rtol=0)
    assert plain.std() > 1e-2


@pytest.mark.parametrize("ends", [False, True])
def test_results_depend_on_the_seed_and_not_on_chunks(ends):
    policy = make(30, 8, ends=ends)
    tokens = policy.sample(20, rng=seeded())

    def rewards(seed, chunk_rows):
        return rollout_rewards(
            policy, tokens, lambda r: r.float().mean(1), 5, rng=seeded(seed), chunk_rows=chunk_rows
        )

    assert torch.equal(rewards(1, 512), rewards(1, 512))
    torch.testing.assert_close(rewards(1, 512), rewards(1, 3), atol=1e-5, rtol=1e-5)
    assert not torch.equal(rewards(1, 512), rewards(2, 512))


def test_chunks_bound_what_the_reward_sees():
    policy, seen = make(30, 8, ends=False), []

    def reward(rows):
        seen.append(len(rows))
        return torch.zeros(len(rows))

    rollout_rewards(policy, policy.sample(9, rng=seeded()), reward, 5, rng=seeded(), chunk_rows=7)
    assert max(seen) == 7
    assert sum(seen) == 9 * 7 * 5 + 9


def test_nothing_of_the_policy_is_touched():
    policy = make(30, 8, ends=True, layers=2).train()
    policy.lstm.eval()
    tokens = policy.sample(5, rng=seeded())
    before = {name: value.clone() for name, value in policy.state_dict(keep_vars=False).items()}
    global_state = torch.get_rng_state()
    rewards = rollout_rewards(policy, tokens, lambda r: r.float().mean(1), 2, rng=seeded())
    assert not rewards.requires_grad
    assert policy.training
    assert not policy.lstm.training
    assert torch.equal(global_state, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in policy.state_dict().items())
    assert all(parameter.grad is None for parameter in policy.parameters())


def test_rewards_can_enter_a_backward_pass():
    """They are made under no_grad, not in inference mode, whose tensors autograd refuses to save."""
    policy = make(30, 8, ends=True)
    tokens = policy.sample(5, rng=seeded())
    rewards = rollout_rewards(policy, tokens, lambda r: r.float().mean(1), 2, rng=seeded())
    (policy.log_probs(tokens) * rewards).sum().backward()
    assert policy.output.weight.grad.abs().sum() > 0


def test_one_token_sequences_have_nothing_to_roll_out():
    policy = make(30, 1, ends=False)
    tokens = policy.sample(5, rng=seeded())
    rewards = rollout_rewards(policy, tokens, lambda r: r[:, 0].float(), 2, rng=seeded())
    assert torch.equal(rewards, tokens.float())


@pytest.mark.parametrize("numbers", [{"rollouts": 0}, {"rollouts": 1, "chunk_rows": 0}])
def test_impossible_numbers_are_refused(numbers):
    policy = make(30, 4, ends=False)
    rollouts = numbers.pop("rollouts")
    with pytest.raises(UsageError, match="both must be at least 1"):
        rollout_rewards(
            policy, torch.zeros(2, 4).long(), lambda r: r[:, 0], rollouts, rng=seeded(), **numbers
        )

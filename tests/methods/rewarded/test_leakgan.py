"""Rewards by loops, both gradients by enumeration and differences, and the order of turns."""

import itertools
import math

import pytest
import torch
from small_worlds import LENGTH, WORLDS, enumerate_sequences

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Epochs, Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.rewarded import leakgan
from seqgan_kit.methods.rewarded.leakgan import LeakGANMethod
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.estimators.trials import rollout_rewards, values_of_blocks
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.hierarchical.goal_rewards import (
    goals_reached,
    intrinsic_rewards,
    rank_rewards,
)
from seqgan_kit.sequences.generators.hierarchical.leak_generator import LeakConfig, LeakGenerator

TRUNK = TextCNNConfig(embedding=3, filters=((1, 4), (2, 4)), dropout=0.0)
WORKER = ("embedding", "worker", "psi", "first", "output")


def build(
    method=None, training=None, *, world="every row full", vocabulary=None, length=LENGTH, step=2
):
    torch.manual_seed(1)
    size, options = WORLDS[world]
    size = vocabulary or size
    options = options or {"bos": 1, "eos": 2, "pad": 0}
    config = LeakConfig(3, 4, 2, step, initial_std=0.7, trunk=TRUNK)
    generator = LeakGenerator(config, size, length, **options)
    trunk = TextCNN(TRUNK, size, length, pad=options["pad"])
    method = method or LeakGANMethod(rollouts=0)
    training = training or FineTuning(batch_size=8, negatives=0, score_l2=0)
    game = leakgan.build(generator, Discriminator(trunk, trunk.features), method, training)
    with torch.no_grad():
        game.discriminator.score.weight.mul_(10)
    return game.eval()


def parts(game, *names):
    named = game.generator.named_parameters()
    return [p for name, p in named if name.split(".")[0] in names]


def cosine(a, b):
    return torch.nn.functional.cosine_similarity(a, b, dim=0)


def test_rank_rewards_by_hand():
    values = torch.tensor([[0.9, 5.0], [0.1, 0.0], [0.4, 7.0], [0.4, 6.0]])
    mask = torch.tensor([[True, True], [True, False], [True, True], [True, False]])
    ranks = torch.tensor([[1 / 4, 2 / 2], [4 / 4, math.nan], [2.5 / 4, 1 / 2], [2.5 / 4, math.nan]])
    wanted = (16 * (0.5 - ranks)).sigmoid().nan_to_num(0.0)
    torch.testing.assert_close(rank_rewards(values, mask, 16.0), wanted)
    assert rank_rewards(torch.ones(4, 1), mask[:, :1], 2.0).unique().numel() == 1


@pytest.mark.parametrize("step", [1, 2, 5])
def test_cosines_with_goals_by_loops(step):
    features, goals = torch.randn(2, 6, 4), torch.randn(2, 5, 4)
    reached, rewards = (
        goals_reached(features, goals, step),
        intrinsic_rewards(features, goals, step),
    )
    for row, (f, g) in enumerate(zip(features, goals, strict=True)):
        for t in range(5):
            wanted = cosine(f[min(t + step, 5)] - f[t], g[t])
            assert reached[row, t].item() == pytest.approx(wanted.item(), abs=1e-6)
        for t in range(1, 6):
            past = [cosine(f[t] - f[t - i], g[t - i]) for i in range(1, min(step, t) + 1)]
            assert rewards[row, t - 1].item() == pytest.approx(
                sum(past).item() / len(past), abs=1e-6
            )


def test_the_workers_gradient_is_the_policy_gradient_of_its_reward():
    """Over all pairs of rows: a token's reward weighs the gradient of its probability, and a row's rank in
    the pair that of the row's, with the other row fixed."""
    game = build(LeakGANMethod(rollouts=0, sharpness=3.0, discriminator_weight=0.7))
    generator, worker = game.generator, parts(game, *WORKER)
    rows = enumerate_sequences(generator)
    scores = game.discriminate(rows).score.sigmoid().detach()
    assert scores.std() > 1e-2
    chances = generator.sequence_log_prob(rows).exp()
    losses = torch.stack(
        [
            # A pair and its mirror image have one loss.
            (chances[a] * chances[b]).detach()
            * (1 if a == b else 2)
            * game.reinforced(rows[[a, b]], scores[[a, b]].unsqueeze(1).expand(2, LENGTH)).total
            for a, b in itertools.combinations_with_replacement(range(len(rows)), 2)
        ]
    )
    found = torch.autograd.grad(-losses.sum(), worker)

    of_tokens = generator.log_probs(rows).exp()
    before = torch.cat([torch.ones(len(rows), 1), of_tokens.detach().cumprod(1)[:, :-1]], 1)
    features = generator.features(rows)
    rewards = intrinsic_rewards(features, generator.goals(features[:, :-1]), 2).detach()
    # A prefix stands in 3 ** (rows after it) rows; each counts with the share of one.
    shares = 3.0 ** torch.arange(LENGTH - 1, -1, -1)
    by_goals = (before * of_tokens * rewards / shares).sum()
    win = (3.0 * (0.5 - torch.tensor([1.0, 1.5, 2.0]) / 2)).sigmoid()
    place = 1 + (scores.unsqueeze(1) < scores).long() - (scores.unsqueeze(1) > scores).long()
    by_rank = (chances.unsqueeze(1) * chances.detach() * win[place]).sum()
    truth = torch.autograd.grad(by_goals + 0.7 * by_rank, worker)
    for one, other in zip(found, truth, strict=True):
        torch.testing.assert_close(one, other, atol=2e-6, rtol=1e-3)
    assert max(g.abs().max() for g in truth) > 1e-2


def test_the_managers_gradient_is_that_of_its_formula():
    """-(1/B) sum of Q cos(f_t+c - f_t, g_t) in loops, differentiated by central differences."""
    game = build(world="rows that end")
    generator, manager = game.generator, parts(game, "manager", "goal")
    rows = torch.tensor([[3, 4, 2], [4, 2, 0], [3, 3, 3]])
    values = torch.tensor([[0.2, 0.7, 0.4], [0.9, 0.1, 0.0], [0.5, 0.6, 0.3]])
    quality = rank_rewards(values, generator.token_mask(rows), 16.0)
    features = generator.features(rows)

    def formula():
        goals = generator.goals(features[:, :-1])
        total = sum(
            quality[b, t] * cosine(features[b, min(t + 2, 3)] - features[b, t], goals[b, t])
            for b in range(3)
            for t in range(3)
        )
        return -total.item() / 3

    found = torch.autograd.grad(game.reinforced(rows, values).total, manager)
    for parameter, gradient in zip(manager, found, strict=True):
        with torch.no_grad():
            place = gradient.abs().argmax()
            flat, slopes = parameter.view(-1), []
            for change in (1e-2, -2e-2):
                flat[place] += change
                slopes.append(formula())
            flat[place] += 1e-2
        slope = (slopes[0] - slopes[1]) / 2e-2
        assert slope == pytest.approx(gradient.view(-1)[place].item(), rel=2e-2, abs=1e-4)
    assert max(g.abs().max() for g in found) > 1e-3


def test_the_manager_learns_from_real_rows_by_the_cosine_alone():
    game = build(world="rows that end")
    rows = torch.tensor([[3, 4, 2], [4, 2, 0]])
    loss = game.mle_loss({"real": rows}, Move("adversarial", 0, 2, torch.Generator()))
    generator, mask = game.generator, game.generator.token_mask(rows)
    features = generator.features(rows)
    reached = goals_reached(features, generator.goals(features[:, :-1]), 2)
    cosines = reached[mask].mean()
    nll = -generator.log_probs(rows)[mask].mean()
    assert loss.total.item() == pytest.approx((nll - cosines).item(), abs=1e-5)
    manager, worker = parts(game, "manager", "goal"), parts(game, *WORKER)
    for found, wanted in ((manager, -cosines), (worker, nll)):
        pairs = zip(
            torch.autograd.grad(loss.total, found, retain_graph=True),
            torch.autograd.grad(wanted, found, retain_graph=True),
            strict=True,
        )
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


def test_a_control_gives_the_worker_no_gradient_with_a_baseline():
    method = LeakGANMethod(rollouts=2, reward="constant", baseline="batch")
    game = build(method, vocabulary=6)
    move = Move("adversarial", 0, 2, torch.Generator().manual_seed(1))
    loss = game.generator_loss({"real": torch.zeros(8, LENGTH, dtype=torch.int64)}, move)
    assert not any(g.any() for g in torch.autograd.grad(loss.total, parts(game, *WORKER)))


def test_tokens_share_the_value_of_their_block():
    values = torch.arange(1.0, 13).view(2, 6)
    mask = torch.tensor([[True] * 6, [True] * 3 + [False] * 3])
    wanted = [[2, 2, 4, 4, 6, 6], [8, 8, 9, 0, 0, 0]]
    assert values_of_blocks(values, mask, 2).tolist() == wanted


def test_only_prefixes_of_whole_blocks_are_completed():
    """A reward that is the sum of a completion's tokens, against its expectation after the block."""
    game = build(length=4, step=2)
    generator = game.generator
    rows = torch.tensor([[2, 1, 0, 2]])
    seen = []

    def reward(tokens):
        seen.append(len(tokens))
        return tokens.sum(1).float()

    rng = torch.Generator().manual_seed(1)
    found = rollout_rewards(generator, rows, reward, 3000, rng=rng, every=2)
    assert sum(seen) == 3000 + 1
    every = torch.tensor(list(itertools.product(range(3), repeat=2)))
    after = torch.cat([rows[:, :2].expand(9, 2), every], 1)
    chances = generator.log_probs(after)[:, 2:].sum(1).exp()
    expected = (chances * after.sum(1)).sum().item()
    assert found[0].tolist() == pytest.approx([expected, expected, 5, 5], abs=0.1)


def test_d_and_g_alternate_and_the_leak_follows_d():
    training = FineTuning(
        mle_epochs=6, pretrain_pools=6, rounds=4, teacher_forcing_moves=7, pools=2
    )
    method = LeakGANMethod(blocks=3, teach_every_rounds=2)
    pretrain, judge, adversarial = leakgan.phases(method, training)
    pool = ["draw_negatives", "discriminator_loss"]
    names = [[t.rule or t.loss for t in phase.turns] for phase in (pretrain, judge, adversarial)]
    assert names[0] == [*pool, *pool, "leak", "mle_loss"]
    assert (pretrain.rounds, judge.rounds, pretrain.turns[-1].moves) == (3, 0, Epochs(2.0))
    assert names[2] == ["generator_loss", "mle_loss", *pool, *pool, "leak"]
    assert [adversarial.turns[1].moves_in(number, 9) for number in range(4)] == [7, 0, 7, 0]
    again = FineTuning(pretrained="runs/x", pretrain_pools=6, teacher_forcing_moves=7)
    pretrain, judge, _ = leakgan.phases(method, again)
    assert (pretrain.rounds, judge.rounds) == (0, 6)
    assert [t.rule or t.loss for t in judge.turns] == [*pool, "leak", "mle_loss"]


def test_d_leaks_and_starts_from_what_a_trained_generator_knows():
    game = build()
    own, judge = game.generator.trunk.state_dict(), game.discriminator.trunk.state_dict()
    assert all(torch.equal(own[name], judge[name]) for name in judge)
    with torch.no_grad():
        game.discriminator.trunk.embedding.weight.add_(1)
    assert not torch.equal(game.generator.trunk.embedding.weight, judge["embedding.weight"])
    game.leak({}, Move("adversarial", 0, 2, torch.Generator()))
    assert torch.equal(
        game.generator.trunk.embedding.weight, game.discriminator.trunk.embedding.weight
    )
    trunk = TextCNN(TRUNK, 3, LENGTH, pad=None)
    training = FineTuning(negatives=0, pretrained="runs/x")
    leakgan.build(game.generator, Discriminator(trunk, 8), LeakGANMethod(), training)
    assert torch.equal(trunk.embedding.weight, game.generator.trunk.embedding.weight)


def test_another_discriminator_is_refused(tiny_text_discriminator):
    game = build(world="rows that end", vocabulary=7, length=5)
    with pytest.raises(UsageError, match=r"trunk is a \w+ and the generator reads a TextCNN"):
        leakgan.build(
            game.generator, tiny_text_discriminator(), LeakGANMethod(), FineTuning(negatives=0)
        )

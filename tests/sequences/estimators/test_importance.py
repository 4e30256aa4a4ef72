"""MaliGAN's estimator against exact sums over all sequences, all pairs of them, and plain loops."""

from __future__ import annotations

import math

import pytest
import small_worlds as small
import torch
from small_worlds import SmallWorld, build_world, flat_gradient
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators import importance
from seqgan_kit.sequences.estimators.importance import (
    ImportanceWeighted,
    position_weights,
    weighted_likelihood,
)

PREFIXES = 12_000


@pytest.fixture(scope="module", params=small.WORLDS)
def world(request, tiny_generator, table_discriminator) -> SmallWorld:
    torch.manual_seed(0)
    return build_world(request.param, tiny_generator, table_discriminator)


def move_at(round_number: int, rounds: int, seed: int = 1) -> Move:
    return Move("adversarial", round_number, rounds, torch.Generator().manual_seed(seed))


def test_the_ratios_of_the_best_discriminator_turn_g_into_the_data(world, rng):
    """g r = p_data on every sequence, and r / sum r over draws of g stands for p_data / g."""
    game = world.game(ImportanceWeighted())
    log_ratios = ImportanceWeighted().log_ratios(game, world.sequences, rng).double()
    torch.testing.assert_close(
        world.probabilities * log_ratios.exp(), world.data, rtol=1e-4, atol=1e-7
    )


def exact_mean(world: SmallWorld, estimator: ImportanceWeighted, move: Move, monkeypatch) -> Tensor:
    """[P]: minus the gradient of the loss on two draws of G, in the mean over all pairs of them."""
    game, batch, total = world.game(estimator), {"real": torch.zeros(2, 1)}, torch.zeros(())
    for chance, which in world.tuples(2):
        tokens = world.sequences[list(which)]
        monkeypatch.setattr(game, "draw", lambda n, batch, rng, tokens=tokens: tokens)
        total = total + chance * estimator.generator_loss(game, batch, move).total
    return -flat_gradient(total, world.generator)


def test_the_mean_gradient_of_pairs_by_enumeration(world, monkeypatch):
    """E[sum_i w_i grad log g(x_i)] of two draws, w_1 = r_1/(r_1 + r_2); no b changes it."""
    g, logits = world.probabilities, world.logits
    share = (logits[:, None] - logits[None, :]).sigmoid()
    wanted = 2 * (g[:, None] * g[None, :] * share).sum(1) @ world.whole_jacobian
    for baseline in (0.0, 1.0):
        estimator = ImportanceWeighted(baseline_end=baseline)
        ours = exact_mean(world, estimator, move_at(0, 1), monkeypatch)
        torch.testing.assert_close(ours, wanted, rtol=1e-3, atol=1e-5)


def off_by(world: SmallWorld, estimator: ImportanceWeighted) -> float:
    """How far the loss's gradient on 20,000 draws lies from that of KL(p_data || g), in lengths of it."""
    loss = estimator.generator_loss(
        world.game(None), {"real": torch.zeros(20_000, 1)}, move_at(0, 1)
    )
    wanted = world.forward_kl_gradient()
    return ((flat_gradient(loss.total, world.generator) - wanted).norm() / wanted.norm()).item()


@pytest.mark.parametrize("rollouts", [0, 2])
def test_many_samples_give_the_gradient_of_maximum_likelihood(world, rollouts):
    """With the best D, with one weight a sequence or one a token, and whatever b."""
    assert off_by(world, ImportanceWeighted(rollouts, baseline_end=0.5)) < 0.08


def only_those_present(log_ratios: Tensor, mask: Tensor) -> Tensor:
    """The tempting normalisation, over the sequences that have a token at the position."""
    present = log_ratios.exp() * mask
    return present / present.sum(0)


def test_weights_that_forget_the_ended_sequences_are_found_out(
    tiny_generator, table_discriminator, monkeypatch
):
    torch.manual_seed(0)
    world = build_world("rows that end", tiny_generator, table_discriminator, shortness=2.0)
    assert off_by(world, ImportanceWeighted(2)) < 0.08
    monkeypatch.setattr(importance, "position_weights", only_those_present)
    assert off_by(world, ImportanceWeighted(2)) > 0.3


def test_position_weights_by_hand():
    """Three sequences, of which the second ends after one token and the third after two."""
    ratios = torch.tensor([[1.0, 2.0, 4.0], [3.0, 0.0, 0.0], [6.0, 5.0, 0.0]])
    mask = torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 0]]).bool()
    weights = position_weights(ratios.log(), mask)
    wanted = torch.tensor([[0.1, 0.2, 4 / 12], [0.3, 0.3, 3 / 12], [0.6, 0.5, 5 / 12]])
    torch.testing.assert_close(weights, wanted)
    twice = torch.cat([ratios.log() - 400, ratios.log() + 400]), torch.cat([mask, mask])
    torch.testing.assert_close(position_weights(*twice, 2), torch.cat([wanted, wanted]))
    # Over both at once the lower three rows have nothing left.
    assert position_weights(*twice)[:3].sum() == 0


def test_weighted_likelihood_by_hand():
    log_probs = torch.tensor([[-1.0, -2.0], [-3.0, -4.0]], requires_grad=True)
    weights = torch.tensor([[0.75, 0.25], [0.5, 0.5]], requires_grad=True)
    value = weighted_likelihood(log_probs, weights, baseline=0.5)
    assert value.tolist() == [-0.5 * 1 + 0 * 2, -0.25 * 3 - 0.25 * 4]
    slopes = torch.autograd.grad(value.sum(), (log_probs, weights), allow_unused=True)
    assert slopes[0].tolist() == [[0.5, 0.0], [0.25, 0.25]]
    assert slopes[1] is None, "no gradient through the weights"


@pytest.mark.parametrize(("round_number", "baseline"), [(0, 0.0), (3, 0.5), (6, 1.0)])
def test_the_loss_in_small_by_loops(world, monkeypatch, round_number, baseline):
    """-sum_i (r_i / sum r - b/m) log g(x_i), with b a half of its end in the middle of the phase."""
    tokens = world.sequences[torch.tensor([0, 3, 9])]
    game = world.game(None)
    monkeypatch.setattr(game, "draw", lambda n, batch, rng: tokens)
    loss = ImportanceWeighted().generator_loss(
        game, {"real": torch.zeros(3, 1)}, move_at(round_number, 7)
    )
    odds = [math.exp(game.discriminate(row[None]).score.item()) for row in tokens]
    weights = [r / sum(odds) for r in odds]
    log_probs = world.generator.sequence_log_prob(tokens).tolist()
    total = -sum((w - baseline / 3) * p for w, p in zip(weights, log_probs, strict=True))
    assert loss.total.item() == pytest.approx(total, rel=1e-4)
    size = 1 / sum(w * w for w in weights)
    assert loss.logs["effective_sample_size"].item() == pytest.approx(size, rel=1e-4)


class Silent(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        raise AssertionError("a null reward asks D nothing")


@pytest.mark.parametrize(("rollouts", "kept"), [(0, 0), (2, 0), (0, 2), (2, 2)])
def test_null_rewards_ask_nobody(tiny_generator, rollouts, kept):
    """With constant weights and b = 1 G learns nothing from its own tokens; with random ones it walks."""
    generator = tiny_generator()
    game = AdversarialGame(generator, Discriminator(Silent(), 1), non_saturating())
    batch = {"real": generator.sample(16, rng=torch.Generator().manual_seed(0))}
    constant, random = (
        ImportanceWeighted(rollouts, kept, baseline_end=baseline, reward=reward)
        for reward, baseline in (("constant", 1.0), ("random", 0.0))
    )
    loss = constant.generator_loss(game, batch, move_at(0, 1))
    assert flat_gradient(loss.total, generator).norm() < 1e-6
    assert loss.logs["effective_sample_size"].item() == pytest.approx(16)
    first, second = (random.generator_loss(game, batch, move_at(0, 9, seed)) for seed in (1, 2))
    assert first.total != second.total
    count = 16 if kept == 0 else 8
    assert 1 < first.logs["effective_sample_size"] < count


def test_constant_weights_leave_the_kept_tokens_likelihood(tiny_generator):
    """With b in the middle at 1/2: all of the prefix, half of the mean of what G wrote."""
    generator = tiny_generator()
    game = AdversarialGame(generator, Discriminator(Silent(), 1), non_saturating())
    real = torch.tensor([[3, 2, 0, 0, 0], [4, 2, 0, 0, 0], [6, 2, 0, 0, 0]])
    estimator = ImportanceWeighted(kept=2, kept_step=1, reward="constant")
    loss = estimator.generator_loss(game, {"real": real}, move_at(1, 5)).total
    assert loss.item() == pytest.approx(-generator.sequence_log_prob(real).mean().item())


@pytest.mark.parametrize("offset", [-300.0, 300.0])
def test_extreme_verdicts_give_the_same_weights(world, offset):
    """Only differences of logits count, in completions too; exp(300) is beyond float32."""
    losses = []
    for shift in (0.0, offset):
        table = world.discriminator.trunk.scores
        table += shift
        try:
            losses.append(
                ImportanceWeighted(2)
                .generator_loss(world.game(None), {"real": torch.zeros(50, 1)}, move_at(0, 1))
                .total
            )
        finally:
            table -= shift
    torch.testing.assert_close(*losses, rtol=1e-3, atol=1e-3)


def test_completions_are_scored_alike_with_and_without_shared_windows(
    tiny_generator, tiny_text_discriminator, monkeypatch
):
    """A TextCNN scores completions by what they share with their prefix."""
    game = AdversarialGame(tiny_generator(), tiny_text_discriminator(), non_saturating())
    batch = {"real": torch.zeros(12, 1)}
    shared = ImportanceWeighted(3).generator_loss(game, batch, move_at(0, 1)).total
    trunk = game.players["discriminator"].trunk
    game.players["discriminator"].trunk = nn.Sequential(trunk)
    plain = ImportanceWeighted(3).generator_loss(game, batch, move_at(0, 1)).total
    torch.testing.assert_close(shared, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{}, {"rollouts": 3}, {"kept": 1, "continuations": 3}, {"rollouts": 3, "kept": 1}]
)
def test_chunks_do_not_change_the_loss(world, settings):
    found = []
    for rows in (1, 2, 1000):
        estimator = ImportanceWeighted(**settings, chunk_rows=rows)
        batch = {"real": world.sequences[:4]}
        loss = estimator.generator_loss(world.game(estimator), batch, move_at(0, 2))
        found.append((loss.total.item(), loss.logs["effective_sample_size"].item()))
    assert found[0] == pytest.approx(found[2], rel=1e-5)
    assert found[1] == pytest.approx(found[2], rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rollouts": -1}, "rollouts is -1; it must be at least 0"),
        ({"kept": -1}, "kept is -1"),
        ({"kept_step": 0}, "kept_step is 0"),
        ({"continuations": 1}, "continuations is 1; it must be at least 2"),
        ({"chunk_rows": 0}, "chunk_rows is 0; it must be at least 1"),
        ({"reward": "constand"}, "Did you mean 'constant'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        ImportanceWeighted(**settings)

"""MaliGAN's mixed training: real prefixes continued, with and without rollouts, by exact sums and loops."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import small_worlds as small
import torch
from small_worlds import SmallWorld, build_world, z_scores
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.estimators import importance_weights
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.pools import Pool
from seqgan_kit.methods import maligan
from seqgan_kit.methods.maligan import MaliGANMethod
from seqgan_kit.sequences.estimators import importance
from seqgan_kit.sequences.estimators.importance import (
    ImportanceWeighted,
    kept_tokens,
)
from seqgan_kit.sequences.fine_tuning import FineTuning

PREFIXES = 12_000


@pytest.fixture(scope="module", params=small.WORLDS)
def world(request, tiny_generator, table_discriminator) -> SmallWorld:
    torch.manual_seed(0)
    return build_world(request.param, tiny_generator, table_discriminator)


def move_at(round_number: int, rounds: int, seed: int = 1) -> Move:
    return Move("adversarial", round_number, rounds, torch.Generator().manual_seed(seed))


def mixed_contributions(world: SmallWorld, real: Tensor, kept: int, rollouts: int = 0) -> Tensor:
    """[B,P]: minus what each of B real prefixes and its two continuations add to the loss's gradient."""
    seen: dict[str, Tensor] = {}
    generator = world.generator
    plain = type(generator).log_probs.__get__(generator)

    def recording(tokens: Tensor) -> Tensor:
        seen["tokens"], seen["log_probs"] = tokens, plain(tokens)
        return seen["log_probs"]

    generator.log_probs = recording  # type: ignore[method-assign]
    try:
        estimator = ImportanceWeighted(rollouts, kept, continuations=2, baseline_end=0.7)
        loss = estimator.generator_loss(world.game(None), {"real": real}, move_at(1, 4)).total
    finally:
        del generator.log_probs
    slopes = -len(real) * torch.autograd.grad(loss, seen["log_probs"])[0].double()
    rows = torch.einsum("bt,btp->bp", slopes, world.jacobian[world.index(seen["tokens"])])
    return rows.view(len(real), 2, -1).sum(1)


def mixed_expectation(world: SmallWorld, kept: int) -> Tensor:
    """[S,P]: for each sequence as the real one, the gradient of its prefix's log-probability and the mean of
    sum_j w_j grad log g(y_j | prefix) over all pairs of continuations."""
    g, logits, rows = world.probabilities, world.logits, []
    later = world.jacobian[:, kept:].sum(1)
    for index, row in enumerate(world.sequences):
        begins = (world.sequences[:, :kept] == row[:kept]).all(1)
        chance = g[begins] / g[begins].sum()
        share = (logits[begins][:, None] - logits[begins][None, :]).sigmoid()
        weighted = 2 * (chance[:, None] * chance[None, :] * share).sum(1) @ later[begins]
        rows.append(world.jacobian[index, :kept].sum(0) + weighted)
    return torch.stack(rows)


@pytest.mark.parametrize("kept", [1, 2])
def test_mixed_training_in_the_mean_by_enumeration(world, kept):
    which = torch.arange(PREFIXES) % len(world.sequences)
    rows = mixed_contributions(world, world.sequences[which], kept)
    exact = mixed_expectation(world, kept)[which]
    along, each = z_scores(rows - exact + exact.mean(0), exact.mean(0))
    assert along < 4
    assert each < 5
    # The test has teeth: the truth lies many standard errors from zero.
    assert rows.std(0).norm() / PREFIXES**0.5 < exact.mean(0).norm() / 10


def mean_odds(world: SmallWorld, begins: Tensor, rollouts: int) -> list[tuple[float, float]]:
    """Every mean r of N completions of a prefix, with its probability; ``begins`` [S] marks their rows."""
    chance, odds = world.probabilities[begins], world.logits[begins].exp()
    chance = chance / chance.sum()
    return [
        (math.prod(chance[list(which)].tolist()), odds[list(which)].mean().item())
        for which in itertools.product(range(len(odds)), repeat=rollouts)
    ]


def full_expectation(world: SmallWorld, kept: int, rollouts: int) -> Tensor:
    """[S,P]: as ``mixed_expectation``, where a token's weight is Q_1 / (Q_1 + Q_2) and Q the mean r of N
    completions of all tokens up to it: sums over both tokens, and over all completions of both."""
    g, rows = world.probabilities, []
    for index, row in enumerate(world.sequences):
        begins = (world.sequences[:, :kept] == row[:kept]).all(1)
        total = world.jacobian[index, :kept].sum(0)
        for place in range(kept, world.sequences.shape[1]):
            ways = world.sequences[begins][:, : place + 1].unique(dim=0)
            marks = [(world.sequences[:, : place + 1] == way).all(1) for way in ways]
            chances = [(g[mark].sum() / g[begins].sum()).item() for mark in marks]
            odds = [mean_odds(world, mark, rollouts) for mark in marks]
            slopes = [world.jacobian[mark][0, place] for mark in marks]
            for (p, mine, slope), (q, other) in itertools.product(
                zip(chances, odds, slopes, strict=True), zip(chances, odds, strict=True)
            ):
                share = sum(
                    a * b * x / (x + y) for (a, x), (b, y) in itertools.product(mine, other)
                )
                total = total + 2 * p * q * share * slope
        rows.append(total)
    return torch.stack(rows)


@pytest.mark.parametrize("kept", [1, 2])
def test_mixed_training_with_rollouts_in_the_mean_by_enumeration(world, kept):
    """MaliGAN-full. One completion has the mean gradient of weights by whole sequences; that of two differs,
    by less than these draws show: what follows by loops tells them apart."""
    one = full_expectation(world, kept, 1)
    torch.testing.assert_close(one, mixed_expectation(world, kept), rtol=1e-4, atol=1e-6)
    which = torch.arange(PREFIXES) % len(world.sequences)
    rows = mixed_contributions(world, world.sequences[which], kept, rollouts=2)
    exact = full_expectation(world, kept, 2)[which]
    along, each = z_scores(rows - exact + exact.mean(0), exact.mean(0))
    assert along < 4
    assert each < 5
    assert rows.std(0).norm() / PREFIXES**0.5 < exact.mean(0).norm() / 10


def test_mixed_training_with_rollouts_by_loops(world, monkeypatch):
    """-mean_i [sum_t<n log g(x_t) + sum_j sum_t>=n (Q_ijt / sum_j Q_ijt - b/M) log g(y_ijt)], Q the mean of
    these N completions' r, the row's own r at its last token and after it."""
    kept, copies, seen = 1, 3, {}
    plain = importance.try_actions

    def recording(generator, tokens, reward, rollouts, **options):
        assert options["shortest"] == kept + 1
        seen["tokens"] = tokens
        seen["tried"] = plain(generator, tokens, reward, rollouts, **options)
        return seen["tried"]

    monkeypatch.setattr(importance, "try_actions", recording)
    game, real = world.game(None), world.sequences[torch.tensor([0, 5, 7, 11])]
    estimator = ImportanceWeighted(2, kept, continuations=copies, baseline_end=0.7)
    loss = estimator.generator_loss(game, {"real": real}, move_at(1, 4)).total
    tokens, odds = seen["tokens"], seen["tried"].rewards.exp()
    mask, log_probs = world.generator.token_mask(tokens), world.generator.log_probs(tokens)
    own = game.discriminate(tokens).score.exp()
    values = torch.zeros(tokens.shape)
    for row, place in itertools.product(range(len(tokens)), range(kept, 3)):
        last = place == 2 or not mask[row, place + 1]
        values[row, place] = own[row] if last else odds[row, place].mean()
    total = 0.0
    for i, row in enumerate(real):
        group = range(i * copies, (i + 1) * copies)
        total += world.generator.log_probs(row[None])[0, :kept].sum().item()
        for j, place in itertools.product(group, range(kept, 3)):
            weight = values[j, place] / sum(values[k, place] for k in group)
            if mask[j, place]:
                total += ((weight - 0.7 / 3 / copies) * log_probs[j, place]).item()
    assert loss.item() == pytest.approx(-total / len(real), rel=1e-4)


def test_the_pool_waits_while_prefixes_are_kept(tiny_generator, tiny_text_discriminator):
    """D reads it before the adversarial rounds and once nothing is kept: only then is it filled."""
    method = MaliGANMethod(kept=3, kept_step=3)
    game = maligan.build(
        tiny_generator(), tiny_text_discriminator(), method, FineTuning(negatives=4)
    )
    pool = game.players["negatives"]

    def filled(move: Move) -> bool:
        pool.samples.fill_(-1)
        game.draw_negatives({}, move)
        return bool((pool.samples >= 0).all())

    assert [filled(move_at(n, 4)) for n in range(4)] == [False, False, True, True]
    assert filled(replace(move_at(0, 4), phase="pretrain-discriminator"))


@pytest.mark.parametrize(
    "broken",
    [
        lambda logs: importance_weights(logs.flatten()).view(logs.shape) * len(logs),
        lambda logs: importance_weights(logs, dim=0) * len(logs) / 2,
        lambda logs: torch.full_like(logs, 0.5),
    ],
    ids=["over all prefixes", "over the other prefixes", "all alike"],
)
def test_weights_not_of_the_prefixs_own_group_are_found_out(world, broken, monkeypatch):
    monkeypatch.setattr(importance, "importance_weights", broken)
    which = torch.arange(PREFIXES) % len(world.sequences)
    rows = mixed_contributions(world, world.sequences[which], 1)
    exact = mixed_expectation(world, 1)[which]
    along, each = z_scores(rows - exact + exact.mean(0), exact.mean(0))
    assert max(along, each) > 6


@pytest.mark.parametrize(("kept", "step"), [(30, 5), (31, 5), (4, 9), (1, 1), (0, 5)])
@pytest.mark.parametrize("rounds", [1, 2, 9, 200])
def test_kept_tokens_fall_to_none_within_the_phase(kept, step, rounds):
    course = [kept_tokens(move_at(n, rounds).progress, kept, step) for n in range(rounds)]
    assert course[-1] == 0
    assert course == sorted(course, reverse=True)
    levels = {max(0, kept - step * n) for n in range(math.ceil(kept / step) + 1)}
    assert set(course) <= levels
    if rounds == 200:
        assert course[0] == kept
        assert set(course) == levels
        assert course.count(0) >= 200 // len(levels) - 1, "the last level is no single round"


def test_a_sequence_keeps_at_most_all_tokens_but_one():
    estimator = ImportanceWeighted(kept=30)
    assert estimator.kept_at(move_at(0, 9), 20) == 19
    assert estimator.kept_at(move_at(8, 9), 20) == 0
    assert estimator.kept_at(move_at(0, 9), 200) == 30


def test_mixed_training_ends_in_the_plain_one(world, monkeypatch):
    """In the last round no prefix is continued, and the log says what is kept."""
    estimator, game = ImportanceWeighted(kept=2, kept_step=1), world.game(None)
    batch = {"real": world.sequences[:6]}
    kept = [
        estimator.generator_loss(game, batch, move_at(n, 3)).logs["kept_tokens"] for n in range(3)
    ]
    assert kept == [2, 1, 0]
    plain = ImportanceWeighted().generator_loss(game, batch, move_at(2, 3))
    assert torch.equal(estimator.generator_loss(game, batch, move_at(2, 3)).total, plain.total)
    assert "kept_tokens" not in plain.logs


def test_fakes_share_the_kept_prefixes_and_else_come_from_the_pool(
    tiny_generator, tiny_text_discriminator
):
    game = AdversarialGame(tiny_generator(), tiny_text_discriminator(), non_saturating())
    batch = {"real": torch.tensor([[3, 4, 2, 0, 0], [5, 6, 3, 4, 2], [6, 2, 0, 0, 0]])}
    estimator = ImportanceWeighted(kept=3, kept_step=3)
    fakes = estimator.fakes(game, batch, 3, move_at(0, 2))
    assert fakes.shape == (3, 5)
    assert torch.equal(fakes[:, :3], batch["real"][:, :3])
    free = [estimator.fakes(game, batch, 64, move_at(1, 2, seed)) for seed in (1, 2)]
    assert free[0].shape == (64, 5)
    assert not torch.equal(*free)
    pool = Pool(4, torch.zeros(5, dtype=torch.int64))
    pool.refill(torch.arange(4)[:, None].expand(4, 5))
    game.players["negatives"] = pool
    assert torch.equal(estimator.fakes(game, batch, 3, move_at(0, 2))[:, :3], batch["real"][:, :3])
    assert estimator.fakes(game, batch, 3, move_at(1, 2))[:, 0].tolist() == [0, 1, 2]
    before = replace(move_at(0, 2), phase="pretrain-discriminator")
    assert estimator.fakes(game, batch, 3, before)[:, 0].tolist() == [3, 0, 1]

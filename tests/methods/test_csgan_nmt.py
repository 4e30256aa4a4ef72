"""CSGAN-NMT: its schedule, its rewards by enumeration, clipped weights, and short first steps."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from policy_worlds import World, build_world, contributions, distance
from small_worlds import flat_gradient

import seqgan_kit as sk
from seqgan_kit.core.game import Reached
from seqgan_kit.errors import UsageError
from seqgan_kit.methods import csgan_nmt
from seqgan_kit.methods.csgan_nmt import CSGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.pair_cnn import PairCNNConfig
from seqgan_kit.sequences.estimators.rewards import Reward
from seqgan_kit.sequences.fine_tuning import FineTuning

GIVEN, LENGTH, VOCABULARY = 2, 4, 7
TUNING = FineTuning(
    batch_size=6, negatives=12, pretrain_pools=5, discriminator_moves=2, rounds=3, pools=1,
    teacher_forcing_moves=1, generator_learning_rate=1e-3, discriminator_learning_rate=1e-2,
    score_l2=0.0,
)  # fmt: skip


@pytest.fixture
def new_game(tiny_generator):
    def new(method: CSGANMethod, reward: Reward | None = None):
        generator = tiny_generator(VOCABULARY, LENGTH, given=GIVEN)
        choice = DiscriminatorChoice("pair_cnn", pair_cnn=PairCNNConfig(4, 4))
        judge = build_discriminator(choice, VOCABULARY, GIVEN + LENGTH, pad=0, given=GIVEN)
        return csgan_nmt.build(generator, judge, method, TUNING, reward or Reward(bias=0.5))

    return new


def rows(n: int = 24) -> torch.Tensor:
    rng = torch.Generator().manual_seed(0)
    found = torch.randint(3, VOCABULARY, (n, GIVEN + LENGTH), generator=rng)
    found[:, -1] = 2
    return found


def test_the_phases_are_the_papers():
    teach, judge, play = csgan_nmt.phases(CSGANMethod(), TUNING, GIVEN)
    assert judge.until == Reached("discriminator_accuracy", 0.82)
    losses = [(turn.loss or turn.rule, turn.moves) for turn in play.turns]
    assert losses == [
        ("generator_loss", 1),
        ("translation_loss", 1),
        ("draw_negatives", 2),
        ("discriminator_loss", 2),
    ]
    assert {turn.optimizer.name for turn in play.turns if turn.optimizer} == {"rmsprop"}
    assert teach.turns[0].optimizer.name == "adam"
    clipped = [turn.loss for phase in (judge, play) for turn in phase.turns if turn.after_step]
    assert clipped == ["discriminator_loss"] * 2
    other = CSGANMethod(target_accuracy=0, weight_clip=0, optimizer="adam")
    _, judge, play = csgan_nmt.phases(other, TUNING, GIVEN)
    assert judge.until is None
    assert not any(turn.after_step for turn in play.turns)


def first_step(method: CSGANMethod) -> float:
    """The largest change of a parameter by the first update of G, in learning rates."""
    weight = torch.nn.Parameter(torch.randn(50, generator=torch.Generator().manual_seed(0)))
    before = weight.detach().clone()
    optimizer = csgan_nmt.phases(method, TUNING, GIVEN)[2].turns[0].optimizer
    built = optimizer.build([weight])
    for group in built.param_groups:
        group["lr"] = optimizer.rate_at(0.0, 0)
    (weight * torch.randn(50)).sum().backward()
    built.step()
    return ((weight - before).abs().max() / TUNING.generator_learning_rate).item()


def test_the_first_step_of_rmsprop_is_not_longer_than_the_learning_rate():
    """Its squared gradients start at 0, so without a warm-up it would be 1 / sqrt(1 - smoothing) times it."""
    assert first_step(CSGANMethod()) < 1
    assert first_step(CSGANMethod(warmup_moves=0)) == pytest.approx(0.1**-0.5, rel=1e-3)
    assert first_step(CSGANMethod(warmup_moves=0, smoothing=0.99)) == pytest.approx(10, rel=1e-3)


def test_weights_of_d_are_clipped_and_its_pretraining_ends_at_the_accuracy(new_game):
    """Fakes of an untrained generator are told from real rows at once."""
    method = CSGANMethod(rollouts=2, target_accuracy=0.75, weight_clip=0.5, warmup_moves=0)
    game = new_game(method)
    tuning = replace(TUNING, pretrain_pools=40, discriminator_learning_rate=3e-2)
    phases = csgan_nmt.phases(method, tuning, GIVEN)[1:]
    values = []
    trainer = sk.Trainer(
        game, phases, sk.TensorFeed({"real": rows()}, 6, seed=0), quiet=True, device="cpu",
        callbacks=[lambda report: values.append((report.phase, report.values))],
    )  # fmt: skip
    trainer.fit()
    judged = [v["discriminator_accuracy"] for phase, v in values if phase != "adversarial"]
    assert len(judged) < tuning.pretrain_pools
    assert judged[-1] >= 0.75 > max(judged[:-1], default=0)
    assert max(p.abs().max() for p in game.discriminator.parameters()) <= 0.5


def test_teacher_forcing_is_the_likelihood_of_whole_rows(new_game, move):
    game, real = new_game(CSGANMethod()), {"real": rows(6)}
    loss = game.loss("translation_loss", real, move)
    expected = -game.generator.sequence_log_prob(real["real"]).mean()
    torch.testing.assert_close(loss.total, expected)
    per_token = game.loss("mle_loss", real, move).total
    torch.testing.assert_close(loss.logs["nll_train"], per_token)


def closeness(tokens: torch.Tensor) -> torch.Tensor:
    """An objective that reads the source."""
    return (tokens[:, GIVEN:] == tokens[:, :1]).float().mean(1)


@pytest.mark.parametrize(("weight", "bias"), [(1.0, 0.5), (0.7, 0.5)])
def test_the_estimate_is_the_gradient_of_the_papers_reward(
    tiny_generator, table_discriminator, weight, bias
):
    """CSGAN-NMT: D - b; BR-CSGAN: lambda (D - b) + (1 - lambda) BLEU; both by sums over all translations."""
    world: World = build_world(
        "every row full", tiny_generator, table_discriminator, [(0, 1), (2, 2)]
    )
    rewards = weight * (world.rewards - bias) + (1 - weight) * closeness(world.sequences)
    expected = (world.generator.sequence_log_prob(world.sequences).exp() * rewards).sum() / 2
    world = replace(world, gradient=flat_gradient(expected, world.generator))
    reward = Reward(closeness, weight, bias) if weight < 1 else Reward(bias=bias)
    method, players = CSGANMethod(rollouts=3), copy.deepcopy(world.game.players)
    game = csgan_nmt.build(players["generator"], players["discriminator"], method, TUNING, reward)
    rows = contributions(world, game.estimator)
    along, each = distance(world, rows)
    assert along < 4
    assert each < 5


def test_runs_without_sources_are_refused(tiny_generator, tiny_text_discriminator):
    with pytest.raises(
        UsageError, match="csgan_nmt translates, and nothing is given: give sources"
    ):
        csgan_nmt.build(tiny_generator(), tiny_text_discriminator(), CSGANMethod(), TUNING)

"""ORGAN: the mixed reward, the penalty of copies, and the authors' settings."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seqgan_kit.cli.recipe_commands import load_recipe
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Epochs
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.organ import ORGANMethod, build, phases
from seqgan_kit.sequences.estimators.repeats import DividedByCopies
from seqgan_kit.sequences.estimators.rewards import Reward
from seqgan_kit.sequences.fine_tuning import FineTuning

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "organ.py"


def first_token(rows: torch.Tensor) -> torch.Tensor:
    return rows[:, 0].float()


def test_copies_share_their_value():
    """Rows a, b, a, a with values 5, 3, 5, 5: two of four are distinct, so a gets 5 * 1/2 / 3, b 3 * 1/2."""
    a, b = [5, 2, 0], [3, 4, 2]
    values = DividedByCopies(first_token)(torch.tensor([a, b, a, a]))
    torch.testing.assert_close(values, torch.tensor([5 / 6, 3 / 2, 5 / 6, 5 / 6]))
    distinct = torch.tensor([a, b])
    assert torch.equal(DividedByCopies(first_token)(distinct), first_token(distinct))


@pytest.mark.parametrize("divided", [True, False])
def test_the_reward_is_the_mixture(tiny_generator, tiny_text_discriminator, rng, divided):
    """Whole rows: Q = lambda D + (1 - lambda) O U / c, with the copies of the batch."""
    method = ORGANMethod(rollouts=0, rollout_lag=0.0, divide_by_copies=divided)
    reward = Reward(first_token, 0.25)
    players = tiny_generator(), tiny_text_discriminator()
    game = build(*players, method, FineTuning(negatives=0), reward)
    rows = game.sample(5, rng=rng)
    rows = torch.cat([rows, rows[:2]])
    objective = DividedByCopies(first_token)(rows) if divided else first_token(rows)
    verdict = game.discriminator.eval()(rows).score.detach().sigmoid()
    values = game.estimator.action_values(game, rows, rng)
    wanted = 0.25 * verdict + 0.75 * objective
    torch.testing.assert_close(values, wanted.unsqueeze(1).expand_as(values))


@pytest.mark.parametrize("length", [5, 70])
def test_completions_of_one_length_are_scored_together(
    tiny_generator, tiny_text_discriminator, rng, length
):
    """So that copies are counted among all of them: each call has N completions of every open row."""
    calls = []

    def counted(rows: torch.Tensor) -> torch.Tensor:
        calls.append(len(rows))
        return torch.ones(len(rows))

    players = tiny_generator(length=length, eos=None), tiny_text_discriminator(length=length)
    method, training = ORGANMethod(rollouts=3), FineTuning(negatives=0, batch_size=600)
    game = build(*players, replace(method, divide_by_copies=False), training, Reward(counted, 0.5))
    game.estimator.action_values(game, game.sample(600, rng=rng), rng)
    assert sorted(calls) == [600] + [1800] * (length - 1)


def test_without_an_objective_it_is_refused(tiny_generator, tiny_text_discriminator):
    players = tiny_generator(), tiny_text_discriminator()
    with pytest.raises(UsageError, match=r"ORGAN needs an objective.*the method seqgan"):
        build(*players, ORGANMethod(), FineTuning(), Reward())


def test_the_authors_settings():
    """gablg1/ORGAN, __init__.py, generator.py, rollout.py and discriminator.py."""
    config = load_recipe(RECIPE).PRESETS["paper"]
    training, judge, writer = config.training, config.discriminator.textcnn, config.generator.lstm
    pretrain, judged, adversarial = phases(config.method, training)
    assert (pretrain.rounds, judged.rounds) == (240, 50)
    learn, follow, *pools = adversarial.turns
    assert (learn.moves, follow.rule, len(pools)) == (2, "follow_generator", 6)
    assert pools[1].moves == Epochs(3.0)
    rates = {turn.optimizer.learning_rate for turn in (learn, pools[1], pretrain.turns[0])}
    assert rates == {1e-3}
    assert (training.batch_size, training.clip_norm, training.score_l2) == (64, 5.0, 0.2)
    assert (config.method.rollouts, config.method.rollout_lag) == (16, 0.8)
    assert config.method.divide_by_copies
    assert config.objective.reward_lambda == 0.5
    assert (writer.embedding, writer.hidden) == (32, 32)
    assert (judge.embedding, judge.dropout) == (64, 0.25)
    assert [width for width, _ in judge.filters] == [*range(1, 11), 15, 20]
    assert [n for _, n in judge.filters] == [100, *[200] * 4, *[100] * 5, 160, 160]


@pytest.mark.parametrize("divided", [True, False])
def test_the_objective_rises_and_the_penalty_keeps_variety(
    tiny_generator, tiny_text_discriminator, new_run, divided
):
    """The objective is the share of one token. Without the penalty all samples become its repetition."""

    def share(rows: torch.Tensor) -> torch.Tensor:
        return rows.eq(3).float().mean(1)

    method = ORGANMethod(0, 0.0, divide_by_copies=divided, baseline="batch")
    training = FineTuning(
        mle_epochs=0, pretrain_pools=0, rounds=1, generator_moves=60, pools=0, batch_size=64,
        negatives=0, generator_learning_rate=0.05,
    )  # fmt: skip
    players = tiny_generator(eos=None), tiny_text_discriminator()
    game = build(*players, method, training, Reward(share, 0.0))

    def samples() -> torch.Tensor:
        return game.sample(500, rng=torch.Generator().manual_seed(1))

    before = share(samples()).mean().item()
    feed = TensorFeed({"real": torch.zeros(64, 5, dtype=torch.int64)}, 64, seed=0)
    Trainer(new_run(), game, phases(method, training), feed).fit()
    after = samples()
    distinct = len(after.unique(dim=0)) / len(after)
    assert share(after).mean().item() > before + 0.1
    assert distinct > 0.1 if divided else distinct < 0.05

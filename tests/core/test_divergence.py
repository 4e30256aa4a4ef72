"""Diverging runs stop with one sentence, or record an alarm."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import tiny_games as tiny
import torch
from pull_game import Train
from torch import nn

from seqgan_kit.core.game import Game, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.training.alarms import AboveChance, ExplodingGradient
from seqgan_kit.core.training.cursor import FiniteCheck
from seqgan_kit.core.training.trainer import Hooks
from seqgan_kit.errors import DataError, TrainingError


def test_parameters_beyond_measure_stop_the_run_at_their_step(train: Train) -> None:
    """The loss of that update was finite; the next would be nan or, worse, a meaningless number."""
    wild = Turn(("a",), loss="a_loss", optimizer=Optimizer(1e30, "sgd"))
    with pytest.raises(
        TrainingError,
        match=r"The norm of a's parameters \(learning rate 1e\+30\) became inf at update 0\. .*Lower the",
    ):
        train(Phase("one", (wild,), 3))


@pytest.mark.parametrize(("value", "bad"), [(1e11, False), (2e12, True), (math.nan, True)])
def test_norms_of_parameters(value: float, bad: bool) -> None:
    check = FiniteCheck(torch.device("cpu"), lambda: "Advice.")
    parameters = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.tensor([value]))]
    if not bad:
        check.add_parameters(("generator",), parameters, 7, 0.1)
        return
    with pytest.raises(TrainingError, match=r"at update 7\. Advice\."):
        check.add_parameters(("generator",), parameters, 7, 0.1)


def test_the_flag_of_the_learning_rate_is_named() -> None:
    rates = {"generator_learning_rate": 0.1, "mle_learning_rate": 0.2, "clip_norm": 0.1}
    check = FiniteCheck(
        torch.device("cpu"), lambda: "", settings={"run": {"seed": 0}, "method": rates}
    )
    with pytest.raises(TrainingError, match=r"Lower --generator-learning-rate, clip"):
        check.add("generator_loss", 7, torch.tensor(math.nan), Optimizer(0.1, "sgd"))


def test_an_evaluation_that_finds_nonsense_says_what_to_do(tmp_path: Path) -> None:
    def evaluate(game: Game, rng: torch.Generator) -> dict[str, float]:
        raise DataError("log-probabilities are numbers up to 0; got 6e+25.")

    config = tiny.Config("penalty", rounds=5)
    with pytest.raises(
        TrainingError, match=r"after update 9 cannot .* 6e\+25.* has diverged\. .*Lower"
    ):
        tiny.play(config, tmp_path / "run", hooks=Hooks(evaluate))


def test_a_loss_above_chance_is_reported_once_a_stretch() -> None:
    alarm, tally = AboveChance(2.0, rounds=2), dict[str, int]()
    values = [2.1, 9.0, 9.0, 9.0, 2.0, math.nan, math.nan]
    rung = [alarm.check({"nll_train": value}, tally) for value in values]
    assert [i for i, message in enumerate(rung) if message] == [2, 6]
    assert "nll_train is 9, more than 1.5 times the 2 of a uniform guess" in (rung[2] or "")
    assert alarm.check({}, tally) is None


def test_an_exploding_gradient_is_reported() -> None:
    alarm, tally = ExplodingGradient(rounds=2), dict[str, int]()
    norms = [1e7, 1.0, 1e7, 1e8, 1e9]
    rung = [alarm.check({"generator_gradient_norm": norm}, tally) for norm in norms]
    assert [i for i, message in enumerate(rung) if message] == [3]


def test_every_run_watches_its_gradients(train: Train) -> None:
    steep = Turn(("a",), loss="steep_loss", optimizer=Optimizer(1e-12, "sgd", clip_norm=1.0))
    played = train(Phase("one", (steep,), 4))
    (row,) = played.rows("alarm")
    assert row["message"].startswith("a_gradient_norm was above 1e+06 for 3 rounds")

"""The training loop: order of updates, log rows, and mistakes found before the first update."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from pull_game import COUNT, MOVE_A, MOVE_B, TARGET, Config, Pull, Train, after, script

from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Batch, EarlyStop, Epochs, Loss, Move, Phase, Turn
from seqgan_kit.core.runs.log import read_metrics
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import LostDiversity, PinnedDiscriminator
from seqgan_kit.core.training.checkpoint import read_checkpoint
from seqgan_kit.core.training.trainer import Hooks, Trainer
from seqgan_kit.errors import TrainingError, UsageError


class TestOrderOfPlay:
    def test_turns_are_played_in_order_with_their_moves(self, train: Train) -> None:
        twice = replace(MOVE_A, moves=2)
        played = train(Phase("one", (twice, COUNT, MOVE_B), 2), Phase("two", (MOVE_B,), 1))
        assert played.game.played == ["a0", "a0", "c0", "b0", "a1", "a1", "c1", "b1", "b0"]
        assert played.point("a") == pytest.approx(after(4))
        assert played.point("b") == pytest.approx(after(3, start=-1.0))

    def test_moves_may_depend_on_the_round_and_be_none(self, train: Train) -> None:
        turn = replace(MOVE_A, moves=lambda round_number: (3, 0, 1)[round_number])
        played = train(Phase("one", (turn, COUNT), 3))
        assert played.game.played == ["a0", "a0", "a0", "c0", "c1", "a2", "c2"]

    @pytest.mark.parametrize(
        ("rounds", "moves", "expected"),
        # 12 rows in batches of 3: an epoch is 4 batches.
        [(5, 1, 5), (Epochs(3), 1, 12), (Epochs(3), 2, 6), (Epochs(0.5), 1, 2), (2, Epochs(1), 2)],
    )
    def test_rounds_and_epochs(self, train: Train, rounds: Any, moves: Any, expected: int) -> None:
        played = train(Phase("one", (replace(MOVE_A, moves=moves),), rounds))
        assert len(played.rows("train")) == expected
        assert played.rows("phase")[0]["values"] == {"rounds": expected}

    def test_an_epoch_of_moves_shows_every_row_once(self, train: Train) -> None:
        played = train(Phase("one", (replace(MOVE_A, moves=Epochs(1)),), 1))
        seen = torch.cat(played.game.seen)
        assert sorted(seen.tolist()) == list(range(12))

    def test_epochs_of_a_phase_whose_moves_are_epochs_are_refused(self, train: Train) -> None:
        with pytest.raises(UsageError, match=r"'one' is counted in epochs.*a number of moves"):
            train(Phase("one", (replace(MOVE_A, moves=Epochs(1)),), Epochs(2)))

    def test_a_turn_without_a_feed_gets_an_empty_batch_and_takes_none(self, train: Train) -> None:
        played = train(Phase("one", (COUNT, replace(MOVE_A, feed=None)), 3))
        assert played.game.seen == []
        assert played.trainer.feeds["train"].state_dict()["position"] == 0

    def test_a_rule_follows_every_step_of_its_turn(self, train: Train) -> None:
        clipped = replace(MOVE_A, after_step="clamp_a")
        assert train(Phase("one", (clipped,), 9)).point() == 1.5


class TestRows:
    def test_rows(self, train: Train) -> None:
        turns = (replace(MOVE_A, moves=2), COUNT)
        hooks = Hooks(lambda game, rng: {"x": 4.0})
        played = train(
            Phase("one", turns, 1, evaluate_every_rounds=1),
            Phase("two", turns, 2, evaluate_every_rounds=-1),
            hooks=hooks,
        )
        rows = read_metrics(played.folder)
        where = [(r["kind"], r["phase"], r["round"], r["total_round"], r["move"]) for r in rows]
        assert where == [
            ("phase", "one", 0, 0, 0),
            ("train", "one", 1, 1, 3),
            ("evaluation", "one", 1, 1, 3),
            ("phase", "two", 0, 1, 3),
            ("train", "two", 1, 2, 6),
            ("train", "two", 2, 3, 9),
            ("phase", "two", 2, 3, 9),
        ]
        assert rows[-1]["message"] == "finished"
        assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(rows))
        losses = [0.5 * (after(k) - TARGET) ** 2 for k in range(6)]
        means = [(losses[k] + losses[k + 1]) / 2 for k in (0, 2, 4)]
        seen = [row["values"] for row in rows if row["kind"] == "train"]
        assert [v["a_loss"] for v in seen] == pytest.approx(means)
        assert [v["count"] for v in seen] == [1.0, 2.0, 3.0]

    def test_alarms_say_what_they_saw_once_and_again_when_it_comes_again(
        self, train: Train
    ) -> None:
        class Judged(Pull):
            def a_loss(self, batch: Batch, move: Move) -> Loss:
                right = 0.5 if move.round == 5 else 1.0
                return Loss(super().a_loss(batch, move).total, {"discriminator_accuracy": right})

        diversities = iter([0.9, 0.3, 0.2, 0.8, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9])
        hooks = Hooks(
            lambda game, rng: {"diversity": next(diversities)},
            alarms=(PinnedDiscriminator(rounds=4), LostDiversity(0.8)),
        )
        phase = Phase("one", (MOVE_A,), 10, evaluate_every_rounds=1)
        alarms = train(phase, game=Judged(), hooks=hooks).rows("alarm")
        assert [row["round"] for row in alarms] == [2, 4, 5, 10]
        assert "diversity is 0.3, below 50% of the data's 0.8" in alarms[0]["message"]
        assert "at least 99.9% for 4 rounds" in alarms[1]["message"]


class TestMistakes:
    @pytest.mark.parametrize(
        ("turn", "message"),
        [
            (replace(MOVE_A, players=("aa",)), r"unknown player 'aa'.*Did you mean 'a'"),
            (replace(MOVE_A, loss="a_los"), r"unknown loss or rule 'a_los'.*Did you mean 'a_loss'"),
            (replace(COUNT, rule="cuont"), r"unknown loss or rule 'cuont'.*Did you mean 'count'"),
            (replace(MOVE_A, after_step="clip"), r"unknown loss or rule 'clip'.*clamp_a"),
            (replace(MOVE_A, feed="trian"), r"unknown feed 'trian'.*Did you mean 'train'"),
        ],
    )
    def test_unknown_names_are_found_before_training(
        self, train: Train, turn: Turn, message: str
    ) -> None:
        game = Pull()
        with pytest.raises(UsageError, match=message):
            train(Phase("one", (MOVE_A,), 1), Phase("two", (turn,), 1), game=game)
        assert game.played == []

    @pytest.mark.parametrize(
        ("phases", "settings", "message"),
        [
            (
                (Phase("x", (MOVE_A,)),),
                {"best_metric": "fid"},
                "best_metric is 'fid'.*evaluates nothing",
            ),
            ((Phase("x", (MOVE_A,), early_stop=EarlyStop("fid")),), {}, "'x' stops early by 'fid'"),
            ((Phase("x", (MOVE_A,)), Phase("x", (MOVE_B,))), {}, "two phases are called 'x'"),
        ],
    )
    def test_what_cannot_work_is_refused_before_training(
        self,
        train: Train,
        phases: tuple[Phase, ...],
        settings: dict[str, Any],
        message: str,
    ) -> None:
        with pytest.raises(UsageError, match=message):
            train(*phases, **settings)

    def test_a_metric_that_no_evaluation_has(self, train: Train) -> None:
        with pytest.raises(UsageError, match=r"unknown metric of the evaluation 'scroe'.*'score'"):
            train(Phase("one", (MOVE_A,), 1), hooks=script([1.0]), best_metric="scroe")

    @pytest.mark.parametrize("saves", [True, False])
    def test_a_loss_that_is_not_finite_stops_the_run(
        self, train: Train, saves: bool, tmp_path: Path
    ) -> None:
        turn = replace(MOVE_A, loss="broken_loss")
        advice = rf"{tmp_path}.*move-000000001\.pt" if saves else "No checkpoint was written yet"
        with pytest.raises(
            TrainingError, match=rf"broken_loss became nan at update 1\. .*{advice}"
        ):
            train(Phase("one", (turn,), 3, save_every_rounds=1 if saves else 0))
        for path in tmp_path.rglob("*.pt"):
            assert read_checkpoint(path)["players"]["a"]["w"].isfinite().all()


def test_seed_decides_everything_random(train: Train) -> None:
    phase = Phase("one", (replace(MOVE_A, loss="noisy_loss"),), 4)
    points = [train(phase, seed=seed).point() for seed in (1, 1, 2)]
    assert points[0] == points[1] != points[2]


def test_several_feeds(tmp_path: Path) -> None:
    with open_run("pull", Config(RunSettings(out=tmp_path / "run", quiet=True))) as run:
        feeds = {
            "train": run.feed({"real": torch.zeros(4)}, 2),
            "text": TensorFeed({"real": torch.ones(6)}, 3, seed=0),
        }
        turns = (MOVE_A, replace(MOVE_A, feed="text"))
        game = Pull()
        Trainer(run, game, (Phase("one", turns, 2),), feeds).fit()
    assert [tensor.tolist() for tensor in game.seen] == [[0.0] * 2, [1.0] * 3] * 2

"""Between rounds: evaluation and samples without side effects, kept players, early stopping."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import tiny_games as tiny
import torch
from pull_game import COUNT, MOVE_A, Train, after, script

from seqgan_kit.core.game import EarlyStop, Game, Phase, Reached
from seqgan_kit.core.training.checkpoint import read_checkpoint
from seqgan_kit.core.training.trainer import Hooks
from seqgan_kit.errors import UsageError


class TestHooks:
    @pytest.mark.parametrize(
        ("every", "expected"), [(0, [5]), (2, [2, 4, 5]), (5, [5]), (7, [5]), (-1, [])]
    )
    def test_rounds_of_evaluation_samples_and_report(
        self, train: Train, every: int, expected: list[int]
    ) -> None:
        drawn: list[str] = []
        reported: list[Path] = []

        def draw(game: Game, rng: torch.Generator, path: Path) -> None:
            drawn.append(path.name)
            assert path.suffix == ""

        hooks = Hooks(lambda game, rng: {"x": 1.0}, draw, reported.append)
        phase = Phase("one", (MOVE_A,), 5, evaluate_every_rounds=every, sample_every_rounds=every)
        before = Phase("zero", (MOVE_A,), 10, evaluate_every_rounds=-1, sample_every_rounds=-1)
        played = train(before, phase, hooks=hooks)
        assert [row["round"] for row in played.rows("evaluation")] == expected
        assert drawn == [f"{10 + number:06d}" for number in expected]
        assert reported == [played.folder] * len(expected)

    @pytest.mark.parametrize("rounds", [1, 15, 21, 29, 30, 76, 90, 200, 2976, 200_000])
    def test_a_phase_that_does_not_say_how_often_has_a_curve(self, rounds: int) -> None:
        phase = Phase("one", (MOVE_A,), rounds, evaluate_every_rounds=None)
        assert min(15, rounds) <= rounds // phase.evaluate_every(rounds) <= 29

    def test_evenly_spaced_evaluations(self, train: Train) -> None:
        phase = Phase("one", (MOVE_A,), 41, evaluate_every_rounds=None)
        played = train(phase, hooks=Hooks(lambda game, rng: {"x": 1.0}))
        expected = [*range(2, 41, 2), 41]
        assert [row["round"] for row in played.rows("evaluation")] == expected

    def test_what_could_not_be_saved_is_refused_before_training(self, train: Train) -> None:
        played: list[str] = []

        class Scorer:
            def check(self, game: Game) -> None:
                played.extend(game.players)
                raise UsageError("this cannot be saved")

            def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
                raise AssertionError("trained in vain")

        with pytest.raises(UsageError, match="this cannot be saved"):
            train(Phase("one", (MOVE_A,), 1), hooks=Hooks(Scorer()))
        assert played

    def test_looking_leaves_no_trace(self, tmp_path: Path) -> None:
        """Evaluation and sampling draw from every RNG and update batch norm."""
        seen: list[bool] = []

        def evaluate(game: Game, rng: torch.Generator) -> dict[str, float]:
            seen.append(
                game.training or any(m.training for m in game.players["generator"].modules())
            )
            return tiny.evaluate(game, rng)

        config = tiny.Config("penalty", rounds=5)
        for name, hooks in (("looks", Hooks(evaluate, tiny.draw)), ("blind", Hooks())):
            tiny.play(config, tmp_path / name, hooks=hooks)
        states = [tiny.last_checkpoint(tmp_path / name) for name in ("looks", "blind")]
        assert tiny.differences(*states) == []
        assert seen == [False] * 3

    def test_two_evaluations_of_one_player_draw_the_same(self, train: Train) -> None:
        hooks = Hooks(lambda game, rng: {"x": torch.randn((), generator=rng).item()})
        phase = Phase("one", (MOVE_A,), 3, evaluate_every_rounds=1)
        values = [row["values"]["x"] for row in train(phase, hooks=hooks).rows("evaluation")]
        assert len(set(values)) == 1


class TestKeeping:
    @pytest.mark.parametrize(("better", "best_round"), [("lower", 3), ("higher", 2)])
    def test_best_checkpoint(self, train: Train, better: str, best_round: int) -> None:
        hooks = script([2.0, 5.0, 1.0, 1.0, math.nan])
        phase = Phase("one", (MOVE_A,), 5, evaluate_every_rounds=1)
        played = train(phase, hooks=hooks, best_metric="score", best_is=better)
        state = read_checkpoint(played.folder / "checkpoints" / "best.pt")
        assert state["players"]["a"]["w"].item() == pytest.approx(after(best_round))

    @pytest.mark.parametrize("keep", [1, 3])
    def test_keeps_the_last_checkpoints(self, train: Train, keep: int) -> None:
        phase = Phase("one", (MOVE_A,), 6, save_every_rounds=1)
        played = train(phase, keep_checkpoints=keep)
        names = sorted(p.name for p in (played.folder / "checkpoints").iterdir())
        assert names == [f"move-{move:09d}.pt" for move in range(7 - keep, 7)]

    def test_players_as_they_were_after_a_phase(self, train: Train) -> None:
        played = train(Phase("one", (MOVE_A,), 2, keep=True), Phase("two", (MOVE_A,), 3))
        kept = played.trainer.player_after("one", "a")
        assert kept.w.item() == pytest.approx(after(2))
        assert played.point() == pytest.approx(after(5))
        assert not kept.training

    @pytest.mark.parametrize(("restore", "moves"), [(True, 2), (False, 4)])
    def test_early_stop(self, train: Train, restore: bool, moves: int) -> None:
        stop = EarlyStop("score", patience_evaluations=2, restore_best=restore)
        phase = Phase("one", (MOVE_A,), 9, evaluate_every_rounds=1, early_stop=stop)
        played = train(phase, hooks=script([3.0, 2.0, 2.5, 2.0, 0.0]))
        assert len(played.rows("train")) == 4
        assert played.point() == pytest.approx(after(moves))

    def test_an_improvement_starts_the_patience_anew(self, train: Train) -> None:
        stop = EarlyStop("score", patience_evaluations=2, better="higher", restore_best=True)
        phase = Phase("one", (MOVE_A,), 9, evaluate_every_rounds=1, early_stop=stop)
        played = train(phase, hooks=script([1.0, 0.0, 2.0, 0.0, 0.0, 9.0]))
        assert len(played.rows("train")) == 5
        assert played.point() == pytest.approx(after(3))

    def test_early_stop_without_one_finite_value_leaves_the_players(self, train: Train) -> None:
        stop = EarlyStop("score", patience_evaluations=2)
        phase = Phase("one", (MOVE_A,), 9, evaluate_every_rounds=1, early_stop=stop)
        assert train(phase, hooks=script([math.nan] * 3)).point() == pytest.approx(after(2))


class TestUntil:
    def test_a_phase_ends_when_a_logged_mean_reaches_a_value(self, train: Train) -> None:
        """The counter logs 1, 2, 3 ...; what is due at the end of a phase is done then."""
        phase = Phase("one", (MOVE_A, COUNT), 9, until=Reached("count", 3))
        played = train(phase, Phase("two", (MOVE_A,), 2), hooks=script([1.0, 1.0]))
        rounds = [row["phase"] for row in played.rows("train")]
        assert rounds == ["one"] * 3 + ["two"] * 2
        assert [row["total_round"] for row in played.rows("evaluation")] == [3, 5]
        assert not played.rows("alarm")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("count", "should end when count is 7, but count is 4 in its last round"),
            ("accuracy", "should end when accuracy is 7, but accuracy is not logged"),
        ],
    )
    def test_a_value_that_is_not_reached_is_told(
        self, train: Train, name: str, message: str
    ) -> None:
        played = train(Phase("one", (MOVE_A, COUNT), 4, until=Reached(name, 7)))
        assert len(played.rows("train")) == 4
        assert message in played.rows("alarm")[0]["message"]

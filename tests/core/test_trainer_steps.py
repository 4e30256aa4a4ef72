"""An update: the change of a turn's parameters, and of their averages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny_games as tiny
import torch
from pull_game import COUNT, MOVE_A, MOVE_B, Pull, Train, after
from torch import Tensor, nn

from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.run import open_run
from seqgan_kit.core.runs.runtime import Runtime, start_runtime
from seqgan_kit.core.training.gradient_step import GradientStepper
from seqgan_kit.core.training.trainer import Hooks, Trainer
from seqgan_kit.errors import DataError, DataErrorOfOneProcess, UsageError


class TestStep:
    def test_clipping_bounds_the_step_and_logs_the_full_norm(self, train: Train) -> None:
        optimizer = Optimizer(0.1, "sgd", clip_norm=0.5)
        played = train(Phase("one", (replace(MOVE_A, optimizer=optimizer),), 1))
        assert played.point() == pytest.approx(1.0 + 0.1 * 0.5, abs=1e-5)
        assert played.rows("train")[0]["values"]["a_gradient_norm"] == pytest.approx(2.0)

    def test_clipping_when_two_parameters_have_one_gradient(self, train: Train) -> None:
        """x = w + v: autograd may hand both the same tensor, which must be scaled once, not twice."""

        class Sum(Pull):
            def __init__(self) -> None:
                super().__init__()
                self.players["a"].v = nn.Parameter(torch.zeros(1))

            def a_loss(self, batch: Batch, move: Move) -> Loss:
                a = self.players["a"]
                return Loss(((a.w + a.v) * 3.0).sum())

        optimizer = Optimizer(1.0, "sgd", clip_norm=0.5)
        played = train(Phase("one", (replace(MOVE_A, optimizer=optimizer),), 1), game=Sum())
        half = 0.5 / math.sqrt(2)  # of a gradient of two equal parts
        assert played.point() == pytest.approx(1.0 - half, abs=1e-5)
        assert played.game.players["a"].v.item() == pytest.approx(-half, abs=1e-5)

    @pytest.mark.parametrize(
        ("schedule", "final"), [("linear", 0.0), ("linear", 0.2), ("cosine", 0.1)]
    )
    def test_a_schedule_runs_from_start_to_end_of_the_phase(
        self, train: Train, schedule: str, final: float
    ) -> None:
        """The k-th of n updates has the rate at k/n; only an update after the last would have the final
        rate."""
        rates: list[float] = []

        def spy(trainer: Trainer) -> None:
            for optimizer in trainer.state.stepper._optimizers:
                optimizer.register_step_pre_hook(
                    lambda opt, args, kwargs: rates.append(opt.param_groups[0]["lr"])
                )

        optimizer = Optimizer(0.1, "sgd", schedule=schedule, final_share=final)
        turn = replace(MOVE_A, optimizer=optimizer, moves=2)
        # Two turns of one optimizer share its schedule within the round: 2 rounds of 2 turns of 2 moves.
        train(Phase("one", (turn, COUNT, turn), 2), before=spy)
        left = {"linear": lambda p: 1 - p, "cosine": lambda p: (1 + math.cos(math.pi * p)) / 2}
        expected = [0.1 * (final + (1 - final) * left[schedule](k / 8)) for k in range(8)]
        assert rates == pytest.approx(expected)
        assert optimizer.rate_at(1.0, 8) == pytest.approx(0.1 * final)

    def test_frozen_parameters_of_a_moving_player_stay(self, train: Train) -> None:
        game = Pull()
        fixed = nn.Parameter(torch.ones(2), requires_grad=False)
        game.players["a"].fixed = fixed
        assert train(Phase("one", (MOVE_A,), 3), game=game).point() == pytest.approx(after(3))
        assert fixed.tolist() == [1.0, 1.0]

    def test_equal_optimizers_keep_their_state_across_phases(self, train: Train) -> None:
        adam = replace(MOVE_A, optimizer=Optimizer(0.1))
        whole = train(Phase("one", (adam,), 6))
        halves = train(Phase("one", (adam,), 3), Phase("two", (adam,), 3))
        assert halves.point() == whole.point()
        other = replace(MOVE_A, optimizer=Optimizer(0.1, betas=(0.8, 0.999)))
        assert train(Phase("one", (adam,), 3), Phase("two", (other,), 3)).point() != whole.point()

    def test_bf16_computes_losses_in_bf16_and_keeps_parameters_in_fp32(self, train: Train) -> None:
        types: list[torch.dtype] = []

        class Product(Pull):
            def a_loss(self, batch: Batch, move: Move) -> Loss:
                weight = self.players["a"].w.view(1, 1)
                types.append((torch.ones(1, 1) @ weight).dtype)
                return super().a_loss(batch, move)

        played = train(Phase("one", (MOVE_A,), 1), game=Product(), precision="bf16")
        assert types == [torch.bfloat16]
        assert played.game.players["a"].w.dtype == torch.float32

    def test_bf16_a_look_without_gradient_does_not_cut_off_the_loss(self, train: Train) -> None:
        """Sampling and learning in one move, as REINFORCE does; older torch would reuse the first cast."""

        class Linear(Pull):
            def __init__(self) -> None:
                super().__init__()
                self.players["a"].layer = nn.Linear(1, 1, bias=False)

            def a_loss(self, batch: Batch, move: Move) -> Loss:
                layer, one = self.players["a"].layer, torch.ones(1, 1)
                with torch.no_grad():
                    layer(one)
                assert not torch.is_autocast_cache_enabled()
                return Loss(layer(one).sum())

        game = Linear()
        layer = game.players["a"].layer
        assert isinstance(layer, nn.Linear)
        before = layer.weight.item()
        train(Phase("one", (MOVE_A,), 1), game=game, precision="bf16")
        assert layer.weight.item() == pytest.approx(before - 0.1)

    def test_fp16_is_refused_with_the_reason(self) -> None:
        with pytest.raises(UsageError, match=r"fp16 is not supported: .*overflow.*bf16"):
            start_runtime(seed=0, precision="fp16")


class TestAverages:
    def test_value(self, train: Train) -> None:
        """a_n = d^n a_0 + (1-d) sum_k d^(n-k) w_k over the moves of its own player alone."""
        decay, moves = 0.8, 7
        played = train(Phase("one", (MOVE_A, MOVE_B), moves), averages={"a": decay})
        points = [after(k) for k in range(1, moves + 1)]
        sums = sum(decay ** (moves - k) * w for k, w in enumerate(points, start=1))
        assert played.point("a") == pytest.approx(decay**moves * 1.0 + (1 - decay) * sums)
        assert played.point("b") == pytest.approx(after(moves, start=-1.0))

    def test_evaluation_sees_the_average_and_training_does_not(self, train: Train) -> None:
        def look(game: Game, rng: torch.Generator) -> dict[str, float]:
            return {"a": game.players["a"].w.item()}

        phase = Phase("one", (MOVE_A,), 2, evaluate_every_rounds=1)
        seen = train(phase, averages={"a": 0.5}, hooks=Hooks(look)).rows("evaluation")
        first = (1.0 + after(1)) / 2
        assert [row["values"]["a"] for row in seen] == pytest.approx(
            [first, (first + after(2)) / 2]
        )

    @pytest.mark.parametrize(
        ("averages", "message"),
        [
            ({"c": 0.9}, r"unknown player to average 'c'.*Allowed: a, b, counter"),
            ({"a": 1.0}, r"decay 1\.0; it must be in \[0, 1\)"),
        ],
    )
    def test_mistakes(self, train: Train, averages: dict[str, float], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            train(Phase("one", (MOVE_A,), 1), averages=averages)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler warns of its own doings
def test_compiled_players_train_as_plain_ones(tmp_path: Path) -> None:
    """A gradient penalty too, though torch.compile has no second derivative."""
    config = tiny.Config("penalty", rounds=3)
    states = []
    for compiled in (False, True):
        out = tmp_path / str(compiled)
        settings = replace(config.run, out=out, compile=compiled)
        with open_run("tiny", replace(config, run=settings)) as run:
            made = tiny.trainer(run, config)
            # Compiled dropout draws other numbers.
            made.game.players["discriminator"].trunk[-1].p = 0.0
            states.append(made.fit().state_dict())
    for name, plain in states[0].items():
        torch.testing.assert_close(states[1][name], plain, rtol=1e-3, atol=1e-4)


class TestMemory:
    """A loss can read the state of the optimizer that trains a player."""

    def play(self, moves: int) -> tuple[GradientStepper, Phase, Pull]:
        game = Pull()
        turns = (replace(MOVE_A, optimizer=Optimizer(0.1, betas=(0.5, 0.9))), MOVE_B)
        phase = Phase("one", turns, 1)
        stepper = GradientStepper(game, (phase,), start_runtime(seed=0, device="cpu"))
        for _ in range(moves):
            move = Move("one", 0, 1, torch.Generator())
            stepper.step(phase.turns[0], {}, move, 0.0, lambda: ())
        return stepper, phase, game

    def test_it_holds_the_moments_in_closed_form(self) -> None:
        """One move on 0.5 (w - 3)^2 from w = 1: g = -2, so m = 0.5 g and v = 0.1 g^2."""
        stepper, phase, _ = self.play(1)
        memory = stepper.memory(phase, "a")
        assert memory is not None
        assert (memory.optimizer.name, memory.moves, memory.learning_rate) == ("adam", 1, 0.1)
        assert memory.state["w"]["exp_avg"].item() == pytest.approx(-1.0)
        assert memory.state["w"]["exp_avg_sq"].item() == pytest.approx(0.4)

    def test_it_is_a_copy(self) -> None:
        stepper, phase, _ = self.play(2)
        memory = stepper.memory(phase, "a")
        assert memory is not None
        memory.state["w"]["exp_avg"].fill_(7.0)
        again = stepper.memory(phase, "a")
        assert again is not None
        assert again.state["w"]["exp_avg"].item() != 7.0

    def test_players_that_have_not_moved_have_none(self) -> None:
        stepper, phase, _ = self.play(1)
        assert stepper.memory(phase, "b") is None
        assert stepper.memory(phase, "counter") is None


class TwoProcesses:
    """A runtime on which another process has its own loss: (w - 3) as gradient at w = 1, or none."""

    world_size, device = 2, torch.device("cpu")

    def __init__(self, other_learns: bool):
        self.other_learns = other_learns

    def autocast(self) -> nullcontext[None]:
        return nullcontext()

    def average(self, tensors: Sequence[Tensor]) -> None:
        gradient, total, flags = tensors
        gradient.add_(-2.0 * self.other_learns).div_(2)
        total.add_(2.0).div_(2)
        flags.add_(torch.tensor([0.0, float(self.other_learns), 0.0][-len(flags) :])).div_(2)


@pytest.mark.parametrize(("own", "other"), [(True, True), (False, True), (False, False)])
def test_a_loss_that_does_not_learn_counts_as_a_gradient_of_0(own: bool, other: bool) -> None:
    """SGD with rate 0.1 from w = 1: the mean gradient is -2, -1 or none; with none there is no step."""

    class Gated(Pull):
        def a_loss(self, batch: Batch, move: Move) -> Loss:
            return replace(super().a_loss(batch, move), learns=own)

    game = Gated()
    turn = replace(MOVE_A, optimizer=Optimizer(0.1, "sgd"))
    runtime: Any = TwoProcesses(other)
    stepper = GradientStepper(game, (Phase("one", (turn,), 1),), runtime)
    loss, _, _ = stepper.step(turn, {}, Move("one", 0, 1, torch.Generator()), 0.0, lambda: ())
    assert loss is not None
    assert loss.total.item() == pytest.approx(2.0)
    assert game.players["a"].w.item() == pytest.approx(1.0 + 0.1 * (own + other))
    assert stepper.state_dict()["moves"] == [int(own or other)]
    assert game.players["a"].w.grad is None


@pytest.mark.parametrize("processes", [1, 2])
def test_data_that_one_process_alone_sees_name_the_process(processes: int) -> None:
    class Empty:
        def next_batch(self) -> Batch:
            raise DataError("the stream has no usable row")

    runtime = Runtime(torch.device("cpu"), rank=processes - 1, world_size=processes)
    trainer = SimpleNamespace(state=SimpleNamespace(runtime=runtime), feeds={"train": Empty()})
    told = "^process 1 of 2: the stream has" if processes == 2 else "^the stream has"
    kind = DataErrorOfOneProcess if processes == 2 else DataError
    with pytest.raises(kind, match=told):
        Trainer._next_batch(trainer, "train")

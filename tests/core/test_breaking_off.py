"""A long update or evaluation is interrupted and undone, and the resumed run repeats it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import test_resume
import tiny_games as tiny
import torch

from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Game
from seqgan_kit.core.training.trainer import Hooks
from seqgan_kit.core.training.undo import Undo
from seqgan_kit.errors import Interrupted

CONFIGS = test_resume.CONFIGS


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {name: tmp_path_factory.mktemp(name) / "run" for name in CONFIGS}
    for name, folder in folders.items():
        tiny.play(CONFIGS[name], folder)
    return folders


@pytest.mark.parametrize(
    ("game", "moves"),
    [("seqgan", (0, 9, 12, 17, 23)), ("penalty", (0, 1, 3, 4, 9)), ("stopped", (5,))],
)
def test_moves_broken_off_are_undone(
    game: str, moves: tuple[int, ...], unbroken: dict[str, Path], tmp_path: Path
) -> None:
    """The interruption comes at the end of a loss or rule, after all its random draws and changes."""
    folder = tmp_path / "run"
    for number, move in enumerate(moves):
        began = time.monotonic()
        with pytest.raises(
            Interrupted, match=rf"after {move} updates \(one more was interrupted and"
        ):
            tiny.play(
                CONFIGS[game],
                folder,
                resume=number > 0,
                prepare=lambda made, move=move: tiny.break_off_in(made, move),
            )
        assert time.monotonic() - began < 10
        assert tiny.last_checkpoint(folder)["cursor"]["total_moves"] == move
    tiny.play(CONFIGS[game], folder, resume=True)
    assert tiny.run_differences(folder, unbroken[game]) == []


def test_an_evaluation_broken_off_by_the_time_limit_is_made_anew(
    unbroken: dict[str, Path], tmp_path: Path
) -> None:
    """This includes the last round, which no update follows."""
    folder, made = tmp_path / "run", list[tiny.Trainer]()

    def evaluate(game: Game, rng: torch.Generator) -> dict[str, float]:
        if made[-1].state.cursor.total_rounds == stop_at:
            tiny.evaluate(game, rng)
            made[-1].stop_wish._ring_in(0.01)
            time.sleep(20)
        return tiny.evaluate(game, rng)

    for number, stop_at in enumerate((2, 5)):  # noqa: B007
        with pytest.raises(Interrupted, match="the interrupted evaluation will be repeated"):
            tiny.play(
                CONFIGS["penalty"],
                folder,
                resume=number > 0,
                hooks=Hooks(evaluate, tiny.draw),
                prepare=made.append,
            )
    tiny.play(CONFIGS["penalty"], folder, resume=True)
    assert tiny.run_differences(folder, unbroken["penalty"]) == []


def test_the_time_limit_is_heard_inside_a_move(tmp_path: Path) -> None:
    def prepare(made: tiny.Trainer) -> None:
        made.stop_wish.grace_seconds = 0.05
        loss = made.game.loss
        made.game.loss = lambda *told: (time.sleep(20), loss(*told))[1]

    began = time.monotonic()
    with pytest.raises(Interrupted, match=r"by time limit in phase .* after 0 updates") as stop:
        tiny.play(CONFIGS["penalty"], tmp_path / "run", prepare=prepare, max_minutes=1e-4)
    assert stop.value.exit_code == 0
    assert time.monotonic() - began < 10


def test_only_large_buffers_that_changed_are_copied() -> None:
    rng = torch.Generator().manual_seed(0)
    pool, count = torch.zeros(70_000), torch.zeros(())
    feed = TensorFeed({"x": torch.arange(6.0)}, 2, seed=0)
    undo = Undo([pool, count], {"train": feed}, rng)
    undo.mark()
    kept = [copy for _, copy in undo._copies]
    count.add_(1)
    undo.mark()
    assert undo._copies[0][1] is kept[0]
    assert undo._copies[1][1] is not kept[1]
    first = torch.rand((), generator=rng), torch.rand(()), feed.next_batch()["x"]
    pool.add_(3), count.add_(1)
    undo.back()
    assert (pool == 0).all()
    assert count == 1
    again = torch.rand((), generator=rng), torch.rand(()), feed.next_batch()["x"]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))

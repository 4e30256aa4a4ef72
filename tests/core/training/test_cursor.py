"""The cursor, the sums of a round, and the check that losses are finite."""

import math

import pytest
import torch

from seqgan_kit.core.game import Epochs, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.training.cursor import Cursor, FiniteCheck, Sums, rounds_of
from seqgan_kit.errors import TrainingError, UsageError

CPU = torch.device("cpu")


def test_a_cursor_comes_back_from_its_state():
    cursor = Cursor(1, 2, 3, 4, 5, 6)
    other = Cursor()
    other.load_state_dict(cursor.state_dict())
    assert other == cursor


def test_each_name_is_averaged_over_the_moves_that_logged_it():
    sums = Sums()
    sums.add({"loss": torch.tensor(1.0), "norm": 4.0}, CPU)
    sums.add({"loss": torch.tensor(2.0, dtype=torch.float64)}, CPU)
    sums.add({"loss": 6}, CPU)
    assert sums.means(Runtime(CPU)) == {"loss": 3.0, "norm": 4.0}
    assert sums.means(Runtime(CPU)) == {}, "a round's sums are used once"


def test_sums_hold_no_graph_and_do_not_alias_what_they_are_given():
    sums, value = Sums(), torch.tensor(1.0, requires_grad=True)
    sums.add({"loss": value * 2}, CPU)
    assert not sums.totals["loss"].requires_grad
    plain = torch.tensor(1.0)
    sums.add({"other": plain}, CPU)
    plain.fill_(100)
    assert sums.means(Runtime(CPU)) == {"loss": 2.0, "other": 1.0}


def test_sums_come_back_from_their_state():
    sums, other = Sums(), Sums()
    sums.add({"loss": 1.0}, CPU)
    other.load_state_dict(sums.state_dict(), CPU)
    other.add({"loss": 3.0}, CPU)
    assert other.means(Runtime(CPU)) == {"loss": 2.0}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_the_run(bad):
    check = FiniteCheck(CPU, lambda: "The last good one is A.")
    check.add("generator_loss", 6, torch.tensor(1e30))
    with pytest.raises(
        TrainingError, match=rf"generator_loss became {bad} at update 7\. The last good one is A\."
    ):
        check.add("generator_loss", 7, torch.tensor(bad))


def test_on_a_gpu_losses_are_looked_at_together_and_the_first_bad_one_is_named():
    check = FiniteCheck(torch.device("cuda"), lambda: "", lag=4)
    check.add("discriminator_loss", 1, torch.tensor(1.0))
    check.add("generator_loss", 2, torch.tensor(math.nan))
    check.add("discriminator_loss", 3, torch.tensor(math.inf))
    with pytest.raises(TrainingError, match="generator_loss became nan at update 2"):
        check.flush()
    check.flush()


class Twenty:
    """A feed of twenty batches."""

    batches_per_epoch = 20


def phase(moves, rounds) -> Phase:
    turns = (Turn(("d",), loss="d_loss", optimizer=Optimizer(0.1), moves=moves),)
    return Phase("p", (Turn(("d",), rule="r", feed=None), *turns), rounds=rounds)


@pytest.mark.parametrize(
    ("moves", "epochs", "rounds"),
    [
        (1, 3, 60),
        (5, 3, 12),
        (7, 1, 3),
        (100, 0.1, 1),
        (lambda number: 10 if number < 2 else 5, 3, 10),
        (lambda number: 10 if number < 2 else 5, 3.1, 11),
        (lambda number: 100, 1, 1),
        (lambda number: number % 2, 1, 20),
    ],
)
def test_epochs_are_passes_of_the_first_fed_turn(moves, epochs, rounds):
    assert rounds_of(phase(moves, Epochs(epochs)), {"train": Twenty()}) == rounds


def test_rounds_are_taken_as_they_are():
    assert rounds_of(phase(5, 7), {}) == 7


def test_epochs_of_what_moves_by_epochs_have_no_meaning():
    with pytest.raises(UsageError, match="phase 'p' is counted in epochs"):
        rounds_of(phase(Epochs(1), Epochs(2)), {"train": Twenty()})

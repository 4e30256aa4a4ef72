"""A preset's lengths are shortened in proportion on larger data; the user's lengths are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest

from image_gans.image_fitting import work_ratio
from seqgan_kit.core.runs.fitting import fitted, told
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.text_fitting import work_ratios
from seqgan_kit.methods.mle import MLEMethod
from seqgan_kit.sequences.fine_tuning import FineTuning


@dataclass(frozen=True)
class Lengths:
    epochs: float = 15.0
    rounds: int = 90
    most_work: float = 6.0


PRESET = Lengths()


@pytest.mark.parametrize("ratio", [0.01, 1.0, 6.0])
def test_on_data_like_the_presets_own_nothing_changes(ratio: float) -> None:
    same, changes = fitted(PRESET, PRESET, {"epochs": ratio, "rounds": ratio})
    assert same is PRESET
    assert changes == {}


def test_larger_data_take_at_most_so_many_times_the_work() -> None:
    shorter, changes = fitted(PRESET, PRESET, {"epochs": 18.0, "rounds": 27.0})
    assert changes == {"epochs": 5.0, "rounds": 20}
    assert shorter == replace(PRESET, epochs=5.0, rounds=20)
    assert fitted(PRESET, PRESET, {"epochs": 100.0})[1] == {"epochs": 0.9}
    assert fitted(PRESET, PRESET, {"rounds": 1e6})[1] == {"rounds": 5}, "a few rounds remain"
    assert fitted(replace(PRESET, rounds=2), replace(PRESET, rounds=2), {"rounds": 1e6})[1] == {
        "rounds": 2
    }


def test_epochs_written_as_a_whole_number_may_become_a_share() -> None:
    whole = replace(PRESET, epochs=15)
    assert fitted(whole, whole, {"epochs": 100.0})[1] == {"epochs": 0.9}


def test_lengths_of_the_users_own_and_a_bound_of_0_are_kept() -> None:
    own = replace(PRESET, epochs=30.0)
    assert fitted(own, PRESET, {"epochs": 100.0, "rounds": 12.0})[1] == {"rounds": 45}
    free = replace(PRESET, most_work=0.0)
    assert fitted(free, PRESET, {"epochs": 100.0}) == (free, {})


def test_it_is_told_in_one_line_with_the_flags_that_change_it() -> None:
    line = told(PRESET, {"epochs": 2.2}, {"epochs": "epochs"}, "120,000 lines", 41.3)
    assert line == (
        "15 epochs on 120,000 lines would be 41 times the work of the bundled data: training 2.2 epochs. "
        "Set --epochs to change this, or --most-work 0 to keep the preset's lengths."
    )


def test_the_bundled_data_are_the_unit() -> None:
    assert work_ratios(10_000, 24, 239, rollouts=4) == pytest.approx(
        {"mle_epochs": 1, "epochs": 1, "pretrain_pools": 1, "rounds": 1}
    )
    assert work_ratio(3_000, 32) == 1
    assert work_ratio(3_000, 64) == 4
    long = work_ratios(10_000, 48, 239, rollouts=4)
    assert long == pytest.approx({"mle_epochs": 2, "epochs": 2, "pretrain_pools": 2, "rounds": 4})
    assert work_ratios(10_000, 48, 239)["rounds"] == pytest.approx(2)


@pytest.mark.parametrize("settings", [FineTuning, MLEMethod])
@pytest.mark.parametrize("bound", [-1.0, math.nan, math.inf])
def test_a_bound_that_is_none_is_refused(settings: type, bound: float) -> None:
    with pytest.raises(UsageError, match="most_work is"):
        settings(most_work=bound)

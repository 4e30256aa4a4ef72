"""Alarms: what goes wrong in adversarial training without raising an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Alarm(Protocol):
    """Watches the values of rounds or evaluations; keeps count in the given tally alone."""

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        """A sentence that says what was seen, once when it begins; None otherwise."""


@dataclass(frozen=True)
class PinnedDiscriminator:
    """D is right about everything for many rounds: its verdict teaches G little more."""

    accuracy: float = 0.999
    rounds: int = 20
    metric: str = "discriminator_accuracy"
    name: str = "pinned_discriminator"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        if self.metric not in values:
            return None
        if not _lasts(self.rounds, values[self.metric] >= self.accuracy, tally, self.name):
            return None
        return (
            f"the discriminator's accuracy was at least {self.accuracy:.1%} for {self.rounds} rounds in a "
            "row: it tells real from fake without fail, so the generator learns little from it. Train it "
            "less, slow it down, or regularise it."
        )


@dataclass(frozen=True)
class GuessingDiscriminator:
    """D hardly tells real from fake while G learns from it: its verdict is noise."""

    accuracy: float = 0.54
    rounds: int = 10
    metric: str = "discriminator_accuracy"
    learning: str = "generator_gradient_norm"
    """A metric of the rounds in which G moves: D begins at chance, and may, as long as nobody listens."""
    name: str = "guessing_discriminator"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        if self.metric not in values or self.learning not in values:
            return None
        if not _lasts(self.rounds, values[self.metric] < self.accuracy, tally, self.name):
            return None
        return (
            f"the discriminator's accuracy was below {self.accuracy:.0%} for {self.rounds} rounds in a row "
            "while the generator learnt from it: unless the samples are as good as the data, its verdict is "
            "noise. Train it longer before the generator begins, or faster."
        )


@dataclass(frozen=True)
class AboveChance:
    """The likelihood of real data is far worse than a uniform guess at every token: training diverged."""

    uniform: float
    """The metric's value for a uniform guess: log V."""
    metric: str = "nll_train"
    times: float = 1.5
    rounds: int = 2
    name: str = "above_chance"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        if self.metric not in values:
            return None
        worse = not values[self.metric] <= self.times * self.uniform
        if not _lasts(self.rounds, worse, tally, self.name):
            return None
        return (
            f"{self.metric} is {values[self.metric]:.4g}, more than {self.times:g} times the "
            f"{self.uniform:.4g} of a uniform guess, for {self.rounds} rounds: training has diverged. "
            "Lower the learning rate."
        )


@dataclass(frozen=True)
class ExplodingGradient:
    """A player's gradient is enormous for several rounds, whatever the clip makes of it."""

    norm: float = 1e6
    rounds: int = 3
    name: str = "exploding_gradient"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        norms = {name: value for name, value in values.items() if name.endswith("_gradient_norm")}
        large = [name for name, value in norms.items() if not value <= self.norm]
        if not norms or not _lasts(self.rounds, bool(large), tally, self.name):
            return None
        return (
            f"{large[0]} was above {self.norm:g} for {self.rounds} rounds in a row: training is diverging. "
            "Lower the learning rate, or clip the gradient."
        )


def _lasts(rounds: int, seen: bool, tally: dict[str, int], name: str) -> bool:
    """Return whether this is the round in which it has been seen for so many in a row."""
    tally[name] = tally.get(name, 0) + 1 if seen else 0
    return tally[name] == rounds


@dataclass(frozen=True)
class CollapsedPosterior:
    """No dimension of a variational code is in use: the decoder ignores it."""

    metric: str = "codes_in_use"
    evaluations: int = 2
    name: str = "collapsed_posterior"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        if self.metric not in values:
            return None
        if not _lasts(self.evaluations, values[self.metric] == 0, tally, self.name):
            return None
        return (
            f"no dimension of the code was in use in {self.evaluations} evaluations: the decoder ignores "
            "the code (posterior collapse). Use a smaller beta or deviation."
        )


@dataclass(frozen=True)
class LostDiversity:
    """Samples differ from each other much less than the data do: the generator is collapsing.

    Silent until the samples were once diverse: an untrained generator has not collapsed.
    """

    reference: float
    """The metric's value on real data."""
    metric: str = "diversity"
    share: float = 0.5
    name: str = "lost_diversity"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        if self.metric not in values:
            return None
        low = values[self.metric] < self.share * self.reference
        began = low and tally.get(self.name) == 0
        if not low or began:
            tally[self.name] = int(low)
        if not began:
            return None
        return (
            f"the samples' {self.metric} is {values[self.metric]:.3g}, below {self.share:.0%} of the "
            f"data's {self.reference:.3g}: the generator is collapsing onto few samples."
        )

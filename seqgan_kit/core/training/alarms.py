"""Alarms for problems of adversarial training that raise no error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Alarm(Protocol):
    """A check of the values of rounds or evaluations; its only state is the given tally."""

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        """Return a sentence when the problem begins; None otherwise."""


@dataclass(frozen=True)
class PinnedDiscriminator:
    """D is almost always right for many rounds, so G learns little from it."""

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
            "row: it separates real from fake perfectly, so the generator learns little from it. Train it "
            "less, lower its learning rate, or regularise it."
        )


@dataclass(frozen=True)
class GuessingDiscriminator:
    """D barely separates real from fake while G trains on its output, which is then noise."""

    accuracy: float = 0.54
    rounds: int = 10
    metric: str = "discriminator_accuracy"
    learning: str = "generator_gradient_norm"
    """A metric that only rounds with updates of G have, since D may be at chance before G trains on it."""
    name: str = "guessing_discriminator"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        if self.metric not in values or self.learning not in values:
            return None
        if not _lasts(self.rounds, values[self.metric] < self.accuracy, tally, self.name):
            return None
        return (
            f"the discriminator's accuracy was below {self.accuracy:.0%} for {self.rounds} rounds in a row "
            "while the generator learnt from it: unless the samples are as good as the data, its output is "
            "noise. Pretrain it longer, or raise its learning rate."
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
    """A player's gradient norm before clipping is very large for several rounds."""

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
    """Return whether the problem has been seen in exactly ``rounds`` rounds in a row."""
    tally[name] = tally.get(name, 0) + 1 if seen else 0
    return tally[name] == rounds


@dataclass(frozen=True)
class CollapsedPosterior:
    """No dimension of a variational code is in use, so the decoder ignores the code."""

    metric: str = "codes_in_use"
    evaluations: int = 2
    remedy: str = "Use a smaller beta or deviation."
    name: str = "collapsed_posterior"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        if self.metric not in values:
            return None
        if not _lasts(self.evaluations, values[self.metric] == 0, tally, self.name):
            return None
        return (
            f"no dimension of the code was in use in {self.evaluations} evaluations: the decoder ignores "
            f"the code (posterior collapse). {self.remedy}"
        )


@dataclass(frozen=True)
class DeadCodes:
    """A quantiser gives almost every vector the same code, so the codes say nothing."""

    metric: str = "code_perplexity"
    least: float = 1.5
    evaluations: int = 2
    name: str = "dead_codes"

    def check(self, values: Mapping[str, float], tally: dict[str, int]) -> str | None:
        if self.metric not in values:
            return None
        if not _lasts(self.evaluations, values[self.metric] < self.least, tally, self.name):
            return None
        return (
            f"the codes' perplexity was below {self.least:g} in {self.evaluations} evaluations: all codes "
            "except one have died, so the decoder learns nothing of the image. Lower the learning rate or "
            "the commitment."
        )


@dataclass(frozen=True)
class LostDiversity:
    """Samples are much less diverse than the data, so the generator is collapsing.

    The alarm is silent until samples were diverse once, since an untrained generator has not collapsed.
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

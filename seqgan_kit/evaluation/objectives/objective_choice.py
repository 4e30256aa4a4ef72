"""The choice of an objective that is mixed into a generator's reward: by name, or a user's function."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seqgan_kit.core.bounds import Finite, UpTo1, bounded
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.evaluation.objectives.row_objectives import (
    ReferenceBleu,
    Remembered,
    TextFunction,
    text_objective,
)
from seqgan_kit.sequences.estimators.rewards import Reward

OBJECTIVES = ("bleu", "validity", "qed", "logp", "bars", "key", "tonic")
"""Objectives that have a name; all but bleu belong to a domain."""


@dataclass(frozen=True)
@bounded
class ObjectiveSettings:
    """What a generator is rewarded for beside the discriminator's score."""

    objective: str = ""
    """Objective that is mixed with D's score: bleu (sentence BLEU with the references of the row's source;
    without sources, with all training lines), validity (cat captions, molecules, tunes), qed or logp
    (molecules), bars, key or tonic (tunes), or FILE.py:FUNCTION, a function of your own from a list of lines,
    or from a list of sources and one of lines, to a list of numbers. Empty: D's score alone."""
    reward_lambda: UpTo1 = 0.5
    """lambda: share of D in the reward lambda * (D - b) + (1 - lambda) * objective; 0: the objective alone.
    Without an objective the reward is D - b."""
    reward_bias: Finite = 0.0
    """b: number that is subtracted from D's score."""

    def __post_init__(self) -> None:
        if self.objective and self.objective not in OBJECTIVES and ":" not in self.objective:
            raise unknown("objective", self.objective, [*OBJECTIVES, "FILE.py:FUNCTION"])

    def or_alone(self, reward: str) -> ObjectiveSettings:
        """Return these settings; a reward FILE.py:FUNCTION is short for that objective with lambda 0."""
        if ":" not in reward:
            return self
        if self.objective:
            raise UsageError(
                f"--reward {reward} is short for --objective {reward} --reward-lambda 0, but --objective "
                f"{self.objective} is given too: leave one of them out."
            )
        return replace(self, objective=reward, reward_lambda=0.0)


def mixed_reward(
    settings: ObjectiveSettings, corpus: TextCorpus, own: TextFunction | None
) -> Reward:
    """Return the reward of the settings on a corpus; ``own`` is the function that they name, if any."""
    if not settings.objective:
        return Reward(bias=settings.reward_bias)
    score = (
        ReferenceBleu(corpus)
        if own is None
        else text_objective(own, corpus.tokenizer, corpus.given, corpus.source_vocabulary)
    )
    return Reward(Remembered(score), settings.reward_lambda, settings.reward_bias)

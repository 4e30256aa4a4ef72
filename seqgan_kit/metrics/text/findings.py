"""Findings of an evaluation as plain sentences, only where the scores are clear.

A pure function of two rows, samples and real text. Every rule compares with the real row, because no score
is good or bad by itself: in a small world real sentences repeat each other too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

Values = Mapping[str, float]
Rule = Callable[[Values, Values], str | None]

FEW_SAMPLES = 500
"""Number of samples below which scores of variety say little."""
CERTAIN_ERRORS = 3.0
"""Difference in standard errors that is not chance."""


def findings(
    samples: Values, real: Values, count: int, errors: Values = MappingProxyType({})
) -> list[str]:
    """Return a sentence for each clear problem; none if there is no problem.

    A problem is clear if it remains when the samples' scores move three standard errors towards real text.

    Args:
        samples: scores by name; those that were not computed are absent.
        real: the same of real text in the samples' place.
        count: number of samples.
        errors: standard errors of the differences between the two, where they are known.
    """
    nearer = {
        name: _towards(value, real[name], CERTAIN_ERRORS * errors.get(name, 0.0))
        for name, value in samples.items()
        if name in real
    }
    found = [
        sentence
        for rule in _RULES
        if rule(nearer, real) is not None and (sentence := rule(samples, real)) is not None
    ]
    if count < FEW_SAMPLES:
        found.append(
            f"Few samples: {count} say little about variety; take a thousand or more to compare methods."
        )
    return found


def _collapse(samples: Values, real: Values) -> str | None:
    """Report half the variety of real text or less by any of three measures."""
    signs = []
    if _both("distinct3", samples, real) and samples["distinct3"] < 0.5 * real["distinct3"]:
        signs.append(
            f"distinct-3 is {samples['distinct3']:.3f} (real text {real['distinct3']:.3f})"
        )
    if _both("self_bleu4", samples, real) and 1 - samples["self_bleu4"] < 0.5 * (
        1 - real["self_bleu4"]
    ):
        signs.append(f"Self-BLEU-4 {samples['self_bleu4']:.3f} ({real['self_bleu4']:.3f})")
    if _both("duplicates", samples, real) and samples["duplicates"] > max(
        2 * real["duplicates"], real["duplicates"] + 0.05
    ):
        signs.append(
            f"{samples['duplicates']:.1%} repeat an earlier line ({real['duplicates']:.1%})"
        )
    if _both("recall", samples, real) and samples["recall"] < 0.5 * real["recall"]:
        signs.append(f"recall is {samples['recall']:.2f} ({real['recall']:.2f})")
    if not signs:
        return None
    return f"Collapse: the samples vary far less than real text: {'; '.join(signs)}."


def _copying(samples: Values, real: Values) -> str | None:
    if not _both("copies", samples, real) or samples["copies"] <= max(
        1.5 * real["copies"], real["copies"] + 0.05
    ):
        return None
    return (
        f"Copying: {samples['copies']:.1%} of the samples are lines of the training text, word "
        f"for word (unseen real sentences: {real['copies']:.1%})."
    )


def _repetition(samples: Values, real: Values) -> str | None:
    if not _both("repetition", samples, real) or samples["repetition"] <= max(
        2 * real["repetition"], real["repetition"] + 0.03
    ):
        return None
    return (
        f"Degenerate repetition: within a sentence {samples['repetition']:.1%} of the token pairs are "
        f"repeated, in real text {real['repetition']:.1%}."
    )


def _lengths(samples: Values, real: Values) -> str | None:
    if not _both("length", samples, real):
        return None
    ratio = samples["length"] / max(real["length"], 1e-9)
    if 0.8 <= ratio <= 1.25:
        return None
    return (
        f"Too {'short' if ratio < 1 else 'long'}: {samples['length']:.1f} tokens a sentence, real text "
        f"{real['length']:.1f}."
    )


def _unknown_words(samples: Values, real: Values) -> str | None:
    if not _both("unknown", samples, real) or samples["unknown"] <= real["unknown"] + 0.02:
        return None
    return (
        f"Unknown tokens: {samples['unknown']:.1%} of all tokens are not in the training text "
        f"(unseen real text: {real['unknown']:.1%}). Perhaps the two were tokenised "
        "differently."
    )


def _sharpened(samples: Values, real: Values) -> str | None:
    """Report samples that are likelier than real text but model it worse, as with a low temperature."""
    if not (_both("lm_token", samples, real) and _both("reverse_lm_token", samples, real)):
        return None
    likely = samples["lm_token"] < 0.9 * real["lm_token"]
    narrow = samples["reverse_lm_token"] > 1.05 * real["reverse_lm_token"]
    if not (likely and narrow):
        return None
    return (
        f"Sharpened: likelier than real text (LM score {samples['lm_token']:.2f} a token, real text "
        f"{real['lm_token']:.2f}) and a poorer model of it (reverse LM {samples['reverse_lm_token']:.2f}, "
        f"{real['reverse_lm_token']:.2f}): quality was gained at the cost of variety, as with a "
        "low temperature."
    )


def _told_apart(samples: Values, real: Values) -> str | None:
    if not _both("two_sample", samples, real) or samples["two_sample"] < max(
        0.9, real["two_sample"] + 0.1
    ):
        return None
    return (
        f"Told apart: a linear classifier knows samples from test sentences in {samples['two_sample']:.0%} "
        "of the cases; 50% would be chance."
    )


def _shift(samples: Values, real: Values) -> str | None:
    if real.get("two_sample", 0.0) < 0.65:
        return None
    return (
        f"Shifted text: real sentences like the training text are known from test sentences in "
        f"{real['two_sample']:.0%} of the cases: the two texts differ, and all scores beside the test text "
        "measure that too. Read them against the real row alone."
    )


def _towards(value: float, goal: float, most: float) -> float:
    """Move the value by at most ``most`` towards the goal."""
    return goal + max(0.0, abs(value - goal) - most) * (1 if value > goal else -1)


def _both(name: str, samples: Values, real: Values) -> bool:
    return name in samples and name in real


_RULES: tuple[Rule, ...] = (
    _collapse, _copying, _repetition, _lengths, _unknown_words, _sharpened, _told_apart, _shift
)  # fmt: skip

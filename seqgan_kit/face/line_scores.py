"""``sk.bleu``, ``sk.self_bleu`` and ``sk.evaluate``: scores of lines of text. BLEU loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.text import bleu as text_bleu
from seqgan_kit.metrics.text.bleu import DEFAULT_ORDERS

if TYPE_CHECKING:
    from seqgan_kit.evaluation.evaluation_settings import Judge
    from seqgan_kit.face.scorecard import Scorecard

Lines = Sequence[str] | Sequence[Sequence[str]]
"""Lines of text, split at white space; or lists of tokens, taken as they are."""


def bleu(
    hypotheses: Lines, references: Lines, orders: Sequence[int] = DEFAULT_ORDERS
) -> dict[int, float]:
    """Compute BLEU-n of every hypothesis against all references, and return the means.

    The definition is the one of text-GAN papers and equals nltk's sentence BLEU with smoothing method 1.

    Args:
        hypotheses: the samples.
        references: real sentences; all of them are references of each hypothesis.
        orders: the values of n.

    Returns:
        Order -> score from 0 to 1.
    """
    return text_bleu.bleu(_words(hypotheses), _words(references), tuple(orders))


def self_bleu(lines: Lines, orders: Sequence[int] = DEFAULT_ORDERS) -> dict[int, float]:
    """Compute BLEU-n of every line against all other lines, and return the means.

    High values mean that the lines repeat each other. The score grows with the number of lines, so compare
    sets of one size.

    Args:
        lines: the samples, at least two.
        orders: the values of n.

    Returns:
        Order -> score from 0 to 1.
    """
    return text_bleu.self_bleu(_words(lines), tuple(orders))


def evaluate(
    lines: Lines,
    references: Lines,
    train: Lines | None = None,
    held_out: Lines | None = None,
    *,
    encoder: str | Path = "own",
    lm: Judge = "kneser-ney",
    sample: int | None = None,
    seed: int = 0,
) -> Scorecard:
    """Compute all scores of samples and the same scores of real text, as ``seqgan-kit evaluate`` does.

    Args:
        lines: the samples.
        references: real test text that no model was trained on.
        train: the training text. It enables language-model scores, copies, unknown words and feature
            scores.
        held_out: more real text, for the row of real text.
        encoder: ``own`` trains two small language models on ``train`` (a minute or two), ``none`` leaves the
            scores over features out, a folder names a HuggingFace model.
        lm: the language model behind the LM scores: ``kneser-ney``, ``lstm`` (minutes) or ``none``.
        sample: number of samples to score, a random part.
        seed: seed of everything random.

    Returns:
        The rows ``samples`` and ``real text``.
    """
    from seqgan_kit.core.runs.long_work import long_work
    from seqgan_kit.evaluation.evaluate_text import evaluate_sentences
    from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings, RealText
    from seqgan_kit.face.scorecard import Scorecard

    settings = EvaluationSettings(sample=sample, encoder=str(encoder), lm=lm, seed=seed)
    test, learned, unseen = (
        [s for s in _words(t or ()) if s] for t in (references, train, held_out)
    )
    text = RealText(test, learned, unseen, "space", "mixed")
    with long_work("evaluating", quiet=True) as say:
        return Scorecard(evaluate_sentences(_words(lines), text, settings, say))


def _words(lines: Lines) -> list[list[str]]:
    if isinstance(lines, str):
        raise UsageError(
            "one string was given where lines are needed: give a list, for example text.splitlines()."
        )
    return [line.split() if isinstance(line, str) else list(line) for line in lines]

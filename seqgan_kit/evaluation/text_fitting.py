"""Fit the lengths of a text preset to a larger corpus than the bundled captions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from seqgan_kit.core.feeds import Feed
from seqgan_kit.core.runs.fitting import Bounded, fitted, told
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.text.text_corpus import TextCorpus

S = TypeVar("S", bound=Bounded)

_LINES, _LENGTH, _WORDS = 10_000, 24, 239
"""Size of the bundled captions: lines, tokens per line, vocabulary."""
_RECURRENT = 768
"""Vocabulary whose logits cost as much as a step of the presets' LSTM: 4 * (64 + 128) * 128 / 128."""
_UNITS = {
    "mle_epochs": "epochs",
    "epochs": "epochs",
    "pretrain_pools": "pools for D",
    "rounds": "adversarial rounds",
}


def work_ratios(lines: int, length: int, words: int, rollouts: int = 0) -> dict[str, float]:
    """Return the work of an epoch, a pool and a round, relative to the bundled captions.

    A token costs an LSTM step and the logits of all words. With rollouts a round completes every prefix, so
    its work grows with the square of the length.
    """
    long = length / _LENGTH
    token = long * (_RECURRENT + words) / (_RECURRENT + _WORDS)
    return {
        "mle_epochs": token * lines / _LINES,
        "epochs": token * lines / _LINES,
        "pretrain_pools": token,
        "rounds": token * (long if rollouts else 1.0),
    }


def fit_to_text(
    run: Run, settings: S, preset: object, corpus: TextCorpus, feed: Feed, rollouts: int = 0
) -> S:
    """Return the settings with lengths that take minutes on this corpus; print a line if any changed.

    Args:
        run: run that prints the line.
        settings: settings with the lengths, as the user gave them.
        preset: the same settings of the preset.
        corpus: corpus, whose length and vocabulary count.
        feed: feed, which knows the number of lines per epoch.
        rollouts: completions per prefix.
    """
    batch = getattr(settings, "batch_size", 1) * run.runtime.world_size
    lines, words = feed.batches_per_epoch * batch, corpus.tokenizer.vocabulary_size
    ratios = work_ratios(lines, corpus.length, words, rollouts)
    known: Mapping[str, float] = {n: r for n, r in ratios.items() if hasattr(settings, n)}
    shorter, changes = fitted(settings, preset, known)
    if changes:
        data = f"{lines:,} lines of up to {corpus.length} tokens out of {words:,}"
        run.say(told(settings, changes, _UNITS, data, max(ratios[name] for name in changes)))
    return shorter

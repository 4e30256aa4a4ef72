"""Inputs of the BLEU commands: texts, sampled lines, and the random generator of resampling."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from seqgan_kit.cli.user_files import STDIN, shown
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.signature import Signature
from seqgan_kit.metrics.statistics.bootstrap import DEFAULT_LEVEL, DEFAULT_RESAMPLES

Line = TypeVar("Line")


def check_sources(options: argparse.Namespace) -> None:
    """Refuse standard input if it is named twice, because it can be read only once."""
    if [*hypothesis_sources(options), *options.refs].count(STDIN) > 1:
        raise UsageError(
            "standard input ('-') is named more than once: give a file for all inputs but one."
        )


def hypothesis_sources(options: argparse.Namespace) -> list[str]:
    """Return the text to score, or the two texts to compare."""
    if options.paired is not None:
        if options.hyp is not None:
            raise UsageError(f"--paired A B replaces HYP: leave out {options.hyp!r}.")
        return list(options.paired)
    if options.hyp is None:
        raise UsageError("HYP is missing: put the text to score first, before --refs and -n.")
    return [options.hyp]


def check_options(options: argparse.Namespace) -> None:
    """Refuse options that would have no effect, and fill in defaults."""
    if options.paired is not None and options.confidence:
        raise UsageError(
            "--paired already prints intervals of the differences: leave out --confidence."
        )
    resampled = options.confidence or options.paired is not None
    if options.score_only and resampled:
        raise UsageError(
            "--score-only prints one number per order: leave it out with --confidence or --paired."
        )
    if options.resamples is not None and not resampled:
        raise UsageError(
            "--resamples has no effect without --confidence or --paired: add one of "
            "them or leave it out."
        )
    if options.seed is not None and not (resampled or options.sample):
        raise UsageError(
            "--seed has no effect without --sample, --confidence or --paired: add one of them or "
            "leave it out."
        )
    options.resamples = options.resamples or DEFAULT_RESAMPLES
    options.seed = options.seed or 0


def sampled(lines: Sequence[Line], options: argparse.Namespace) -> list[Line]:
    """Return the lines that --sample draws, in order; without it all lines. Equal seeds give equal lines."""
    if options.sample is None:
        return list(lines)
    if options.sample > len(lines):
        raise DataError(
            f"--sample {options.sample}: the text has only {len(lines)} lines; give "
            "a smaller number."
        )
    rng = np.random.default_rng((options.seed, 0))
    return [lines[i] for i in sorted(rng.choice(len(lines), options.sample, replace=False))]


def resampling(options: argparse.Namespace) -> np.random.Generator:
    """Return the generator for resampling; a fresh one per order, so that all orders use the same lines."""
    return np.random.default_rng((options.seed, 1))


def signed(signature: Signature, options: argparse.Namespace, total: int) -> Signature:
    """Return the signature, with the sampling options that were used on ``total`` lines."""
    resampled = options.confidence or options.paired is not None
    return replace(
        signature,
        sample=options.sample and f"{options.sample}-of-{total}",
        resamples=options.resamples if resampled else None,
        level_percent=100 * DEFAULT_LEVEL if resampled else None,
        swaps=None if options.paired is None else options.resamples,
        seed=options.seed if resampled or options.sample else None,
    )


def check_equally_long(names: Sequence[str], lengths: Sequence[int], why: str) -> None:
    """Refuse texts with different numbers of lines, because their lines cannot be paired."""
    for name, length in zip(names, lengths, strict=True):
        if length != lengths[0]:
            raise DataError(
                f"{shown(names[0])} has {lengths[0]} lines and {shown(name)} has {length}: {why}"
            )


def note_empty_lines(source: str, empty: int, lines: int) -> None:
    """Print on stderr how many lines have no tokens, and that they count."""
    if empty:
        print(f"note: {shown(source)}: {empty} of {lines} lines are empty; they count as "
              "sentences without tokens.", file=sys.stderr)  # fmt: skip

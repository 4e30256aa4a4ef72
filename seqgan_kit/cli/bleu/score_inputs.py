"""What is scored: the texts that were named, the lines drawn from them, what resampling starts from."""

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
    """Refuses standard input where it is named twice: it can be read once."""
    if [*hypothesis_sources(options), *options.refs].count(STDIN) > 1:
        raise UsageError("only one input can come from standard input ('-').")


def hypothesis_sources(options: argparse.Namespace) -> list[str]:
    """The text to score, or the two to compare."""
    if options.paired is not None:
        if options.hyp is not None:
            raise UsageError(f"--paired A B takes the place of HYP: leave out {options.hyp!r}.")
        return list(options.paired)
    if options.hyp is None:
        raise UsageError("HYP is missing: name the text to score first, before --refs and -n.")
    return [options.hyp]


def check_options(options: argparse.Namespace) -> None:
    """Refuses options that would change nothing, and fills in those not given."""
    if options.paired is not None and options.confidence:
        raise UsageError("--paired gives intervals of the differences: leave out --confidence.")
    resampled = options.confidence or options.paired is not None
    if options.score_only and resampled:
        raise UsageError(
            "--score-only prints one number an order: leave it out with --confidence or --paired."
        )
    if options.resamples is not None and not resampled:
        raise UsageError("--resamples changes nothing without --confidence or a comparison.")
    if options.seed is not None and not (resampled or options.sample):
        raise UsageError(
            "--seed changes nothing: nothing is drawn without --sample or --confidence."
        )
    options.resamples = options.resamples or DEFAULT_RESAMPLES
    options.seed = options.seed or 0


def sampled(lines: Sequence[Line], options: argparse.Namespace) -> list[Line]:
    """The lines that --sample draws, in their order; all without it. Same number, same lines."""
    if options.sample is None:
        return list(lines)
    if options.sample > len(lines):
        raise DataError(f"--sample {options.sample} is more than the {len(lines)} lines there are.")
    rng = np.random.default_rng((options.seed, 0))
    return [lines[i] for i in sorted(rng.choice(len(lines), options.sample, replace=False))]


def resampling(options: argparse.Namespace) -> np.random.Generator:
    """The randomness of resampling: begun anew for every order, so that all see the same lines."""
    return np.random.default_rng((options.seed, 1))


def signed(signature: Signature, options: argparse.Namespace, total: int) -> Signature:
    """The signature with all that was drawn of ``total`` lines, where something was."""
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
    """Refuses texts whose lines cannot correspond."""
    for name, length in zip(names, lengths, strict=True):
        if length != lengths[0]:
            raise DataError(
                f"{shown(names[0])} has {lengths[0]} lines and {shown(name)} has {length}: {why}"
            )


def note_empty_lines(source: str, empty: int, lines: int) -> None:
    """Says on stderr that there are lines without tokens, and that they count."""
    if empty:
        print(f"note: {shown(source)}: {empty} of {lines} lines are empty; they count as "
              "sentences without tokens.", file=sys.stderr)  # fmt: skip

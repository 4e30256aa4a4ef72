"""``sample RUN --given`` and ``--prompt``: a line in, an answer out, in order and as the lines come."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from seqgan_kit.cli.command import positive_number, whole_number
from seqgan_kit.cli.user_files import missing
from seqgan_kit.errors import UsageError

_AT_ONCE = 200
"""Lines of a file that are answered together; from a terminal or a pipe each comes by itself."""


def declare_given(parser: argparse.ArgumentParser) -> None:
    """Add the flags of conditional text models."""
    parser.add_argument(
        "--given",
        metavar="FILE",
        help="text: write after each line of a file, or of standard input with -; an answer a line",
    )
    parser.add_argument(
        "--prompt",
        metavar="TEXT",
        help="text: write N answers (-n) after these words or this class",
    )
    parser.add_argument(
        "--beam",
        metavar="K",
        type=whole_number(1),
        help="text after a source: search the likeliest answer with a beam of K rows (default: sample)",
    )
    parser.add_argument(
        "--n-best",
        metavar="N",
        type=whole_number(1),
        default=1,
        help="answers to each line, one a line, the best first (default: 1)",
    )
    parser.add_argument(
        "--best-of",
        metavar="K",
        type=whole_number(2),
        help="text: draw K samples for each and keep the one that the run's discriminator scores highest",
    )
    parser.add_argument(
        "--length-penalty",
        metavar="A",
        type=positive_number(10.0),
        default=1.0,
        help="of the beam: divide by ((5 + length) / 6) ** A (default: 1)",
    )


def is_conditional(options: argparse.Namespace) -> bool:
    """Whether the command line asks for answers; raises for flags that nothing would read."""
    if options.given is not None and options.prompt is not None:
        raise UsageError("--given and --prompt both say what is given: leave one out.")
    asked = options.given is not None or options.prompt is not None
    if not asked and (options.beam is not None or options.n_best != 1):
        raise UsageError("--beam and --n-best go with --given or --prompt: give a source.")
    _refuse_unread(options)
    if options.given is not None and options.given != "-" and not Path(options.given).is_file():
        raise missing(Path(options.given), "file")
    if options.beam is not None and options.n_best > options.beam:
        raise UsageError(
            f"the {options.n_best} best of a beam of {options.beam} rows cannot be had: widen --beam."
        )
    return asked


def _refuse_unread(options: argparse.Namespace) -> None:
    """Raise UsageError for options of samples beside a beam, and the other way round."""
    of_samples = {"temperature": 1.0, "top_k": None, "top_p": None, "best_of": None}
    if options.beam is not None:
        for name, default in of_samples.items():
            if getattr(options, name) != default:
                flag = name.replace("_", "-")
                raise UsageError(
                    f"--{flag} is for samples, and --beam searches: leave one of them out."
                )
    elif options.length_penalty != 1.0:
        raise UsageError("--length-penalty goes with --beam: give the beam's width.")


def best_of_model(run_dir: Path, model: Any, tries: int) -> Any:
    """Return the text model that keeps the best of some samples, judged by the run's discriminator."""
    from seqgan_kit.evaluation.discriminator_export import load_discriminator
    from seqgan_kit.evaluation.text_export import TextModel

    if not isinstance(model, TextModel):
        raise UsageError("--best-of is for models that write text; this one draws images.")
    return model.best_of(tries, load_discriminator(run_dir))


def write_answers(options: argparse.Namespace, model: Any) -> None:
    """Answer the prompt, or every given line, on standard output or into ``--out``."""
    from torch import Generator

    from seqgan_kit.evaluation.conditional.answering import (
        SourceAccount,
        check_conditional,
        check_prompt,
        generate,
    )
    from seqgan_kit.evaluation.text_export import TextModel

    if not isinstance(model, TextModel):
        raise UsageError(
            "--given and --prompt are for models that write text; this one draws images."
        )
    check_conditional(model)
    how: dict[str, Any] = {
        "beam": options.beam,
        "length_penalty": options.length_penalty,
        "temperature": options.temperature,
        "top_k": options.top_k,
        "top_p": options.top_p,
        "rng": Generator().manual_seed(options.seed),
        "detokenize": options.detokenize,
    }
    answers = options.n_best
    if options.prompt is not None:
        check_prompt(model, options.prompt)
        if options.beam is None and answers == 1:
            answers = options.n
    with ExitStack() as stack:
        out = None
        if options.out is not None:
            out = stack.enter_context(Path(options.out).open("w", encoding="utf-8"))
        account = SourceAccount(model)
        for some in _parts(options):
            account.count(some)
            for lines in generate(model, some, n_best=answers, **how):
                _write(lines, out)
    if options.given is not None:
        for note in account.notes():
            print(f"note: {note}", file=sys.stderr)


def _parts(options: argparse.Namespace) -> Iterator[list[str]]:
    """The sources, some at a time."""
    if options.prompt is not None:
        yield [options.prompt]
    elif options.given == "-":
        yield from _arriving(sys.stdin)
    else:
        from seqgan_kit.data.sources.plaintext import check_text, read_lines

        check_text(Path(options.given))
        lines: Iterable[str] = read_lines(Path(options.given))
        rest = iter(lines)
        while some := list(islice(rest, _AT_ONCE)):
            yield some


def _arriving(stream: TextIO) -> Iterator[list[str]]:
    """Yield the lines of standard input as they arrive; lines that wait together are answered together."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # Not a file of the system, as in a test or a notebook.
        for line in stream:
            yield [line.rstrip("\r\n")]
        return
    rest, read = b"", 0
    while chunk := os.read(descriptor, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for start in range(0, len(lines), _AT_ONCE):
            yield [
                _decoded(line, read + i)
                for i, line in enumerate(lines[start : start + _AT_ONCE], start + 1)
            ]
        read += len(lines)
    if rest:
        yield [_decoded(rest, read + 1)]


def _decoded(line: bytes, place: int) -> str:
    try:
        return line.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError:
        raise UsageError(
            f"line {place} of standard input is not UTF-8: convert it first (iconv)."
        ) from None


def _write(lines: list[str], out: TextIO | None) -> None:
    if out is None:
        from seqgan_kit.core.runs.terminal import write_text

        write_text("\n".join(lines))
        sys.stdout.flush()
    else:
        out.writelines(f"{line}\n" for line in lines)

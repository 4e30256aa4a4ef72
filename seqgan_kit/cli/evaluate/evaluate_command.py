"""``evaluate``: every score of a run or a file of samples in one table, real text beside them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgan_kit.cli.command import Command, one_of, positive_number, whole_number
from seqgan_kit.cli.user_files import STDIN, TOKENIZERS, missing, shown
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from seqgan_kit.cli.evaluate.evaluation_inputs import Inputs

# Those of seqgan_kit.evaluation.evaluation_settings, which is not imported for a help text.
_JUDGES = ("kneser-ney", "lstm", "none")


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="RUN|SAMPLES",
        nargs="?",  # optional for argparse only: the message below explains better what is missing
        help="directory of a trained run, or a text of samples, one per line (- for standard input)",
    )
    texts = {
        "refs": "real test text that nobody trained on (default: the run's own)",
        "train": "real training text (default: the run's own)",
        "held-out": "further real text, for the real row (default: the run's own, or training lines)",
    }
    for name, meaning in texts.items():
        parser.add_argument(f"--{name}", metavar="FILE", nargs="+", help=meaning)
    parser.add_argument(
        "--sample",
        metavar="N",
        type=whole_number(2),
        help="score N samples: a random part of a file, or N draws of a run (default: all; 5000)",
    )
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), default=0, help="of all that is drawn (0)"
    )
    parser.add_argument(
        "--encoder",
        metavar="own|none|FOLDER",
        default="own",
        help="what FED, MAUVE and the like compare: own (default; learns from the training text, a "
        "minute or two), none, or the folder of a HuggingFace model",
    )
    parser.add_argument(
        "--lm",
        metavar="|".join(_JUDGES),
        type=one_of("language model", *_JUDGES),
        default="kneser-ney",
        help="language model behind the LM scores (default: kneser-ney; lstm takes minutes)",
    )
    _declare_drawing(parser)
    _declare_reading(parser)
    parser.add_argument(
        "--format",
        metavar="text|json",
        type=one_of("format", "text", "json"),
        default="text",
        help="output (default: text)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="where the JSON goes (default: RUN/evaluation.json, or beside SAMPLES)",
    )
    parser.add_argument("--again", action="store_true", help="compute even what is stored")


def _declare_drawing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--temperature",
        metavar="T",
        type=positive_number(),
        default=1.0,
        help="of a run's draws (1)",
    )
    parser.add_argument(
        "--top-k", metavar="K", type=whole_number(1), help="a run draws from the K likeliest tokens"
    )
    parser.add_argument(
        "--top-p",
        metavar="P",
        type=positive_number(1.0),
        help="a run draws from the fewest tokens that hold this probability",
    )


def _declare_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tok",
        metavar="|".join(TOKENIZERS),
        type=one_of("tokenizer", *TOKENIZERS),
        help="split lines at white space (default), or into characters; a run has its own tokenizer",
    )
    parser.add_argument("--lowercase", action="store_true", help="ignore case")


def _run(options: argparse.Namespace) -> None:
    if options.what is None:
        raise UsageError("name a run or a text of samples first: evaluate RUN|SAMPLES [options].")
    # numpy and the rest are loaded only here, so that other commands start at once.
    from seqgan_kit.cli.evaluate.evaluation_inputs import file_inputs, run_inputs

    is_run = options.what != STDIN and Path(options.what).is_dir()
    inputs = run_inputs(options) if is_run else file_inputs(options)
    target = _target(options, is_run)
    record = None if options.again or target is None else _stored(target, inputs.key)
    if record is not None:
        print(f"{target} holds this evaluation already; nothing was computed.", file=sys.stderr)
    else:
        record = _computed(inputs)
        if target is not None:
            _write(target, record)
    _print(options, record)


def _computed(inputs: Inputs) -> dict[str, Any]:
    # As JSON and back, so that what is printed now is what a second call prints.
    from seqgan_kit.core.runs.log.records import as_json
    from seqgan_kit.core.runs.long_work import long_work

    with long_work("evaluating") as step:

        def say(text: str) -> None:
            _say(text)
            step(text)

        record: dict[str, Any] = as_json({**inputs.compute(say), "key": inputs.key})
    return record


def _target(options: argparse.Namespace, is_run: bool) -> Path | None:
    """Where the JSON goes; nowhere for standard input unless it is told."""
    out: Path | None = options.out
    if out is not None:
        if out.is_dir():
            raise UsageError(f"{out} is a folder: give --out the name of a file.")
        if not out.parent.is_dir():
            raise missing(out.parent, "folder")
        return out
    if options.what == STDIN:
        return None
    path = Path(options.what)
    return path / "evaluation.json" if is_run else path.with_name(f"{path.name}.evaluation.json")


def _stored(path: Path, key: str) -> dict[str, Any] | None:
    """The record in the file, if it is of these very inputs."""
    from seqgan_kit.core.files.checked_json import read_checked
    from seqgan_kit.core.runs.log.run_kinds import TABLE

    try:
        record: dict[str, Any] = read_checked(path, TABLE)
    except (OSError, CheckpointError):
        return None
    return record if record.get("key") == key else None


def _write(path: Path, record: dict[str, Any]) -> None:
    from seqgan_kit.core.runs.log.records import write_atomically

    try:
        write_atomically(path, record)
    except OSError as error:  # a read-only folder costs the file, not the result
        print(f"note: {path} cannot be written: {error.strerror}.", file=sys.stderr)
    else:
        print(f"wrote {path}", file=sys.stderr)


def _print(options: argparse.Namespace, record: dict[str, Any]) -> None:
    if options.format == "json":
        write_text(json.dumps(record, indent=2, ensure_ascii=False))
        return
    from seqgan_kit.report.evaluation_table import print_evaluation

    shown_record = {**record, "title": f"{shown(options.what)}: {record['title']}"}
    print_evaluation(shown_record)


def _say(text: str) -> None:
    write_text(text, sys.stderr)


COMMANDS = (
    Command(
        name="evaluate",
        summary="every score of a run or of samples in one table, real text beside them",
        usage="RUN|SAMPLES [--refs TEST] [--train TRAIN] [options]",
        details="BLEU, Self-BLEU, language-model scores, n-gram divergences, distinct-n, copies,\n"
        "lengths, FED, MAUVE, precision and recall, two-sample accuracy; of a run its likelihoods\n"
        "too, and of one on a known world the exact measures. Each with its signature, beside the\n"
        "same for real text, and a sentence where the numbers say collapse, copying or\n"
        "repetition. The JSON lies beside the samples; a second call reads it.",
        examples=(
            "evaluate runs/first",
            "evaluate runs/first --temperature 0.8 --out runs/first/cooler.json",
            "evaluate samples.txt --refs test.txt --train train.txt",
            "evaluate samples.txt --refs test.txt --train train.txt --encoder none --format json",
        ),
        declare=_declare,
        run=_run,
    ),
)

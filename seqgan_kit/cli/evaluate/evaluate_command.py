"""``evaluate``: all scores of a run or of samples in one table, beside those of real text."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgan_kit.cli.command import Command
from seqgan_kit.cli.evaluate.evaluate_options import declare_options
from seqgan_kit.cli.user_files import STDIN, missing, shown
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from seqgan_kit.cli.evaluate.evaluation_inputs import Inputs


def _run(options: argparse.Namespace) -> None:
    if options.what is None:
        raise UsageError(
            "RUN, SAMPLES or FOLDER is missing: evaluate RUN|SAMPLES|FOLDER [options]."
        )
    # Importing numpy and the scores here keeps other commands fast.
    from seqgan_kit.cli.evaluate.evaluation_inputs import file_inputs

    is_folder = options.what != STDIN and Path(options.what).is_dir()
    inputs = _inputs_of_folder(options) if is_folder else file_inputs(options)
    target = _target(options, is_folder and _is_run(Path(options.what)))
    record = None if options.again or target is None else _stored(target, inputs.key)
    if record is not None:
        print(
            f"{target} already holds this evaluation; nothing was computed (--again recomputes "
            "it).",
            file=sys.stderr,
        )
    else:
        record = _computed(inputs)
        if target is not None:
            _write(target, record)
    _print(options, record)


def _is_run(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / "model").is_dir()


def _inputs_of_folder(options: argparse.Namespace) -> Inputs:
    """A run on text or on images, or a folder of images."""
    from seqgan_kit.cli.evaluate.evaluation_inputs import run_inputs
    from seqgan_kit.cli.evaluate.image_inputs import image_inputs
    from seqgan_kit.cli.run_commands import model_kind

    folder = Path(options.what)
    if not _is_run(folder):
        return image_inputs(options, is_run=False)
    return (
        image_inputs(options, is_run=True) if model_kind(folder) == "image" else run_inputs(options)
    )


def _computed(inputs: Inputs) -> dict[str, Any]:
    # Convert to JSON and back, so that a second call prints the same.
    from seqgan_kit.core.runs.log.records import as_json
    from seqgan_kit.core.runs.long_work import long_work

    with long_work("evaluating") as step:

        def say(text: str) -> None:
            _say(text)
            step(text)

        record: dict[str, Any] = as_json({**inputs.compute(say), "key": inputs.key})
    return record


def _target(options: argparse.Namespace, is_run: bool) -> Path | None:
    """Return the path of the JSON record; None for standard input without --out."""
    out: Path | None = options.out
    if out is not None:
        if out.is_dir():
            raise UsageError(f"--out {out} is a folder: give the name of a file.")
        if not out.parent.is_dir():
            raise missing(out.parent, "folder")
        return out
    if options.what == STDIN:
        return None
    path = Path(options.what)
    return path / "evaluation.json" if is_run else path.with_name(f"{path.name}.evaluation.json")


def _stored(path: Path, key: str) -> dict[str, Any] | None:
    """Return the record in the file if it was computed from the same inputs."""
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
    except OSError as error:  # In a read-only folder the result is printed but not stored.
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
        summary="every score of a run, a text or a folder of images, real data beside them",
        usage="RUN|SAMPLES|FOLDER [--refs TEST] [--train TRAIN] [options]",
        details="Text: BLEU, Self-BLEU, language-model scores, n-gram divergences, distinct-n, copies,\n"
        "lengths, FED, MAUVE, precision and recall, two-sample accuracy; of a run its likelihoods\n"
        "too, and of one on a known world the exact measures. Each has a signature, beside the\n"
        "same for real text, and a sentence where the numbers show collapse, copying or\n"
        "repetition. Conditional text: corpus BLEU, chrF and TER of greedy answers, of a beam's and of\n"
        "samples against all references, and the variety of samples; with classes, a row for each.\n"
        "Images: Frechet and kernel distance (FID, KID and IS with an Inception file),\n"
        "precision, recall, density, coverage, SWD, MS-SSIM, near copies, diversity, and the same\n"
        "for real images. The JSON record lies beside the samples; a second call reads it.",
        examples=(
            "evaluate runs/first",
            "evaluate runs/first --temperature 0.8 --out runs/first/cooler.json",
            "evaluate runs/translator --beam 5 --test-text test.en --test-sources test.de",
            "evaluate samples.txt --refs test.txt --train train.txt",
            "evaluate samples.txt --refs test.txt --train train.txt --encoder none --format json",
            "evaluate samples/ --refs photos/ --features inception:pt_inception.pth",
        ),
        declare=declare_options,
        run=_run,
    ),
)

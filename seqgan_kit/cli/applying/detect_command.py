"""``detect``: rank lines or images by how anomalous a trained model finds them."""

from __future__ import annotations

import argparse
import heapq
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgan_kit.cli.command import Command, whole_number
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.cli.user_files import shown, stream_lines
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import DataError, UsageError

if TYPE_CHECKING:
    from seqgan_kit.evaluation.detection.labelled_lines import Label, LabelledScores
    from seqgan_kit.evaluation.detection.line_detector import LineAnomaly, LineDetector

END = "<eos>"
LONGEST_LINE = 1 << 16
"""Characters of a line that are read; a model reads far fewer tokens."""


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="text runs: text file, a line each; - is standard input, gzip is read too",
    )
    parser.add_argument(
        "--images",
        metavar="DIR|FILE",
        type=Path,
        help="image runs: an image file, or a folder of them, sub-folders included",
    )
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="known anomalies, a label for each line: 0, or 1, or 1 and after a tab the number of the "
        "anomalous word; prints an AUC for each score",
    )
    parser.add_argument(
        "--by",
        metavar="SCORE",
        default="",
        help="score that ranks the lines (default: largest_surprise, largest_reconstruction, bound or "
        "discriminator, the first that the run has)",
    )
    parser.add_argument(
        "-n",
        metavar="N",
        type=whole_number(0),
        default=20,
        help="lines or images to print (default: 20)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print every line of FILE in its order, as a JSON object with all scores",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="image runs: folder for one PNG per image: it, its reconstruction, and residuals of its pixels",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="image runs: stop at an image that cannot be read (default: skip and count it)",
    )


def _run(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    if (kind := model_kind(run_dir)) == "image":
        _detect_images(run_dir, options)
        return
    if options.file is None or options.images is not None or options.out is not None:
        raise UsageError(
            f"{run_dir} is a text run: give a text file as FILE, and leave out --images and --out."
        )
    model: Any = find_loader(kind)(run_dir)
    note_unfinished(run_dir)
    from seqgan_kit.core.runs.long_work import long_work
    from seqgan_kit.evaluation.detection.labelled_lines import LabelledScores
    from seqgan_kit.evaluation.detection.line_detector import line_detector

    with long_work("reading the run's text"):
        detector = line_detector(run_dir, model, options.by)
    for note in detector.notes:
        write_text(f"note: {note}", sys.stderr)
    scores = LabelledScores()
    with long_work(f"scoring {shown(options.file)}"):
        top = _ranked(options, detector, scores)
    if not options.json:
        for line in _table(top, detector.ranking):
            write_text(line)
    if options.labels is not None:
        _tell_labels(scores, as_json=options.json)


def _detect_images(run_dir: Path, options: argparse.Namespace) -> None:
    """Rank images; print their scores."""
    model: Any = find_loader("image")(run_dir)
    if not hasattr(model, "detect_files"):
        raise UsageError(
            f"the model in {run_dir} finds no anomalies: give a run of f_anogan for images, or a text run "
            "for lines."
        )
    if options.file is not None or options.images is None:
        raise UsageError(f"{run_dir} is a run on images: give --images DIR, and no FILE.")
    if options.labels is not None or options.by or options.json:
        raise UsageError("--labels, --by and --json are for lines of text: leave them out.")
    note_unfinished(run_dir)
    from seqgan_kit.core.runs.long_work import long_work

    with long_work("images"):
        found = model.detect_files(options.images, options.n, options.out, strict=options.strict)
    write_text(f"{'score':>10}  image")
    for score, name in found.top:
        write_text(f"{score:>10.4f}  {name}")
    if options.out is not None:
        print(f"wrote {found.read.written:,} images to {options.out}")
    if skipped := found.read.skipped:
        write_text(f"skipped {len(skipped):,} unreadable, the first: {skipped[0]}", sys.stderr)


def _ranked(
    options: argparse.Namespace, detector: LineDetector, scores: LabelledScores
) -> list[LineAnomaly]:
    """Score all lines, print them if asked to, and return the most anomalous ones, the worst first."""
    top: list[tuple[float, int, LineAnomaly]] = []
    labels: dict[int, Label] = {}
    counted = cut = 0
    for found in detector(_lines(options, labels)):
        counted, cut = counted + 1, cut + found.cut
        if label := labels.pop(found.line, None):
            scores.add(found, label)
        if options.json:
            write_text(json.dumps(as_record(found), ensure_ascii=False))
        # Of equal scores, the first line is the worst.
        heapq.heappush(top, (found.scores[detector.ranking], -found.line, found))
        if len(top) > options.n:
            heapq.heappop(top)
    if not counted:
        raise DataError(f"{shown(options.file)} holds no text: give a file with a line per record.")
    if cut:
        write_text(
            f"note: {cut:,} of {counted:,} lines have more than the {detector.model.generator.length} tokens "
            "that the model reads; their first ones were scored.",
            sys.stderr,
        )
    return [found for _, _, found in sorted(top, reverse=True)]


def _lines(options: argparse.Namespace, labels: dict[int, Label]) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines that are not blank, and leave the label of each in ``labels``."""
    from seqgan_kit.evaluation.detection.labelled_lines import with_labels

    lines = enumerate(stream_lines(options.file, LONGEST_LINE), start=1)
    if options.labels is None:
        yield from ((number, line) for number, line in lines if line.strip())
        return
    given = enumerate(stream_lines(options.labels, LONGEST_LINE), start=1)
    for number, line, label in with_labels(lines, given, shown(options.labels)):
        if line.strip():
            labels[number] = label
            yield number, line


def as_record(found: LineAnomaly) -> dict[str, Any]:
    """Return a line and its scores as JSON values."""
    record: dict[str, Any] = {"line": found.line, "text": found.text}
    record["scores"] = {name: round(value, 6) for name, value in found.scores.items()}
    record |= {"p_value": found.p_value, "word": found.word, "cut": found.cut}
    record["tokens"] = list(found.tokens)
    return {**record, "surprises": [round(value, 4) for value in found.surprises]}


def _table(top: list[LineAnomaly], ranking: str) -> Iterator[str]:
    """Yield the ranked lines with the most surprising token between marks."""
    name = ranking.replace("_", " ")
    yield f"{'line':>8}  {name:>18}  {'p':>7}  text"
    for found in top:
        p = "" if found.p_value is None else f"{found.p_value:.4f}"
        yield f"{found.line:>8}  {found.scores[ranking]:>18.3f}  {p:>7}  {marked(found)}"


def marked(found: LineAnomaly) -> str:
    """Return the tokens of a line with the most surprising one between marks; the text if it has none."""
    if found.worst is None:
        return found.text
    tokens = list(found.tokens)
    if tokens[-1] == END and found.worst < len(tokens) - 1:
        tokens.pop()
    tokens[found.worst] = f">>{tokens[found.worst]}<<"
    return " ".join([*tokens, "..."] if found.cut else tokens)


def _tell_labels(scores: LabelledScores, *, as_json: bool) -> None:
    areas, words = scores.areas(), scores.found_words()
    normal, anomalous = scores.counts
    if as_json:
        record: dict[str, Any] = {"normal": normal, "anomalous": anomalous}
        record["auc"] = {name: [x.value, x.standard_error] for name, x in areas.items()}
        record["found_words"] = None if words is None else [words.value, words.standard_error]
        write_text(json.dumps({"labels": record}))
        return
    write_text(
        f"\nAUC of {anomalous:,} anomalous lines against {normal:,} normal ones (0.5: chance; standard "
        "error of DeLong et al. 1988)"
    )
    for name, area in areas.items():
        write_text(f"  {name.replace('_', ' '):<24}{area.value:.4f} +- {area.standard_error:.4f}")
    if words is not None:
        write_text(
            f"The most surprising word is the labelled one in {words.value:.3f} +- "
            f"{words.standard_error:.3f} of the anomalous lines."
        )


COMMANDS = (
    Command(
        name="detect",
        summary="rank lines or images by how anomalous a trained model finds them",
        usage="RUN FILE [--labels FILE] [--json] [options] | RUN --images DIR [--out DIR]",
        details="Scores every line by what the run has: surprise of its tokens, reconstruction by a\n"
        "sentence VAE, its discriminator's score, and baselines: Kneser-Ney surprise, unknown words,\n"
        "number of words. p is the share of the run's held-out lines at least as anomalous. Prints\n"
        "the most anomalous lines with the most surprising token marked. FILE may be of any size.\n"
        "Of an f_anogan run, ranks images by what the model cannot rebuild of them.",
        examples=(
            "detect runs/seqgan service.log",
            "detect runs/vae service.log --by bound -n 100",
            "detect runs/seqgan planted/planted-swap.txt --labels planted/planted-swap.labels",
            "detect runs/seqgan service.log --json > scored.jsonl",
            "detect runs/f_anogan --images photos --out residuals",
        ),
        declare=_declare,
        run=_run,
    ),
)

"""``bleu`` and ``self-bleu``: scores of text files, one sentence per line."""

from __future__ import annotations

import argparse
import json
import sys

from seqgan_kit.cli.command import Command, one_of, whole_number
from seqgan_kit.cli.user_files import STDIN, TOKENIZERS, read_sentences
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.bleu import DEFAULT_ORDERS, bleu, self_bleu
from seqgan_kit.metrics.signature import Signature

_DEFINITION = """\
Smoothing: nltk's method1. Length penalty: against the nearest reference length, of two
equally near the shorter. Equal to nltk's sentence_bleu. The signature in the output says
how the numbers were made: compare scores only where the signatures agree."""


def _declare_bleu(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--refs",
        metavar="REF",
        nargs="+",
        required=True,
        help="reference text; several files make one reference set; put HYP before --refs",
    )
    _declare_common(parser)


def _declare_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "hyp",
        metavar="HYP",
        nargs="?",  # optional for argparse only: _read_hypotheses explains better what is missing
        help="text to score, one sentence per line; - for standard input",
    )
    parser.add_argument(
        "-n",
        "--orders",
        metavar="N",
        nargs="+",
        type=whole_number(1, 20),
        default=list(DEFAULT_ORDERS),
        help="n-gram orders (default: 2 3 4 5); put HYP before -n",
    )
    parser.add_argument(
        "--tok",
        metavar="|".join(TOKENIZERS),
        type=one_of("tokenizer", *TOKENIZERS),
        default="space",
        help="split lines at white space (default), or into characters",
    )
    parser.add_argument("--lowercase", action="store_true", help="ignore case")
    parser.add_argument(
        "--format",
        metavar="|".join(_FORMATS),
        type=one_of("format", *_FORMATS),
        default="json",
        help="output (default: json)",
    )
    parser.add_argument(
        "--score-only", action="store_true", help="print the bare numbers, one order a line"
    )


def _run_bleu(options: argparse.Namespace) -> None:
    if [options.hyp, *options.refs].count(STDIN) > 1:
        raise UsageError("only one input can come from standard input ('-').")
    hypotheses = _read_hypotheses(options)
    references = [sentence for path in options.refs for sentence in _read(path, options)]
    scores = bleu(hypotheses, references, options.orders)
    _print(options, scores, _signature("bleu", options, len(references), len(hypotheses)))


def _run_self_bleu(options: argparse.Namespace) -> None:
    sentences = _read_hypotheses(options)
    if len(sentences) < 2:
        raise DataError(
            "Self-BLEU compares the lines with each other: give a file of at least two lines."
        )
    scores = self_bleu(sentences, options.orders)
    _print(options, scores, _signature("self-bleu", options, "leave-one-out", len(sentences)))


def _read_hypotheses(options: argparse.Namespace) -> list[list[str]]:
    if options.hyp is None:
        raise UsageError("HYP is missing: name the text to score first, before --refs and -n.")
    return _read(options.hyp, options)


def _read(source: str, options: argparse.Namespace) -> list[list[str]]:
    sentences = read_sentences(source, options.tok, lowercase=options.lowercase)
    empty = sum(not sentence for sentence in sentences)
    if empty:
        print(f"note: {source}: {empty} of {len(sentences)} lines are empty; they count as "
              "sentences without tokens.", file=sys.stderr)  # fmt: skip
    return sentences


def _signature(metric: str, options: argparse.Namespace, refs: int | str, hyps: int) -> Signature:
    return Signature(
        metric,
        orders=tuple(options.orders),
        smooth="method1",
        refs=refs,
        hyps=hyps,
        tok=options.tok,
        case="lower" if options.lowercase else "mixed",
    )


def _print(options: argparse.Namespace, scores: dict[int, float], signature: Signature) -> None:
    if options.score_only:
        print("\n".join(repr(score) for score in scores.values()))
    else:
        print(_FORMATS[options.format](scores, signature))


def _as_json(scores: dict[int, float], signature: Signature) -> str:
    return json.dumps(
        {
            "metric": signature.metric,
            "scores": {str(order): score for order, score in scores.items()},
            "signature": str(signature),
        },
        indent=2,
    )


def _as_text(scores: dict[int, float], signature: Signature) -> str:
    name = {"bleu": "BLEU", "self-bleu": "Self-BLEU"}[signature.metric]
    rows = [f"{name}-{order}  {score:.4f}" for order, score in scores.items()]
    return "\n".join([*rows, str(signature)])


def _as_tsv(scores: dict[int, float], signature: Signature) -> str:
    rows = [f"{signature.metric}\t{n}\t{score!r}\t{signature}" for n, score in scores.items()]
    return "\n".join(["metric\torder\tscore\tsignature", *rows])


_FORMATS = {"json": _as_json, "text": _as_text, "tsv": _as_tsv}

COMMANDS = (
    Command(
        name="bleu",
        summary="BLEU of a text against a set of references",
        usage="HYP --refs REF [REF ...] [-n N [N ...]] [options]",
        details="BLEU as text-GAN papers use it: every line of HYP against the whole reference "
        f"set,\nmean of the sentence scores.\n\n{_DEFINITION}",
        examples=(
            "bleu samples.txt --refs test.txt",
            "bleu samples.txt --refs test.txt -n 2 3 --format text",
            "sample runs/first -n 1000 | seqgan-kit bleu - --refs a.txt b.txt.gz --score-only",
        ),
        declare=_declare_bleu,
        run=_run_bleu,
    ),
    Command(
        name="self-bleu",
        summary="BLEU of each line of a text against its other lines: high means repetitive",
        usage="HYP [-n N [N ...]] [options]",
        details="Self-BLEU: every line of HYP against all the other lines, mean of the sentence "
        "scores.\nOnly the scored line itself is left out: its copies stay, as they are the "
        f"collapse\nthat this score must see.\n\n{_DEFINITION}",
        examples=(
            "self-bleu samples.txt",
            "self-bleu samples.txt -n 4 --score-only",
            "self-bleu poems.txt --tok char --format text",
        ),
        declare=_declare_common,
        run=_run_self_bleu,
    ),
)

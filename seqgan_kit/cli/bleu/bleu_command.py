"""``bleu`` and ``self-bleu``: the options. The work is in ``scoring.py`` and ``corpus_scoring.py``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from seqgan_kit.cli.command import Command, one_of, whole_number

if TYPE_CHECKING:
    from seqgan_kit.cli.bleu.score_output import Compared, Scored

_DEFINITION = """\
Smoothing: nltk's method1. Length penalty: against the nearest reference length, of two
equally near the shorter. Equal to nltk's sentence_bleu. The signature in the output says
how the numbers were made: compare scores only where the signatures agree."""

_CORPUS_MODE = """\
--mode corpus is BLEU for conditional generation, by sacrebleu, from 0 to 100: line i of
every reference file belongs to line i of HYP, and counts are summed over the lines first."""

_COMPARISON = """\
--paired A B takes the place of HYP and gives B's score less A's: interval by the paired
bootstrap, p-value by approximate randomisation. Line i of B is set against line i of A;
for unconditional samples, whose lines correspond to nothing, any order is as good."""

_SELF_INTERVAL = """\
--confidence resamples the scores of the lines with their references held fixed: it says
how far the mean moves with the lines that are scored, not with the set they are
compared with. --sample N scores N lines against each other alone: a smaller set gives
lower scores, so compare samples of one size."""


def _declare_bleu(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--refs",
        metavar="REF",
        nargs="+",
        required=True,
        help="reference text; several files make one reference set, in corpus mode one parallel "
        "reference each; put HYP before --refs",
    )
    parser.add_argument(
        "--mode",
        metavar="sentence|corpus",
        type=one_of("mode", "sentence", "corpus"),
        default="sentence",
        help="mean of sentence scores (default), or corpus BLEU by sacrebleu",
    )
    _declare_text(parser)
    parser.add_argument(
        "--tok",
        metavar="TOKENIZER",
        help="space (default) or char; in corpus mode sacrebleu's 13a (default), intl, char, zh, none",
    )
    _declare_randomness(parser)
    parser.add_argument(
        "--paired",
        metavar=("A", "B"),
        nargs=2,
        help="compare two texts line by line, in place of HYP",
    )
    _declare_output(parser)


def _declare_self_bleu(parser: argparse.ArgumentParser) -> None:
    _declare_text(parser)
    parser.add_argument("--tok", metavar="TOKENIZER", help="space (default) or char")
    _declare_randomness(parser)
    _declare_output(parser)
    parser.set_defaults(mode="sentence", paired=None, refs=[])


def _declare_text(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "hyp",
        metavar="HYP",
        nargs="?",  # optional for argparse only: whoever reads it explains better what is missing
        help="text to score, one sentence per line; - for standard input; gzip is recognised",
    )
    parser.add_argument(
        "-n",
        "--orders",
        metavar="N",
        nargs="+",
        type=whole_number(1, 20),
        help="n-gram orders (default: 2 3 4 5, in corpus mode 4); put HYP before -n",
    )
    parser.add_argument("--lowercase", action="store_true", help="ignore case")


def _declare_randomness(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sample",
        metavar="N",
        type=whole_number(1),
        help="score N lines drawn at random, not all; a reference set stays whole",
    )
    parser.add_argument(
        "--confidence",
        action="store_true",
        help="add 95%% intervals: bootstrap over the scored lines",
    )
    parser.add_argument(
        "--resamples",
        metavar="N",
        type=whole_number(100, 1_000_000),
        help="of --confidence and of a comparison (default: 1000)",
    )
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), help="of all that is drawn (default: 0)"
    )


def _declare_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        metavar="json|text|tsv",
        type=one_of("format", "json", "text", "tsv"),
        default="json",
        help="output (default: json)",
    )
    parser.add_argument(
        "--score-only", action="store_true", help="print the bare numbers, one order a line"
    )


def _run_bleu(options: argparse.Namespace) -> None:
    # numpy and sacrebleu are loaded only where something is computed, so that --help is quick.
    from seqgan_kit.cli.bleu.score_inputs import check_options, check_sources

    check_sources(options)
    check_options(options)
    if options.mode == "corpus":
        from seqgan_kit.cli.bleu.corpus_scoring import score_corpus as score
    else:
        from seqgan_kit.cli.bleu.scoring import score_sentences as score
    _print(score(options), options)


def _run_self_bleu(options: argparse.Namespace) -> None:
    from seqgan_kit.cli.bleu.score_inputs import check_options, check_sources
    from seqgan_kit.cli.bleu.scoring import score_self

    check_sources(options)
    check_options(options)
    _print(score_self(options), options)


def _print(result: Scored | Compared, options: argparse.Namespace) -> None:
    from seqgan_kit.cli.bleu.score_output import show

    print(show(result, options.format, score_only=options.score_only))


COMMANDS = (
    Command(
        name="bleu",
        summary="BLEU of a text against a set of references",
        usage="(HYP | --paired A B) --refs REF [REF ...] [-n N [N ...]] [options]",
        details="BLEU as text-GAN papers use it: every line of HYP against the whole reference "
        f"set,\nmean of the sentence scores.\n\n{_DEFINITION}\n\n{_CORPUS_MODE}\n\n{_COMPARISON}",
        examples=(
            "bleu samples.txt --refs test.txt",
            "bleu samples.txt --refs test.txt -n 2 3 --confidence --format text",
            "sample runs/first -n 1000 | seqgan-kit bleu - --refs a.txt b.txt.gz --score-only",
            "bleu --paired mle.txt seqgan.txt --refs test.txt --format text",
            "bleu answers.txt --mode corpus --refs first.txt second.txt --tok intl",
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
        f"collapse\nthat this score must see.\n\n{_DEFINITION}\n\n{_SELF_INTERVAL}",
        examples=(
            "self-bleu samples.txt",
            "self-bleu samples.txt -n 4 --score-only",
            "self-bleu poems.txt --tok char --confidence --format text",
        ),
        declare=_declare_self_bleu,
        run=_run_self_bleu,
    ),
)

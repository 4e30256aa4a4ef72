"""``bleu`` and ``self-bleu``: the options. The work is in ``scoring.py`` and ``corpus_scoring.py``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from seqgan_kit.cli.command import Command, one_of, whole_number

if TYPE_CHECKING:
    from seqgan_kit.cli.bleu.score_output import Compared, Scored

_DEFINITION = """\
Smoothing: nltk's method1. Length penalty: relative to the nearest reference length, the
shorter of two equally near. Equal to nltk's sentence_bleu. The signature in the output records
how the numbers were computed: compare scores only if their signatures agree."""

_CORPUS_MODE = """\
--mode corpus is sacrebleu's BLEU for conditional generation, from 0 to 100. Line i of every
reference file belongs to line i of HYP, and counts are summed over all lines."""

_COMPARISON = """\
--paired A B replaces HYP and prints B's score minus A's, with an interval by the paired
bootstrap and a p-value by approximate randomisation. Line i of B is compared with line i of A.
The order does not matter for unconditional samples."""

_SELF_INTERVAL = """\
--confidence resamples the scores of the lines and keeps their references fixed. The interval
covers the choice of scored lines, not the choice of references. --sample N scores N lines
against each other. A smaller set gives lower scores, so compare samples of equal size."""


def _declare_bleu(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--refs",
        metavar="REF",
        nargs="+",
        required=True,
        help="reference text; several files form one reference set, or in corpus mode one set of "
        "parallel references each; put HYP before --refs",
    )
    parser.add_argument(
        "--mode",
        metavar="sentence|corpus",
        type=one_of("mode", "sentence", "corpus"),
        default="sentence",
        help="sentence: mean of sentence scores (default); corpus: sacrebleu's corpus BLEU",
    )
    _declare_text(parser)
    parser.add_argument(
        "--tok",
        metavar="TOKENIZER",
        help="tokenizer: space (default) or char; in corpus mode sacrebleu's 13a (default), "
        "intl, char, zh, none",
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
    parser.add_argument("--tok", metavar="TOKENIZER", help="tokenizer: space (default) or char")
    _declare_randomness(parser)
    _declare_output(parser)
    parser.set_defaults(mode="sentence", paired=None, refs=[])


def _declare_text(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "hyp",
        metavar="HYP",
        nargs="?",  # Optional for argparse only: the code that reads it has the better message.
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
        help="score N random lines instead of all; the reference set is not sampled",
    )
    parser.add_argument(
        "--confidence",
        action="store_true",
        help="add 95%% bootstrap intervals over the scored lines",
    )
    parser.add_argument(
        "--resamples",
        metavar="N",
        type=whole_number(100, 1_000_000),
        help="resamples of --confidence and --paired (default: 1000)",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=whole_number(0),
        help="seed of sampling and resampling (default: 0)",
    )


def _declare_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        metavar="json|text|tsv",
        type=one_of("format", "json", "text", "tsv"),
        default="json",
        help="output format (default: json)",
    )
    parser.add_argument(
        "--score-only", action="store_true", help="print only the numbers, one order per line"
    )


def _run_bleu(options: argparse.Namespace) -> None:
    # Importing numpy and sacrebleu here keeps --help fast.
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
        summary="BLEU of each line of a text against its other lines; high means repetitive",
        usage="HYP [-n N [N ...]] [options]",
        details="Self-BLEU: every line of HYP against all the other lines, mean of the sentence "
        "scores.\nOnly the scored line itself is left out. Its copies stay, because they are "
        f"the collapse\nthat this score must detect.\n\n{_DEFINITION}\n\n{_SELF_INTERVAL}",
        examples=(
            "self-bleu samples.txt",
            "self-bleu samples.txt -n 4 --score-only",
            "self-bleu poems.txt --tok char --confidence --format text",
        ),
        declare=_declare_self_bleu,
        run=_run_self_bleu,
    ),
)

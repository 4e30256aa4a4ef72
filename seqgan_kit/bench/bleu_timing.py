"""``seqgan-kit bench bleu``: time BLEU and Self-BLEU beside fast-bleu and nltk on the same lines."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from seqgan_kit.bench.bench_commands import declare_counts
from seqgan_kit.cli.command import Parser
from seqgan_kit.errors import UsageError

ORDERS = (2, 3, 4, 5)
WEIGHTS = {order: (1 / order,) * order for order in ORDERS}
PACKAGES = ("fast_bleu", "nltk")
"""Packages to compare with, if they are installed."""

ByOrder = dict[int, list[float]]
"""Scores of the sentences by order."""
Way = Callable[[], ByOrder | None]
"""A function that computes one score; it returns None if only the time matters."""


@dataclass(frozen=True)
class Texts:
    """Scored texts."""

    title: str
    """Source of the lines."""
    hypotheses: list[list[str]]
    """Scored lines as tokens."""
    references: list[list[str]]
    """Reference set."""


@dataclass(frozen=True)
class Measured:
    """A row of the table."""

    score: str
    """BLEU or Self-BLEU."""
    way: str
    """Implementation."""
    seconds: float
    """Fastest repetition, or an extrapolation."""
    remark: str = ""
    """Remark on the number."""


def bleu(words: Sequence[str]) -> None:
    """Time BLEU-2..5 and Self-BLEU-2..5 in every installed implementation."""
    options = _parse(words)
    for texts in _texts(options):
        rows = _measure(texts, options.repeats)
        if find_spec("nltk"):
            rows += _measure_nltk(texts, options.nltk_lines)
        _print_table(texts, rows)
    for package in PACKAGES:
        if not find_spec(package):
            print(f"{package} is not installed; add its rows with: pip install 'seqgan-kit[bench]'")


def _measure(texts: Texts, repeats: int) -> list[Measured]:
    """Measure all ways in turns, so that other load affects them alike."""
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(texts, Path(folder))
        seconds: dict[tuple[str, str], list[float]] = {name: [] for name in ways}
        found: dict[tuple[str, str], ByOrder | None] = {}
        for _ in range(repeats):
            for name, way in ways.items():
                start = time.perf_counter()
                found[name] = way()
                seconds[name].append(time.perf_counter() - start)
    rows = []
    for (score, whose), times in seconds.items():
        remark = _difference(found[score, whose], found[score, "library"])
        rows.append(Measured(score, whose, min(times), remark))
    return rows


def _ways(texts: Texts, folder: Path) -> dict[tuple[str, str], Way]:
    from seqgan_kit.metrics.text.bleu import ReferenceSet, self_sentence_scores, sentence_scores

    hyp, refs = folder / "hyp.txt", folder / "refs.txt"
    for path, lines in ((hyp, texts.hypotheses), (refs, texts.references)):
        path.write_text("".join(f"{' '.join(tokens)}\n" for tokens in lines), encoding="utf-8")
    kept = ReferenceSet(texts.references)

    def against(references: ReferenceSet) -> ByOrder:
        scores = sentence_scores(texts.hypotheses, references, ORDERS)
        return {order: values.tolist() for order, values in scores.items()}

    def among_themselves() -> ByOrder:
        scores = self_sentence_scores(texts.hypotheses, ORDERS)
        return {order: values.tolist() for order, values in scores.items()}

    ways: dict[tuple[str, str], Way] = {
        ("BLEU", "command"): lambda: _run("bleu", hyp, "--refs", refs),
        ("BLEU", "library"): lambda: against(ReferenceSet(texts.references)),
        ("BLEU", "refs kept"): lambda: against(kept),
        ("Self-BLEU", "command"): lambda: _run("self-bleu", hyp),
        ("Self-BLEU", "library"): among_themselves,
    }
    if find_spec("fast_bleu"):
        import fast_bleu

        ways["BLEU", "fast-bleu"] = lambda: fast_bleu.BLEU(texts.references, WEIGHTS).get_score(
            texts.hypotheses
        )
        ways["Self-BLEU", "fast-bleu"] = lambda: fast_bleu.SelfBLEU(
            texts.hypotheses, WEIGHTS
        ).get_score()
    return ways


def _run(*words: str | Path) -> None:
    """Run the whole command as a process, including start-up and reading of files."""
    command = [sys.executable, "-m", "seqgan_kit.cli.main", *map(str, words), "-n"]
    subprocess.run([*command, *map(str, ORDERS)], check=True, stdout=subprocess.DEVNULL)


def _measure_nltk(texts: Texts, lines: int) -> list[Measured]:
    """Measure nltk on the first lines only; all lines would take minutes to hours."""
    from seqgan_kit.metrics.text.bleu import ReferenceSet, self_sentence_scores, sentence_scores

    hypotheses = texts.hypotheses
    some = range(min(lines, len(hypotheses)))
    _by_nltk(["a"], [["a"]])  # Import nltk before timing it.
    against = sentence_scores([hypotheses[i] for i in some], ReferenceSet(texts.references), ORDERS)
    among = self_sentence_scores(hypotheses, ORDERS)
    others = [[*hypotheses[:i], *hypotheses[i + 1 :]] for i in some]
    rows = []
    for score, references, ours in (
        ("BLEU", [texts.references for _ in some], against),
        ("Self-BLEU", others, among),
    ):
        start = time.perf_counter()
        by_line = [_by_nltk(hypotheses[i], references[i]) for i in some]
        seconds = (time.perf_counter() - start) * len(hypotheses) / len(some)
        found = {n: [scores[k] for scores in by_line] for k, n in enumerate(ORDERS)}
        differ = _difference(found, {n: ours[n][: len(some)].tolist() for n in ORDERS})
        remark = f"extrapolated from {len(some)} of the {len(hypotheses)} lines; {differ}"
        rows.append(Measured(score, "nltk", seconds, remark))
    return rows


def _by_nltk(hypothesis: list[str], references: list[list[str]]) -> list[float]:
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    method1 = SmoothingFunction().method1
    return list(sentence_bleu(references, hypothesis, list(WEIGHTS.values()), method1))


def _difference(found: ByOrder | None, ours: ByOrder | None) -> str:
    if found is None or ours is None:
        return "whole process, including start-up and reading"
    largest = max(abs(a - b) for n in ORDERS for a, b in zip(found[n], ours[n], strict=True))
    return f"scores differ by at most {largest:.0e}" if largest else "the same scores"


def _print_table(texts: Texts, rows: list[Measured]) -> None:
    lines, references = len(texts.hypotheses), len(texts.references)
    print(f"\n{texts.title}: {lines} lines, {references} references, orders 2 to 5")
    library = {row.score: row.seconds for row in rows if row.way == "library"}
    for row in sorted(rows, key=lambda row: row.score):
        ratio = row.seconds / library[row.score]
        shown = f"  {row.score:<9}  {row.way:<9}  {row.seconds:>10,.3f} s  x {ratio:<9,.1f}  {row.remark}"
        print(shown.rstrip())


def _texts(options: argparse.Namespace) -> list[Texts]:
    generated = _generated(options.lines, options.seed)
    texts = [Texts("generated", generated[: options.lines], generated[options.lines :])]
    if options.hyp is not None:
        from seqgan_kit.cli.user_files import read_sentences

        given = (
            read_sentences(source, "space", lowercase=False)[: options.lines]
            for source in (options.hyp, options.refs)
        )
        texts.append(Texts(options.hyp, *given))
    return texts


def _generated(lines: int, seed: int) -> list[list[str]]:
    """Return twice ``lines`` lines of 6 to 15 words; word k of 5,000 has a frequency proportional to 1/k."""
    import numpy as np

    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 5001)
    lengths = rng.integers(6, 16, 2 * lines)
    words = rng.choice(5000, lengths.sum(), p=shares / shares.sum()).tolist()
    ends = np.cumsum(lengths).tolist()
    return [[f"w{k}" for k in words[end - n : end]] for end, n in zip(ends, lengths, strict=True)]


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="seqgan-kit bench bleu",
        description="Times BLEU-2..5 and Self-BLEU-2..5 on generated text, and on your own text, "
        "in turns with fast-bleu if it is installed. nltk runs on a few lines and is "
        "extrapolated. The table shows the fastest repetition and its ratio to the library.",
        allow_abbrev=False,
    )
    declare_counts(
        parser,
        (
            ("lines", 10_000, 2, "number of scored lines and of references"),
            ("repeats", 5, 1, "how often each way is timed"),
            ("nltk-lines", 10, 1, "lines that nltk scores"),
            ("seed", 0, 0, "seed of the generated text"),
        ),
    )
    parser.add_argument("--hyp", metavar="FILE", help="your own text; needs --refs")
    parser.add_argument("--refs", metavar="FILE", help="its references")
    options = parser.parse_args(words)
    if (options.hyp is None) != (options.refs is None):
        raise UsageError("only one of --hyp and --refs is given: give both files or neither.")
    return options

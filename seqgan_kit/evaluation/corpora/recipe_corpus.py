"""Training corpus of a recipe: text or rows of an oracle, with its known distribution if there is one."""

from __future__ import annotations

from dataclasses import replace

from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.catworld.tasks.task_choice import is_task, task_of
from seqgan_kit.data.pairs.load_pairs import load_pairs
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.text.load_text import TextCorpus, TextData, load_text
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.conditional.task_scores import TaskWorld
from seqgan_kit.evaluation.corpora.known_worlds import CatCaptions, OracleWorld, World
from seqgan_kit.evaluation.corpora.oracle_corpus import OracleData, load_oracle

__all__ = ["OracleData", "PairData", "TextData", "load_corpus"]


def load_corpus(
    data: TextData, oracle: OracleData, pairs: PairData | None = None
) -> tuple[TextCorpus, World | None]:
    """Load the corpus, and the exact distribution behind it if it is known."""
    # The labels of a bundled table are no task.
    if is_task(data.text) and not (pairs is not None and pairs.label_column):
        return _load_task(data, oracle, pairs)
    if pairs is not None and pairs.is_given:
        if oracle.oracle:
            raise UsageError(
                "an oracle's rows are written from nothing: leave --oracle or the sources out."
            )
        return load_pairs(data, pairs), None
    if not oracle.oracle:
        corpus = load_text(data)
        return corpus, CatCaptions(CatWorld()) if data.text == "catworld" else None
    if data.text != TextData.text:
        raise UsageError(
            f"both a text ({data.text}) and an oracle ({oracle.oracle}) are given: leave out "
            "--text or "
            "--oracle out."
        )
    truth, corpus = load_oracle(oracle)
    return corpus, OracleWorld(truth)


def _load_task(
    data: TextData, oracle: OracleData, pairs: PairData | None
) -> tuple[TextCorpus, World]:
    """Load the pairs of a task of the cat world, such as catworld:translate."""
    task = task_of(data.text)
    if pairs is None:
        raise UsageError(
            f"{data.text} is {task.about}, and this method writes without a source: use mle, seqgan, "
            "maligan, boundary_seeking or gumbel_softmax, or leave --text out for plain captions."
        )
    if pairs.is_given or oracle.oracle or data.column is not None:
        raise UsageError(
            f"{data.text} has its own sources: leave --sources, --source-column, --label-column, "
            "--prompt-words, --column and --oracle out."
        )
    given = replace(pairs, source_column="source")
    return load_pairs(replace(data, column="target"), given), TaskWorld(task)

"""The pairs that a conditional run is evaluated on: its own test split, or files named as for training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from seqgan_kit.data.catworld.tasks.task_choice import is_task, task_of
from seqgan_kit.data.pairs.encode_pairs import Pair, encode_pairs
from seqgan_kit.data.pairs.load_pairs import clean_pairs, encode_source
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.pairs.pair_rows import read_pairs
from seqgan_kit.data.text.text_account import SplitAccount
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.text_corpus import TextCorpus
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.conditional.answer_scores import HeldOutPairs, held_out_pairs
from seqgan_kit.evaluation.conditional.task_scores import TaskWorld
from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings
from seqgan_kit.evaluation.text_export import TextModel


@dataclass(frozen=True)
class EvaluationPairs:
    """Distinct sources with all their references, and the pairs that have a likelihood."""

    sources: list[str]
    """[N] as text."""
    held_out: HeldOutPairs
    """Their tokens [N,S] and references."""
    rows: Tensor
    """[M,S+T] of all pairs whose references fit into the model's rows."""
    name: str
    """Name of the split or file."""
    left_out: int = 0
    """References that are too long for the model's rows and have no likelihood."""
    world: TaskWorld | None = None
    """The known distribution of the pairs, if they are of a task of the cat world."""


def evaluation_pairs(
    model: TextModel,
    data: TextData,
    pairs: PairData,
    settings: EvaluationSettings,
    read_corpus: Callable[[], TextCorpus],
) -> EvaluationPairs:
    """Return the pairs of ``settings.test_text`` and ``test_sources``, or those of the run's test split."""
    if settings.test_sources is not None and settings.test_text is None:
        raise UsageError("--test-sources goes with --test-text: give both files.")
    if settings.test_text is None and is_task(data.text):
        found = replace(_pairs_of_corpus(read_corpus()), world=TaskWorld(task_of(data.text)))
    elif settings.test_text is not None:
        found = _pairs_of_files(model, data, pairs, settings)
    else:
        found = _pairs_of_corpus(read_corpus())
    if settings.sample is None or settings.sample >= len(found.sources):
        return found
    n = settings.sample
    given, references = found.held_out.given[:n], found.held_out.references[:n]
    return replace(found, sources=found.sources[:n], held_out=HeldOutPairs(given, references))


def _pairs_of_corpus(corpus: TextCorpus) -> EvaluationPairs:
    held_out = held_out_pairs(corpus)
    if held_out is None:
        raise UsageError(
            "this run has no test and no validation pairs: name a file with --test-text (and its "
            "sources with --test-sources)."
        )
    split = "test" if len(corpus.test) else "valid"
    rows = getattr(corpus, split)
    return EvaluationPairs(list(dict.fromkeys(corpus.sources[split])), held_out, rows, split)


def _pairs_of_files(
    model: TextModel, data: TextData, pairs: PairData, settings: EvaluationSettings
) -> EvaluationPairs:
    if not pairs.is_given:
        raise UsageError(
            "the pairs of this run come from a known task, so --test-text does not apply: leave it out."
        )
    if pairs.sources and settings.test_sources is None:
        raise UsageError("this run reads its sources from a second file: add --test-sources FILE.")
    if not pairs.sources and settings.test_sources is not None:
        raise UsageError(
            "this run has no file of sources, so --test-sources does not apply: --test-text alone has what "
            "is given, in the same form as the training text."
        )
    wanted = replace(data, text=settings.test_text or "", valid_text=None, test_text=None)
    given = replace(
        pairs,
        sources=settings.test_sources,
        valid_sources=None,
        test_sources=None,
        long_sources="cut",
    )
    read = read_pairs(wanted, given)
    account, kept = clean_pairs(read.get("test", read["train"]), given, strict=False)
    return _encoded(model, account, kept, wanted, given)


def _encoded(
    model: TextModel, account: SplitAccount, kept: list[Pair], data: TextData, given: PairData
) -> EvaluationPairs:
    vocabulary, width = model.given_vocabulary, getattr(model.generator, "given", 0)
    references: dict[str, list[str]] = {}
    for source, target in kept:
        texts = references.setdefault(vocabulary.tokenizer.normalise(source), [])
        texts.append(model.tokenizer.normalise(target))
    sources = list(references)
    tokens = torch.stack([encode_source(vocabulary, source, width) for source in sources])
    longest = model.generator.length - 1
    fitting, cut = (
        replace(data, max_tokens=longest, strict=False),
        replace(given, source_tokens=width),
    )
    part = encode_pairs(account, kept, model.tokenizer, vocabulary, fitting, cut)
    if not part.pairs:
        raise DataError(
            f"all lines of {account.source} are longer than the {longest} tokens of the model's rows: give "
            "shorter lines."
        )
    rows = part.rows(width, model.generator.length)
    held_out = HeldOutPairs(tokens, list(references.values()))
    return EvaluationPairs(sources, held_out, rows, account.source, part.account.too_long)

"""Outputs of a conditional text model: lines in, lines out, in the same order."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seqgan_kit.data.pairs.load_pairs import encode_source
from seqgan_kit.data.text.detokenize import as_written
from seqgan_kit.data.text.encoding import clean_line
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.beam_search import beam_search, check_beam
from seqgan_kit.sequences.sampling.best_of import BestOf


def check_conditional(model: TextModel) -> SequenceGenerator | BestOf:
    """Return the generator, or raise UsageError for one that takes no condition."""
    generator = model.generator
    if not isinstance(generator, SequenceGenerator | BestOf) or not generator.given:
        raise UsageError(
            "this run writes without a source, so --given and --prompt do not apply: draw from it with -n, "
            "or train on pairs (--sources, --source-column, --label-column or --prompt-words)."
        )
    return generator


def unknown_words(model: TextModel, source: str) -> list[str]:
    """Return the words of a source that are not in the vocabulary."""
    sources = model.given_vocabulary
    return [word for word in source.split() if sources.unknown in sources.encode(word)]


def check_prompt(model: TextModel, prompt: str) -> None:
    """Raise UsageError for a prompt with an unknown word, or an unknown class."""
    if model.given_vocabulary.tokenizer.kind == "class":
        model.given_vocabulary.encode(prompt)
    elif (strange := unknown_words(model, prompt)) or not prompt.strip():
        what = f"{', '.join(map(repr, strange[:5]))}, outside" if strange else "no word of"
        raise UsageError(
            f"the prompt {prompt!r} has {what} the model's vocabulary: use words of the training text."
        )


class SourceAccount:
    """Counts of what a model cannot read of the sources it is given: long ends and unknown tokens.

    Args:
        model: a model with sources, prompts or classes.
    """

    def __init__(self, model: TextModel):
        self._vocabulary, self._most = model.given_vocabulary, check_conditional(model).given
        self._lines = self._long = self._tokens = self._unknown = 0

    def count(self, sources: Sequence[str]) -> None:
        """Count some lines; raise UsageError with the number of a line that is not a class of the model."""
        for source in sources:
            self._lines += 1
            try:
                ids = self._vocabulary.encode(clean_line(source))
            except UsageError as error:
                raise UsageError(f"line {self._lines}: {error}") from None
            self._long += len(ids) > self._most
            self._tokens += len(ids)
            self._unknown += ids.count(self._vocabulary.unknown)

    def notes(self) -> list[str]:
        """Return a sentence for each loss."""
        notes = []
        if self._long:
            notes.append(
                f"{self._long:,} of {self._lines:,} sources are longer than the {self._most} tokens that the "
                "model reads; it read their last ones."
            )
        if self._unknown:
            notes.append(
                f"{self._unknown:,} of {self._tokens:,} source tokens are outside the model's vocabulary."
            )
        return notes


def generate(
    model: TextModel,
    sources: Sequence[str],
    *,
    beam: int | None = None,
    n_best: int = 1,
    length_penalty: float = 1.0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    rng: torch.Generator | None = None,
    detokenize: bool = False,
) -> list[list[str]]:
    """Generate lines for each source.

    Args:
        model: a model with sources, prompts or classes.
        sources: lines; only the last S tokens of a longer line are read.
        beam: width of the beam search; None samples.
        n_best: outputs per source: the best of the beam, or independent samples.
        length_penalty: of the beam search, see ``beam_search``.
        temperature, top_k, top_p: of samples.
        rng: of samples (default: seed 0).
        detokenize: join punctuation to its words.

    Returns:
        As many lists as sources, each of ``n_best`` lines, the best first.
    """
    generator = check_conditional(model)
    if beam is not None:
        check_beam(beam, n_best, length_penalty)
    elif n_best < 1:
        raise UsageError(f"{n_best} answers to each source: give at least 1.")
    if not sources:
        return []
    given = torch.stack(
        [encode_source(model.given_vocabulary, x, generator.given) for x in sources]
    )
    if beam is not None:
        if isinstance(generator, BestOf):
            raise UsageError(
                "a beam searches, and --best-of chooses among samples: leave one of them out."
            )
        found = beam_search(generator, given, beam, length_penalty=length_penalty, n_best=n_best)
        rows = found.rows.flatten(0, 1)
    else:
        rng = rng if rng is not None else torch.Generator().manual_seed(0)
        given = given.repeat_interleave(n_best, 0)
        rows = generator.sample(
            len(given), rng=rng, given=given, temperature=temperature, top_k=top_k, top_p=top_p
        )
    lines = [model.tokenizer.decode(row) for row in generator.written(rows).tolist()]
    if detokenize:
        lines = [as_written(line, model.tokenizer) for line in lines]
    return [lines[i : i + n_best] for i in range(0, len(lines), n_best)]

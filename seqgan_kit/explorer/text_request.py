"""Lines that a text model writes on request: after a source, after a beginning, sampled or searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.data.pairs.load_pairs import encode_source
from seqgan_kit.data.text.encoding import clean_line
from seqgan_kit.data.text.tokenizer import UNK
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.conditional.answering import check_prompt, unknown_words
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.beam_search import beam_search
from seqgan_kit.sequences.sampling.prefixes import continue_prefixes

MOST_LINES = 32
MOST_CHARACTERS = 4000


@dataclass(frozen=True)
class TextRequest:
    """What a visitor asks of a text model."""

    lines: int = 8
    """Number of lines."""
    seed: int = 0
    """Seed of samples."""
    source: str = ""
    """Source, context or class of a conditional model."""
    prompt: str = ""
    """Beginning that every line has."""
    temperature: float = 1.0
    """Temperature of samples."""
    top_k: int = 0
    """Number of tokens to sample from; 0: all."""
    top_p: float = 1.0
    """Probability of the tokens to sample from; 1: all."""
    beam: int = 0
    """Width of the beam search; 0 samples."""
    length_penalty: float = 1.0
    """Of the beam search."""

    @property
    def sampling(self) -> dict[str, Any]:
        """The sampling options as samplers take them."""
        return {
            "temperature": self.temperature,
            "top_k": self.top_k or None,
            "top_p": None if self.top_p >= 1 else self.top_p,
        }


def requested_rows(model: TextModel, request: TextRequest) -> Tensor:
    """Return rows [n,S+T] of an autoregressive model.

    Without a prompt, the samples of a seed are those of ``seqgan-kit sample --seed``.
    """
    generator = model.generator
    assert isinstance(generator, SequenceGenerator)
    check_request(request)
    given = _given(model, generator, request.source)
    prompt = _prompt_ids(model, generator, request.prompt)
    if request.beam:
        return _searched(generator, given, request, prompt)
    rng = torch.Generator().manual_seed(request.seed)
    how = request.sampling
    if not prompt:
        return generator.sample(
            request.lines, rng=rng, given=given.expand(request.lines, -1), **how
        )
    prefix = torch.cat([given, torch.tensor([prompt], dtype=torch.int64)], 1)
    return continue_prefixes(generator, prefix, request.lines, rng=rng, **how)[0]


def plain_lines(model: TextModel, request: TextRequest) -> list[str]:
    """Return lines of a model without an order of tokens, which takes no prompt and has no beam."""
    check_request(request)
    if request.prompt.strip() or request.beam:
        raise UsageError(
            "this model writes whole lines from noise or a code: leave the prompt out, and set the beam to 0."
        )
    return model.sample(request.lines, seed=request.seed, **request.sampling)


def check_request(request: TextRequest) -> None:
    """Raise UsageError for a request that is too large."""
    if not 1 <= request.lines <= MOST_LINES:
        raise UsageError(f"{request.lines} lines: ask for 1 to {MOST_LINES}.")
    for name, text in (("source", request.source), ("prompt", request.prompt)):
        if len(text) > MOST_CHARACTERS:
            raise UsageError(
                f"the {name} has {len(text):,} characters: shorten it to {MOST_CHARACTERS:,} or fewer."
            )


def _given(model: TextModel, generator: SequenceGenerator, source: str) -> Tensor:
    """Return the given tokens [1,S] of the source."""
    if not generator.given:
        return torch.empty(1, 0, dtype=torch.int64)
    if not source.strip():
        raise UsageError("this model writes after a source: type one.")
    if model.given_vocabulary.tokenizer.kind == "class":
        check_prompt(model, source)
    return encode_source(model.given_vocabulary, source, generator.given)[None]


def _prompt_ids(model: TextModel, generator: SequenceGenerator, prompt: str) -> list[int]:
    """Return the tokens of a prompt; refuse words that the model cannot read."""
    line = clean_line(prompt)
    if not line:
        return []
    ids = model.tokenizer.encode(line)
    if generator.eos is not None and UNK in ids:
        strange = [w for w in model.tokenizer.words(line) if UNK in model.tokenizer.encode(w)]
        named = ", ".join(map(repr, strange[:5])) or "a token"
        raise UsageError(
            f"the prompt has {named} outside the model's vocabulary: use words of the training text."
        )
    if len(ids) >= generator.length:
        raise UsageError(
            f"the prompt has {len(ids)} tokens and the model writes at most {generator.length}: shorten it."
        )
    return ids


def _searched(
    generator: SequenceGenerator, given: Tensor, request: TextRequest, prompt: list[int]
) -> Tensor:
    if prompt:
        raise UsageError(
            "a beam search starts at the first token: leave the prompt out, or set the beam to 0."
        )
    if request.lines > request.beam:
        raise UsageError(
            f"a beam of {request.beam} has no {request.lines} best lines: widen the beam, or ask for fewer "
            "lines."
        )
    found = beam_search(
        generator,
        given,
        request.beam,
        length_penalty=request.length_penalty,
        n_best=request.lines,
    )
    return found.rows[0]


def source_notes(model: TextModel, source: str) -> list[str]:
    """Return a sentence for each thing that the model cannot read of a source."""
    generator, vocabulary = model.generator, model.given_vocabulary
    if not getattr(generator, "given", 0) or vocabulary.tokenizer.kind == "class":
        return []
    assert isinstance(generator, SequenceGenerator)
    notes = []
    if strange := unknown_words(model, clean_line(source)):
        notes.append(f"Unknown to the model: {', '.join(strange[:8])}.")
    tokens = len(vocabulary.encode(clean_line(source)))
    if tokens > generator.given:
        notes.append(
            f"The source has {tokens} tokens; the model read the last {generator.given} of them."
        )
    return notes

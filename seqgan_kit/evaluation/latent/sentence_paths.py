"""Sentences on the path between the codes of two sentences, and a control without codes."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgan_kit.data.text.encoding import clean_line
from seqgan_kit.data.text.tokenizer import EOS, PAD, UNK
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM


def code_paths(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Return codes [R,steps,d] on the straight lines from ``start`` to ``end`` [R,d], both ends included."""
    if steps < 2:
        raise UsageError(f"a path of {steps} sentences has no two ends: give 2 or more.")
    shares = torch.linspace(0, 1, steps).to(start).view(1, -1, 1)
    return torch.lerp(start.unsqueeze(1), end.unsqueeze(1), shares)


@torch.no_grad()
def sentences_between(
    model: LatentLSTM, first: Tensor, second: Tensor, steps: int, beam: int = 1
) -> Tensor:
    """Return the likeliest rows [R,steps,T] on the paths between the mean codes of rows [R,T]."""
    codes = code_paths(model.posterior(first)[0], model.posterior(second)[0], steps)
    return model.decoded(codes.flatten(0, 1), beam).unflatten(0, (len(first), steps))


def mixed_tokens(first: Tensor, second: Tensor, steps: int, rng: torch.Generator) -> Tensor:
    """Return the control [R,steps,T]: each token comes from the second row with a probability that rises
    from 0 to 1 along the path, else from the first."""
    shares = torch.linspace(0, 1, steps).view(1, -1, 1)
    drawn = torch.rand(len(first), steps, first.shape[1], generator=rng)
    mixed = torch.where(drawn < shares, second.unsqueeze(1), first.unsqueeze(1))
    ended = (mixed == EOS).long()
    return torch.where((ended.cumsum(2) - ended) > 0, PAD, mixed)


def interpolated_lines(
    model: TextModel, first: str, second: str, steps: int, beam: int = 1
) -> list[str]:
    """Return ``steps`` lines from the first to the second, both as the model rebuilds them.

    Raises:
        UsageError: the model has no codes, or a line does not fit it.
    """
    generator = model.generator
    if not isinstance(generator, LatentLSTM):
        raise UsageError(
            "interpolation between two sentences needs a model with codes of sentences, and this one is a "
            f"{type(generator).__name__}: train one with 'seqgan-kit run text_vae'."
        )
    start, end = (_row(model, line, generator.length) for line in (first, second))
    found = sentences_between(generator, start, end, steps, beam)[0]
    return [model.tokenizer.decode(row) for row in found.tolist()]


def _row(model: TextModel, line: str, length: int) -> Tensor:
    """Return the token row [1,T] of a line; raise UsageError for one that does not fit."""
    ids = model.tokenizer.encode(clean_line(line))
    if not ids or len(ids) > length:
        raise UsageError(
            f"{line!r} has {len(ids)} tokens, and the model reads 1 to {length}: give another line."
        )
    if UNK in ids:
        words = [word for word in line.split() if UNK in model.tokenizer.encode(word)]
        raise UsageError(
            f"{line!r} has words outside the model's vocabulary: {', '.join(map(repr, words[:5]))}. Use "
            "words of the training text."
        )
    row = [*ids, EOS][:length]
    return torch.tensor([row + [PAD] * (length - len(row))])

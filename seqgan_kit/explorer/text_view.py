"""The lines of a request as HTML, with the readings of G and D."""

from __future__ import annotations

import torch

from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.text_request import (
    TextRequest,
    plain_lines,
    requested_rows,
    source_notes,
)
from seqgan_kit.explorer.token_markup import VALUE, lines_markup, plain_markup
from seqgan_kit.explorer.token_readings import action_values, read_rows
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator


def text_markup(run: OpenedRun, request: TextRequest, colour: str, rollouts: int) -> str:
    """Return the requested lines as HTML; only colours by D's value cost rollouts."""
    with run.players() as (model, discriminator):
        generator = model.generator
        if not isinstance(generator, SequenceGenerator):
            return plain_markup(plain_lines(model, request))
        rows = requested_rows(model, request)
        values = None
        if discriminator is not None and colour == VALUE:
            rng = torch.Generator().manual_seed(request.seed)
            values = action_values(generator, discriminator, rows, rollouts, rng)
        readings = read_rows(generator, model.tokenizer, rows, values)
        return lines_markup(readings, colour, source_notes(model, request.source))

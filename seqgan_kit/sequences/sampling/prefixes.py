"""Continue given prefixes to whole sequences."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.drawing_tokens import finish_rows, shaped_drawer
from seqgan_kit.sequences.sampling.inverse_cdf import Drawer, draw_uniforms
from seqgan_kit.sequences.sampling.rows_in_progress import Rows, StateRows
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS, Stepper


def continue_prefixes(
    generator: SequenceGenerator,
    prefixes: Tensor,
    per_prefix: int,
    *,
    rng: torch.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Tensor:
    """Draw ``per_prefix`` continuations from G(. | prefix) for each prefix, which is read only once.

    A prefix with EOS is complete and is returned with PAD after it. ``chunk_rows`` limits memory and does not
    change results, since every continuation has its own random numbers.

    Args:
        generator: the generator; its modes, buffers and gradients do not change.
        prefixes: [B,S+n] with 0 <= n <= T.
        per_prefix: M.
        rng: random generator.
        temperature, top_k, top_p: see ``sample_sequences``.
        chunk_rows: rows that are stepped together.

    Returns:
        [B,M,S+T].
    """
    missing = generator.given + generator.length - prefixes.shape[1]
    if not 0 <= missing <= generator.length or min(per_prefix, chunk_rows) < 1:
        raise UsageError(
            f"cannot continue prefixes of {prefixes.shape[1]} tokens {per_prefix} times in chunks of "
            f"{chunk_rows}: a sequence has {generator.length} tokens after {generator.given} given ones, and "
            "both numbers are at least 1."
        )
    uniforms = draw_uniforms((len(prefixes), per_prefix, missing), rng, prefixes.device)
    with torch.no_grad(), evaluating(generator):
        stepper = generator.stepper()
        draw = shaped_drawer(stepper, temperature, top_k, top_p)
        at_once = max(1, min(chunk_rows, stepper.most_rows) // per_prefix)
        parts = zip(prefixes.split(at_once), uniforms.split(at_once), strict=True)
        return torch.cat([_continue(stepper, draw, *part) for part in parts])


def _continue(stepper: Stepper, draw: Drawer, prefixes: Tensor, uniforms: Tensor) -> Tensor:
    """Return rows [B,M,S+T] from prefixes [B,S+n] and uniform numbers [B,M,T-n]."""
    generator = stepper.generator
    rows, copies, missing = uniforms.shape
    out = F.pad(prefixes.repeat_interleave(copies, 0), (0, missing), value=generator.pad or 0)
    first = torch.arange(rows, device=out.device)
    if generator.eos is not None:
        first = first[(prefixes[:, generator.given :] != generator.eos).all(1)]
    if missing and len(first):
        hidden, states = _read(stepper, prefixes[first], copies)
        # The M first tokens of a prefix's continuations come from one distribution.
        tokens = draw(hidden, uniforms[first, :, 0]).flatten()
        alive = (first.unsqueeze(1) * copies + torch.arange(copies, device=out.device)).flatten()
        finish_rows(stepper, draw, out, alive, tokens, states, uniforms.flatten(0, 1))
    return out.view(rows, copies, -1)


def _read(stepper: Stepper, prefixes: Tensor, copies: int) -> tuple[Tensor, Rows]:
    """Return the hidden state [B,H] after BOS and prefixes [B,S+n], and M rows that continue each."""
    given = stepper.generator.given
    if stepper.beginnings is not None:
        beginnings = stepper.beginnings(prefixes)
        owner = torch.arange(len(prefixes), device=prefixes.device).repeat_interleave(copies)
        kept = torch.full_like(owner, prefixes.shape[1] - given)
        return beginnings.hidden[:, -1], beginnings.rows(owner, kept)
    state = stepper.generator.start(prefixes[:, :given])
    bos = prefixes.new_full((len(prefixes),), stepper.generator.bos)
    hidden, state = stepper.advance(bos, state)
    for tokens in prefixes[:, given:].t():
        hidden, state = stepper.advance(tokens, state)
    copied = tuple(part.repeat_interleave(copies, dim=0) for part in state)
    return hidden, StateRows(stepper.advance, copied)

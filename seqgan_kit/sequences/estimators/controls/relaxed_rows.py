"""Relaxed rows as a smooth function of given Gumbel noise."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator


def relaxed_rows(
    generator: SequenceGenerator, noise: Tensor, temperature: Tensor | float, given: Tensor
) -> Tensor:
    """Return relaxed rows [B,S+T,R] of noise n [B,T,V], without a jump anywhere.

        s_t = softmax((l_t(s_<t) + n_t) / tau),     x_t = a_t s_t + (1 - a_t) PAD
        a_1 = 1,     a_t+1 = a_t (1 - s_t[EOS])

    l_t are the generator's logits after the relaxed tokens x_<t. As tau goes to 0, the rows become the
    one-hots of the tokens that the noise chooses. ``sample_relaxed`` ends a row where EOS is its largest
    entry; here the end is relaxed as well, because a mean over noise has the derivative of its terms only if
    these do not jump.

    Args:
        generator: the generator, which reads soft one-hots.
        noise: n [B,T,V].
        temperature: tau.
        given: conditions [B,S]; they are one-hots of R ids, V and those that only given tokens have.
    """
    state = generator.start(given)
    inputs = torch.full((len(noise),), generator.bos, device=noise.device)
    rows = list(F.one_hot(given, generator.readable).to(noise.dtype).unbind(1))
    more = generator.readable - generator.vocabulary
    goes_on = noise.new_ones(len(noise), 1)
    for column in noise.unbind(1):
        logits, state = generator.step(inputs, state)
        row = ((logits + column) / temperature).softmax(1)
        if generator.eos is not None:
            end = row[:, generator.eos, None]
            pad = F.one_hot(torch.tensor(generator.pad or 0, device=row.device), row.shape[1])
            row, goes_on = goes_on * row + (1 - goes_on) * pad, goes_on * (1 - end)
        rows.append(F.pad(row, (0, more)) if more else row)
        inputs = row
    return torch.stack(rows, 1)

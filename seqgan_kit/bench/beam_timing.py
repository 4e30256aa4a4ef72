"""Time beam search with an attention encoder-decoder against a plain search, in turns."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.bench.side_by_side import machine, ratio_line, seconds_line, time_in_turns
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig, RNNSearchGenerator
from seqgan_kit.sequences.sampling.beam_search import beam_search


@dataclass(frozen=True)
class BeamSetting:
    """Settings of the benchmark; sizes as of Multi30k with subwords. Random weights write rows of full
    length, so real answers are faster."""

    sources: int = 100
    beam: int = 5
    length: int = 30
    vocabulary: int = 8000
    given: int = 30
    hidden: int = 256
    repeats: int = 1
    seed: int = 0


@torch.no_grad()
def plain_beam_search(generator: SequenceGenerator, given: Tensor, beam: int) -> Tensor:
    """Return the best row [n,S+T] after each condition, by log-probability.

    All K*V continuations are sorted at every step, and every row has a copy of its source's encoding.
    """
    n = len(given)
    state = tuple(part.repeat_interleave(beam, 0) for part in generator.start(given))
    rows = given.new_empty(n, beam, 0)
    totals = torch.full((n, beam), -1e9)
    totals[:, 0] = 0.0
    last = torch.full((n * beam,), generator.bos)
    for _ in range(generator.length):
        logits, state = generator.step(last, state)
        words = logits.shape[1]
        scores = totals.unsqueeze(2) + logits.log_softmax(1).view(n, beam, words)
        totals, best = scores.flatten(1).topk(beam, dim=1)
        parent, token = best // words, best % words
        kept = rows.gather(1, parent.unsqueeze(2).expand_as(rows))
        rows = torch.cat([kept, token.unsqueeze(2)], 2)
        order = (torch.arange(n).unsqueeze(1) * beam + parent).flatten()
        state, last = tuple(part[order] for part in state), token.flatten()
    return torch.cat([given, rows[:, 0]], 1)


def beam_report(setting: BeamSetting) -> str:
    """Time both searches in turns; return a text."""
    rng = torch.Generator().manual_seed(setting.seed)
    config = RNNSearchConfig(setting.hidden, setting.hidden, 0.0)
    generator = RNNSearchGenerator(
        config,
        setting.vocabulary,
        setting.length,
        bos=1,
        eos=2,
        pad=0,
        given=setting.given,
        rng=rng,
    ).eval()
    shape = (setting.sources, setting.given)
    given = torch.randint(3, setting.vocabulary, shape, generator=rng)
    lengths = torch.randint(1, setting.given + 1, (setting.sources, 1), generator=rng)
    given[torch.arange(setting.given) >= lengths] = 0

    def library() -> Tensor:
        return beam_search(generator, given, setting.beam).rows[:, 0]

    same = (library() == plain_beam_search(generator, given, setting.beam)).all(1).float().mean()
    seconds = time_in_turns(
        {"plain": lambda: plain_beam_search(generator, given, setting.beam), "fast": library},
        setting.repeats,
    )
    each = statistics.median(seconds["fast"]) / setting.sources
    return "\n".join(
        [
            f"beam search: K={setting.beam}, rnn_search {setting.hidden}/{setting.hidden}, "
            f"V={setting.vocabulary}, S={setting.given}, T={setting.length}, {setting.sources} sources, "
            f"{machine()}",
            seconds_line(
                "plain, all continuations sorted", seconds["plain"], setting.sources, "sources"
            ),
            seconds_line("library", seconds["fast"], setting.sources, "sources"),
            ratio_line(seconds["plain"], seconds["fast"]),
            f"  1,000 sources take {1000 * each:.1f} s; {same:.2%} of the rows are those of the plain search",
        ]
    )

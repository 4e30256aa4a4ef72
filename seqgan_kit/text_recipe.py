"""Shared parts of text recipes: hooks for training, and model, scores and report after it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.core.training.alarms import Alarm
from seqgan_kit.core.training.hooks import Hooks
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.pairs.pair_rows import TURN
from seqgan_kit.data.text.load_text import TextCorpus
from seqgan_kit.evaluation.pretrained import start_from
from seqgan_kit.evaluation.sampling_variants import judge_of_rows
from seqgan_kit.report.closing import close_run
from seqgan_kit.report.run_page import write_report
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.fine_tuning import PRETRAINED
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice, build_generator
from seqgan_kit.sequences.generators.pair_reader import PairReader


class TextScorerLike(Protocol):
    """Interface of a text scorer: curves and samples during training, table and model after it."""

    @property
    def corpus(self) -> TextCorpus:
        """The text that it scores against."""

    def __call__(self, game: Game, rng: torch.Generator) -> Mapping[str, float]:
        """Return the measures of an evaluation."""

    def draw_lines(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Write a few samples as text."""

    def alarms(self) -> tuple[Alarm, ...]:
        """Return the alarms of every run with these scores."""

    def rows(
        self,
        generators: Mapping[str, nn.Module],
        seed: int,
        *,
        judge: nn.Module | None = None,
        quiet: bool = False,
    ) -> list[dict[str, Any]]:
        """Return the rows of the final table."""

    def record(self, title: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the content of scores.json."""

    def export(self, game: Game, folder: Path, about: Mapping[str, Any] | None = None) -> None:
        """Write the model."""


def starting_generator(
    run: Run, choice: GeneratorChoice, corpus: TextCorpus, pretrained: str
) -> SequenceGenerator:
    """Return the chosen generator for a corpus, with the weights of an earlier run if one is named."""
    ids = corpus.tokenizer
    generator = build_generator(
        choice,
        ids.vocabulary_size,
        corpus.length,
        bos=ids.bos,
        eos=ids.eos,
        pad=ids.pad,
        given=corpus.given,
        source_vocabulary=corpus.vocabulary - ids.vocabulary_size,
        model_ids=getattr(ids, "model_special_ids", None),
    )
    if isinstance(generator, PairReader):
        generator.split_at(corpus.given_vocabulary.encode(TURN.strip()))
    start_from(pretrained, generator, ids, run.say, corpus.source_vocabulary)
    return generator


def corpus_discriminator(choice: DiscriminatorChoice, corpus: TextCorpus) -> Discriminator:
    """Return the chosen discriminator of the whole rows of a corpus."""
    length, pad = corpus.given + corpus.length, corpus.tokenizer.pad
    ids = getattr(corpus.tokenizer, "model_special_ids", None)
    return build_discriminator(
        choice, corpus.vocabulary, length, pad=pad, given=corpus.given, model_ids=ids
    )


def text_hooks(scorer: TextScorerLike, *alarms: Alarm) -> Hooks:
    """Return the hooks of a text run: evaluation, samples, report, the scorer's alarms and given ones."""
    return Hooks(scorer, scorer.draw_lines, write_report, (*scorer.alarms(), *alarms))


def close_text_run(
    trainer: Trainer,
    scorer: TextScorerLike,
    name: str,
    *,
    start: str = "",
    beside: Mapping[str, str] | None = None,
    title: str = "",
) -> None:
    """Write the model, the scores and the report of a trained game, on rank 0 only.

    Args:
        trainer: trainer whose training has ended.
        scorer: makes the table and saves the model.
        name: name of the trained generator's row.
        start: name of a first row for the generator as it was after pretraining; "" for none.
        beside: further first rows: their names, and the players that they show.
        title: title of the table (default: the names of its rows).
    """
    run, game = trainer.state.run, trainer.game
    if not run.runtime.leads:
        return
    generators = {start: trainer.player_after(PRETRAINED, "generator")} if start else {}
    generators |= {row: game.players[player] for row, player in (beside or {}).items()}
    generators[name] = game.generator
    seed, quiet = run.settings.seed, run.settings.quiet
    rows = scorer.rows(generators, seed, judge=judge_of_rows(game), quiet=quiet)
    scorer.export(game, run.log.model_folder)
    record = scorer.record(title or f"{', '.join(generators)} and real data", rows)
    close_run(run, record, use=_first_use(scorer.corpus, run.folder))


def _first_use(corpus: TextCorpus, folder: Path) -> str:
    """Return the command that draws from a conditional run; "" for the plain one of all runs."""
    if not corpus.given:
        return ""
    what = "--given FILE" if corpus.has_blanks else "--given FILE --beam 5"
    if corpus.classes:
        what = f"--prompt {shlex.quote(corpus.classes[0])}"
    return f"sample {shlex.quote(str(folder))} {what}"

"""A trained text model, as returned by ``sk.load``: lines in, lines and numbers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.data.pairs.load_pairs import encode_source
from seqgan_kit.data.text.encoding import clean_line
from seqgan_kit.data.text.tokenizer import Tokenizer
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.conditional.answering import generate
from seqgan_kit.evaluation.detection.line_detector import LineAnomaly, line_detector
from seqgan_kit.evaluation.detection.line_rows import cut_rows
from seqgan_kit.evaluation.discriminator_export import load_discriminator
from seqgan_kit.evaluation.latent.sentence_paths import interpolated_lines
from seqgan_kit.evaluation.text_export import TextGenerator, TextModel
from seqgan_kit.face.line_judge import LineJudge
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.sampling.drawing_tokens import sample_tokens
from seqgan_kit.sharing.shareable import Shareable

_CHUNK_ROWS = 512


class TrainedTextModel(Shareable):
    """A text generator with its tokenizer, and the discriminator it was trained with, if any.

    Args:
        folder: folder that it was loaded from.
        loaded: generator and tokenizer.
        discriminator: for a discriminator of a class of your own, the class or a function that builds it.
    """

    def __init__(
        self,
        folder: Path,
        loaded: TextModel,
        discriminator: nn.Module | Callable[..., nn.Module] | None = None,
    ):
        super().__init__(folder)
        self._loaded, self._own_discriminator = loaded, discriminator

    @property
    def generator(self) -> TextGenerator:
        """The network."""
        return self._loaded.generator

    @property
    def tokenizer(self) -> Tokenizer:
        """Converter of lines to token ids and back."""
        return self._loaded.tokenizer

    def generate(
        self,
        sources: Sequence[str],
        *,
        beam: int | None = None,
        n_best: int = 1,
        length_penalty: float = 1.0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        best_of: int | None = None,
        seed: int = 0,
        detokenize: bool = False,
    ) -> list[list[str]]:
        """Write ``n_best`` lines after each source, prompt or class; see ``answering.generate``.

        Args:
            sources: lines.
            beam: width of a beam search; None samples.
            n_best: lines for each source: the best of the beam, or independent samples.
            length_penalty: of the beam; above 0 it favours longer lines.
            temperature: of samples.
            top_k: of samples.
            top_p: of samples.
            best_of: samples of which the one that the discriminator scores highest is kept.
            seed: the same seed gives the same samples.
            detokenize: join punctuation to its words.
        """
        return generate(
            self._choosing(best_of),
            sources,
            beam=beam,
            n_best=n_best,
            length_penalty=length_penalty,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            rng=torch.Generator().manual_seed(seed),
            detokenize=detokenize,
        )

    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        best_of: int | None = None,
        seed: int = 0,
        detokenize: bool = False,
    ) -> list[str]:
        """Draw ``n`` lines.

        Args:
            n: how many.
            temperature: below 1 more typical, above 1 more varied lines.
            top_k: draw from the k likeliest tokens only.
            top_p: draw from the fewest tokens that hold this probability.
            best_of: lines drawn for each of which the one that the discriminator scores highest is kept.
            seed: the same seed gives the same lines.
            detokenize: join punctuation to its words.
        """
        return self._choosing(best_of).sample(
            n,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            detokenize=detokenize,
        )

    def _choosing(self, best_of: int | None) -> TextModel:
        """Return the model itself, or one that keeps the best of some samples."""
        if best_of is None:
            return self._loaded
        return self._loaded.best_of(best_of, self.discriminator.network)

    @torch.no_grad()
    def log_prob(
        self, lines: Sequence[str], sources: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Return the log-probability [N] of each line and its end, in nats; of a conditional model, after its
        source.

        A line as long as the model's rows has no room for an end: it counts as a truncated sample. A word
        that the tokenizer does not know counts as the unknown token.
        """
        generator, rows = self._autoregressive("log_prob"), self._rows(lines, sources)
        with evaluating(generator):
            parts = [generator.sequence_log_prob(part) for part in rows.split(_CHUNK_ROWS)]
        return cast(NDArray[np.float32], torch.cat(parts).cpu().numpy())

    @torch.no_grad()
    def complete(
        self,
        prefix: str,
        n: int = 1,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        source: str | None = None,
    ) -> list[str]:
        """Draw ``n`` lines that begin with ``prefix``, of a conditional model after ``source``; the other
        arguments are those of ``sample``."""
        generator = self._autoregressive("complete")
        ids = self.tokenizer.encode(clean_line(prefix))
        if len(ids) >= generator.length:
            raise DataError(
                f"the prefix has {len(ids)} tokens and the model writes at most {generator.length - 1}: give "
                "a shorter one."
            )
        given = self._given(None if source is None else [source], 1)
        first = given.shape[1]
        rows = torch.full((n, first + generator.length), generator.pad or 0)
        rows[:, :first] = given
        rows[:, first : first + len(ids)] = torch.tensor(ids, dtype=torch.int64)
        rng = torch.Generator().manual_seed(seed)
        with evaluating(generator):
            for position in range(len(ids), generator.length):
                logits = generator.logits(rows)[:, position]
                rows[:, first + position] = sample_tokens(logits, rng, temperature, top_k, top_p)
        return [self.tokenizer.decode(row) for row in rows[:, first:].tolist()]

    def interpolate(self, first: str, second: str, n: int = 9, *, beam: int = 1) -> list[str]:
        """Return ``n`` lines on the path between the codes of two lines, both ends included.

        Only a model with codes of sentences can do so (``text_vae``). Each line is the likeliest that a beam
        search of width ``beam`` finds.
        """
        return interpolated_lines(self._loaded, first, second, n, beam)

    def detect(self, lines: Sequence[str], by: str = "") -> list[LineAnomaly]:
        """Return how anomalous each line is under the model, beside baselines; ``by`` names the score that
        p-values are of (default: the largest surprise of a token, where the model has one)."""
        if isinstance(lines, str):
            raise UsageError("one string was given where lines are needed: give a list of lines.")
        own = None if self._own_discriminator is None else self.discriminator.network
        detector = line_detector(self.folder, self._loaded, by, own)
        return list(detector(enumerate(lines, start=1)))

    @cached_property
    def discriminator(self) -> LineJudge:
        """The discriminator: ``model.discriminator.score(lines)``.

        Raises:
            UsageError: the model was saved without one.
        """
        network = load_discriminator(self.folder, self._own_discriminator)
        return LineJudge(network, self._rows)

    def _given(self, sources: Sequence[str] | None, n: int) -> Tensor:
        """Return the given tokens [N,S] of sources."""
        length = getattr(self.generator, "given", 0)
        if sources is not None and not length:
            raise UsageError("this model writes without a source: leave the sources out.")
        if length and (sources is None or isinstance(sources, str) or len(sources) != n):
            raise UsageError(
                f"this model writes after sources: give a list of {n}, one for each line."
            )
        vocabulary = self._loaded.given_vocabulary
        given = [encode_source(vocabulary, source, length) for source in sources or ()]
        return torch.stack(given) if given else torch.zeros(n, 0, dtype=torch.int64)

    def _rows(self, lines: Sequence[str], sources: Sequence[str] | None = None) -> Tensor:
        """Return token rows [N,S+T]; raise an error for a line with more tokens than the model writes."""
        if isinstance(lines, str):
            raise UsageError("one string was given where lines are needed: give a list of lines.")
        if not len(lines):
            raise DataError("no lines were given: give at least one.")
        length, ends = self.generator.length, getattr(self.generator, "eos", None) is not None
        rows = [self.tokenizer.encode(clean_line(line)) for line in lines]
        for number, ids in enumerate(rows):
            if len(ids) > length:
                raise DataError(
                    f"line {number + 1} has {len(ids)} tokens and the model reads at most {length}: "
                    f"{lines[number][:60]!r}. Leave it out or shorten it."
                )
        return torch.cat([self._given(sources, len(lines)), cut_rows(rows, length, ends=ends)], 1)

    def _autoregressive(self, verb: str) -> SequenceGenerator:
        generator = self.generator
        if not isinstance(generator, SequenceGenerator):
            raise UsageError(
                f"{verb} needs a generator with the exact probability of every next token; "
                f"{type(generator).__name__} writes from noise or a code and has no exact likelihood."
            )
        return generator

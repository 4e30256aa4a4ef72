"""Save and load trained text generators: weights, settings, tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save
from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.checksums import check_sums, sums_of
from seqgan_kit.core.files.json_kinds import maybe, record, text, whole, word_of
from seqgan_kit.core.files.stored_models import MOST_TOKENS, network_settings, restored_network
from seqgan_kit.core.files.user_classes import (
    ForeignClass,
    not_finite,
    weights_to_save,
)
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.data.text.detokenize import as_written
from seqgan_kit.data.text.source_vocabulary import BlankedVocabulary, SourceVocabulary
from seqgan_kit.data.text.tokenizer import PAD, Tokenizer
from seqgan_kit.data.text.tokenizers import load_tokenizer
from seqgan_kit.errors import CheckpointError, UsageError
from seqgan_kit.evaluation.discriminator_export import DESCRIBED, WEIGHTS, save_discriminator
from seqgan_kit.evaluation.sampling_variants import judge_of_rows
from seqgan_kit.evaluation.saved.generator_description import (
    TextGenerator,
    built_generator,
    check_text_model,
    describe_generator,
    handed_over,
    known_name,
)
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM
from seqgan_kit.sequences.generators.masked_denoiser import MaskedDenoiser
from seqgan_kit.sequences.sampling.best_of import BestOf

__all__ = [
    "TextGenerator",
    "TextModel",
    "check_text_model",
    "export_game",
    "known_name",
    "load_text_model",
    "save_text_model",
]

_TOKEN = maybe(whole(0, 2**24))
MODEL = record(
    {
        "kind": word_of("text"),
        "generator": record(
            {}, {"name": text(100), "config": network_settings, "class": text(1000)}
        ),
        "vocabulary": whole(2, 2**24),
        "length": whole(1, MOST_TOKENS),
    },
    {
        "bos": _TOKEN,
        "eos": _TOKEN,
        "pad": _TOKEN,
        "given": _TOKEN,
        "source_vocabulary": _TOKEN,
        "discriminator": DESCRIBED,
    },
)
"""Format of a text model's model.json."""
_OF_SOURCES = "source_tokenizer.json"


@dataclass(frozen=True)
class TextModel:
    """A generator with its tokenizer, and the vocabulary of its sources if that is another."""

    generator: TextGenerator
    tokenizer: Tokenizer
    source_vocabulary: SourceVocabulary | None = None

    @property
    def given_vocabulary(self) -> SourceVocabulary:
        """Converter of sources to given tokens."""
        if getattr(self.generator, "fills_blanks", False):
            return BlankedVocabulary(self.tokenizer, length=self.generator.length)
        return self.source_vocabulary or SourceVocabulary(self.tokenizer)

    def best_of(self, tries: int, discriminator: Discriminator) -> TextModel:
        """Return the model that draws ``tries`` samples for each and keeps the one with the highest score."""
        whole = self.generator
        if not isinstance(whole, SequenceGenerator):
            raise UsageError(
                f"--best-of: the model writes by {type(whole).__name__}, whose rows a discriminator does not "
                "score. Leave it out."
            )
        # It draws as the generator does, and has no likelihood that anybody could ask for.
        return replace(self, generator=cast(Any, BestOf(whole, discriminator, tries)))

    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        out: Path | None = None,
        condition: str | None = None,
        detokenize: bool = False,
    ) -> list[str]:
        """Sample ``n`` lines; ``detokenize`` writes them as people do; ``out`` also saves them to a file."""
        if condition is not None:
            raise UsageError(
                f"--condition {condition!r}: a text model takes no condition; leave it out, or "
                "sample a conditional image model."
            )
        rng = torch.Generator().manual_seed(seed)
        tokens = self.generator.sample(
            n, rng=rng, temperature=temperature, top_k=top_k, top_p=top_p
        )
        lines = [self.tokenizer.decode(row) for row in tokens.tolist()]
        if detokenize:
            lines = [as_written(line, self.tokenizer) for line in lines]
        if out is not None:
            write_whole(out, "".join(f"{line}\n" for line in lines).encode())
        return lines


def save_text_model(
    folder: Path,
    generator: TextGenerator,
    tokenizer: Tokenizer,
    about: Mapping[str, Any] | None = None,
    discriminator: nn.Module | None = None,
    source_vocabulary: SourceVocabulary | None = None,
) -> None:
    """Write model.json (with further facts about the model), the weights and tokenizer.json.

    The discriminator that it was trained with is saved beside it if one is given, and source_tokenizer.json
    for sources with a vocabulary of their own. Networks of a class that is not this package's are saved too;
    model.json names the class for people.
    """
    check_text_model(generator)
    folder.mkdir(parents=True, exist_ok=True)
    described = {
        "kind": "text",
        "generator": describe_generator(generator),
        "vocabulary": generator.vocabulary,
        "length": generator.length,
    }
    if isinstance(generator, SequenceGenerator | LatentLSTM | MaskedDenoiser):
        described |= {name: getattr(generator, name) for name in ("bos", "eos", "pad", "given")}
    write_whole(folder / "generator.safetensors", save(weights_to_save(generator.state_dict())))
    tokenizer.save(folder / "tokenizer.json")
    files = ["generator.safetensors", "tokenizer.json"]
    if source_vocabulary is not None and source_vocabulary.size:
        described["source_vocabulary"] = source_vocabulary.size
        source_vocabulary.tokenizer.save(folder / _OF_SOURCES)
        files.append(_OF_SOURCES)
    if discriminator is not None:
        pad = generator.pad if isinstance(generator, SequenceGenerator) else PAD
        described["discriminator"] = {**save_discriminator(folder, discriminator), "pad": pad}
        files.append(WEIGHTS)
    described["sha256"] = sums_of(folder, files)
    described |= about or {}
    write_whole(folder / "model.json", (json.dumps(described, indent=2) + "\n").encode())


def export_game(
    folder: Path,
    game: Game,
    tokenizer: Tokenizer,
    about: Mapping[str, Any] | None = None,
    source_vocabulary: SourceVocabulary | None = None,
) -> None:
    """Save a game's generator, and its discriminator if it has one that judges rows by itself."""
    generator = cast(TextGenerator, game.generator)
    save_text_model(folder, generator, tokenizer, about, judge_of_rows(game), source_vocabulary)


def load_text_model(
    run_dir: Path | str, generator: nn.Module | Callable[..., nn.Module] | None = None
) -> TextModel:
    """Load the model of a run.

    Args:
        run_dir: the run's directory.
        generator: for a run with your own generator class, that class, a function that is called as
            ``generator(vocabulary, length, bos=, eos=, pad=)`` (without the last three for a generator of
            whole rows), or a module. No class is imported because a file names it.
    """
    folder = Path(run_dir) / "model"
    described, weights = _read(folder), folder / "generator.safetensors"
    check_sums(folder, described.get("sha256"))
    try:
        if generator is None and "class" in described["generator"]:
            raise ForeignClass(described["generator"]["class"])
        if generator is None:
            network = restored_network(lambda: built_generator(described), weights)
        else:
            given = handed_over(described, generator)
            network = restored_network(lambda: given, weights)
    except ForeignClass as error:
        raise UsageError(
            f"the generator in {folder} has the class {error}, which is not part of seqgan-kit, "
            "and code is never imported from data. Pass the class in Python: "
            f"seqgan_kit.evaluation.text_export.load_text_model({str(run_dir)!r}, generator={error.short})."
        ) from None
    except CheckpointError as error:
        raise CheckpointError(
            f"the model in {folder} cannot be restored: {str(error).rstrip('.')}. "
            "Its files must come from one run."
        ) from error
    if spoilt := not_finite(network.state_dict()):
        raise CheckpointError(
            f"{weights} cannot be sampled: {spoilt}. The training diverged. Train again with "
            "lower learning rates, or resume an earlier checkpoint."
        )
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    _check_size(folder / "tokenizer.json", tokenizer.vocabulary_size, network.vocabulary)
    own = None
    if wanted := described.get("source_vocabulary"):
        own = SourceVocabulary(load_tokenizer(folder / _OF_SOURCES), tokenizer.vocabulary_size)
        _check_size(folder / _OF_SOURCES, own.size, wanted)
    return TextModel(network.eval(), tokenizer, own)


def _check_size(file: Path, tokens: int, wanted: int) -> None:
    if tokens != wanted:
        raise CheckpointError(
            f"{file} has {tokens} tokens, but the generator has {wanted}: they belong to different runs. "
            "Restore the run's own tokenizer."
        )


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "model.json"
    if not path.is_file():
        raise UsageError(f"{folder} has no trained model, because model.json is missing.")
    described: dict[str, Any] = read_checked(
        path, MODEL, advice="Its files must come from one run."
    )
    return described

"""Save and load trained text generators: weights, settings, tokenizer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save
from torch import nn

from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.checksums import check_sums, sums_of
from seqgan_kit.core.files.json_kinds import maybe, record, text, whole, word_of
from seqgan_kit.core.files.stored_models import MOST_TOKENS, network_settings, restored_network
from seqgan_kit.core.files.user_classes import (
    ForeignClass,
    check_weights,
    class_name,
    not_finite,
    weights_to_save,
)
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.core.runs.settings import restored
from seqgan_kit.data.text.detokenize import as_written
from seqgan_kit.data.text.tokenizer import PAD, Tokenizer
from seqgan_kit.data.text.tokenizers import load_tokenizer
from seqgan_kit.errors import CheckpointError, UsageError, unknown
from seqgan_kit.evaluation.discriminator_export import DESCRIBED, WEIGHTS, save_discriminator
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.char_resnet import (
    CharResNetGenerator,
    CharResNetGeneratorConfig,
)
from seqgan_kit.sequences.generators.generator_choice import (
    GENERATORS,
    GeneratorChoice,
    build_generator,
)

TextGenerator = SequenceGenerator | CharResNetGenerator

# Name -> (settings, network) of the generators of whole rows, which have no special tokens.
ROW_GENERATORS: dict[str, tuple[type[Any], type[Any]]] = {
    "char_resnet": (CharResNetGeneratorConfig, CharResNetGenerator),
}

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
    {"bos": _TOKEN, "eos": _TOKEN, "pad": _TOKEN, "given": _TOKEN, "discriminator": DESCRIBED},
)
"""Format of a text model's model.json."""


@dataclass(frozen=True)
class TextModel:
    """A generator with its tokenizer."""

    generator: TextGenerator
    tokenizer: Tokenizer

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


def known_name(generator: nn.Module) -> str | None:
    """Return the name of a generator of this package; None for any other class."""
    kinds = GENERATORS | ROW_GENERATORS
    return next((name for name, (_, kind) in kinds.items() if type(generator) is kind), None)


def check_text_model(generator: nn.Module) -> None:
    """Refuse, before training, a generator that could not be saved at the end."""
    sizes = [getattr(generator, name, None) for name in ("vocabulary", "length")]
    if not all(isinstance(size, int) for size in sizes):
        raise UsageError(
            f"the text generator {type(generator).__name__} cannot be saved: its attributes vocabulary and "
            f"length must be whole numbers, got {sizes[0]!r} and {sizes[1]!r}: set both."
        )
    check_weights(generator)


def save_text_model(
    folder: Path,
    generator: TextGenerator,
    tokenizer: Tokenizer,
    about: Mapping[str, Any] | None = None,
    discriminator: nn.Module | None = None,
) -> None:
    """Write model.json (with further facts about the model), the weights and tokenizer.json.

    The discriminator that it was trained with is saved beside it if one is given. Networks of a class that is
    not this package's are saved too; model.json names the class for people.
    """
    check_text_model(generator)
    folder.mkdir(parents=True, exist_ok=True)
    described = {
        "kind": "text",
        "generator": _describe(generator),
        "vocabulary": generator.vocabulary,
        "length": generator.length,
    }
    if isinstance(generator, SequenceGenerator):
        described |= {name: getattr(generator, name) for name in ("bos", "eos", "pad", "given")}
    write_whole(folder / "generator.safetensors", save(weights_to_save(generator.state_dict())))
    tokenizer.save(folder / "tokenizer.json")
    files = ["generator.safetensors", "tokenizer.json"]
    if discriminator is not None:
        pad = generator.pad if isinstance(generator, SequenceGenerator) else PAD
        described["discriminator"] = {**save_discriminator(folder, discriminator), "pad": pad}
        files.append(WEIGHTS)
    described["sha256"] = sums_of(folder, files)
    described |= about or {}
    write_whole(folder / "model.json", (json.dumps(described, indent=2) + "\n").encode())


def export_game(
    folder: Path, game: Game, tokenizer: Tokenizer, about: Mapping[str, Any] | None = None
) -> None:
    """Save a game's generator, and its discriminator if it has one."""
    players = dict(game.players.items())
    generator = cast(TextGenerator, players["generator"])
    save_text_model(folder, generator, tokenizer, about, players.get("discriminator"))


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
            network = restored_network(lambda: _built(described), weights)
        else:
            given = _handed_over(described, generator)
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
    if tokenizer.vocabulary_size != network.vocabulary:
        raise CheckpointError(
            f"{folder / 'tokenizer.json'} has {tokenizer.vocabulary_size} tokens, but the "
            f"generator has {network.vocabulary}: they belong to different runs. Restore the "
            "run's own tokenizer."
        )
    return TextModel(network.eval(), tokenizer)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "model.json"
    if not path.is_file():
        raise UsageError(f"{folder} has no trained model, because model.json is missing.")
    described: dict[str, Any] = read_checked(
        path, MODEL, advice="Its files must come from one run."
    )
    return described


def _describe(generator: TextGenerator) -> dict[str, Any]:
    """Return name and settings of a network of this package; the class name of any other."""
    name = known_name(generator)
    if name is None:
        return {"class": class_name(generator)}
    return {"name": name, "config": dataclasses.asdict(cast(Any, generator.config))}


def _built(described: dict[str, Any]) -> TextGenerator:
    """Build the network of a description, with untrained weights."""
    size = (described["vocabulary"], described["length"])
    name, config = described["generator"].get("name"), described["generator"].get("config", {})
    if name not in GENERATORS | ROW_GENERATORS:
        raise unknown("generator", str(name), GENERATORS | ROW_GENERATORS)
    if name in ROW_GENERATORS:
        settings, network = ROW_GENERATORS[name]
        return cast(TextGenerator, network(restored(settings, config, name), *size))
    special = _special(described)
    if special.get("bos") is None:
        raise CheckpointError("bos is missing, but a generator of tokens needs it")
    return build_generator(_choice(name, config), *size, **special)


def _handed_over(
    described: dict[str, Any], generator: nn.Module | Callable[..., nn.Module]
) -> TextGenerator:
    """Return the caller's module, or build it with the caller's class or function for the saved sizes."""
    size = (described["vocabulary"], described["length"])
    if not isinstance(generator, nn.Module):
        generator = generator(*size, **_special(described))
    check_text_model(generator)
    built = cast(TextGenerator, generator)
    if (built.vocabulary, built.length) != size:
        raise UsageError(
            f"the given generator has length {built.length} and vocabulary {built.vocabulary}, "
            f"but the saved one has {size[1]} and {size[0]}: build it with these sizes."
        )
    return built


def _special(described: dict[str, Any]) -> dict[str, Any]:
    special = {key: described.get(key) for key in ("bos", "eos", "pad") if "bos" in described}
    for key, token in special.items():
        if token is not None and token >= described["vocabulary"]:
            raise CheckpointError(
                f"{key} is {token}, but the vocabulary has only {described['vocabulary']} tokens"
            )
    return special | ({"given": described["given"]} if described.get("given") else {})


def _choice(name: str, config: dict[str, Any]) -> GeneratorChoice:
    settings = restored(GENERATORS[name][0], config, name)
    return GeneratorChoice(cast(Any, name), **{name: settings})

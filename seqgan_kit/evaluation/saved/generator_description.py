"""Describe a text generator for model.json, and build it from such a description."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

from torch import nn

from seqgan_kit.core.files.user_classes import check_weights, class_name
from seqgan_kit.core.runs.settings import restored
from seqgan_kit.errors import CheckpointError, UsageError, unknown
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
from seqgan_kit.sequences.generators.hierarchical.class_generators import (
    ClassGenerators,
    ClassLSTMsConfig,
)
from seqgan_kit.sequences.generators.hierarchical.leak_generator import LeakConfig, LeakGenerator
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM, LatentLSTMConfig
from seqgan_kit.sequences.generators.masked_denoiser import MaskedDenoiser, MaskedDenoiserConfig
from seqgan_kit.sequences.infilling.infilling_generator import InfillingConfig, InfillingGenerator

TextGenerator = SequenceGenerator | CharResNetGenerator | LatentLSTM | MaskedDenoiser

# Name -> (settings, network) of the generators of whole rows, which have no special tokens.
ROW_GENERATORS: dict[str, tuple[type[Any], type[Any]]] = {
    "char_resnet": (CharResNetGeneratorConfig, CharResNetGenerator),
}
# The same of the generators of tokens without an exact likelihood.
BOUNDED_GENERATORS: dict[str, tuple[type[Any], type[Any]]] = {
    "latent_lstm": (LatentLSTMConfig, LatentLSTM),
    "masked_denoiser": (MaskedDenoiserConfig, MaskedDenoiser),
}
# The same of the generators that only one method can train.
METHOD_GENERATORS: dict[str, tuple[type[Any], type[Any]]] = {
    "leak": (LeakConfig, LeakGenerator),
    "class_lstms": (ClassLSTMsConfig, ClassGenerators),
    "infilling": (InfillingConfig, InfillingGenerator),
}
NAMED = GENERATORS | ROW_GENERATORS | BOUNDED_GENERATORS | METHOD_GENERATORS


def known_name(generator: nn.Module) -> str | None:
    """Return the name of a generator of this package; None for any other class."""
    return next((name for name, (_, kind) in NAMED.items() if type(generator) is kind), None)


def check_text_model(generator: nn.Module) -> None:
    """Refuse, before training, a generator that could not be saved at the end."""
    sizes = [getattr(generator, name, None) for name in ("vocabulary", "length")]
    if not all(isinstance(size, int) for size in sizes):
        raise UsageError(
            f"the text generator {type(generator).__name__} cannot be saved: its attributes vocabulary and "
            f"length must be whole numbers, got {sizes[0]!r} and {sizes[1]!r}: set both."
        )
    check_weights(generator)


def describe_generator(generator: TextGenerator) -> dict[str, Any]:
    """Return name and settings of a network of this package; the class name of any other."""
    name = known_name(generator)
    if name is None:
        return {"class": class_name(generator)}
    return {"name": name, "config": dataclasses.asdict(cast(Any, generator.config))}


def built_generator(described: dict[str, Any]) -> TextGenerator:
    """Build the network of a description, with untrained weights."""
    size = (described["vocabulary"], described["length"])
    name, config = described["generator"].get("name"), described["generator"].get("config", {})
    if name not in NAMED:
        raise unknown("generator", str(name), NAMED)
    if name in ROW_GENERATORS:
        settings, network = ROW_GENERATORS[name]
        return cast(TextGenerator, network(restored(settings, config, name), *size))
    special = _special(described)
    if special.get("bos") is None:
        raise CheckpointError("bos is missing, but a generator of tokens needs it")
    if name not in GENERATORS:
        settings, network = NAMED[name]
        return cast(TextGenerator, network(restored(settings, config, name), *size, **special))
    return build_generator(_choice(name, config), *size, **special)


def handed_over(
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
    of_sources = {
        key: described[key] for key in ("given", "source_vocabulary") if described.get(key)
    }
    return special | of_sources


def _choice(name: str, config: dict[str, Any]) -> GeneratorChoice:
    settings = restored(GENERATORS[name][0], config, name)
    return GeneratorChoice(cast(Any, name), **{name: settings})

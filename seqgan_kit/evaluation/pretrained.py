"""Start from another run's generator instead of pretraining."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log import read_config
from seqgan_kit.data.text.source_vocabulary import SourceVocabulary
from seqgan_kit.data.text.tokenizer import Tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.text_export import known_name, load_text_model
from seqgan_kit.sequences.fine_tuning import Pretraining
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

# Settings of generators that affect training or initialisation, but not a trained generator's
# output.
_OF_TRAINING = {"dropout", "initial_std", "checkpointing"}


def start_from(
    run_dir: str,
    generator: SequenceGenerator,
    tokenizer: Tokenizer,
    say: Callable[[str], None] = print,
    source_vocabulary: SourceVocabulary | None = None,
) -> None:
    """Load into ``generator`` the final weights of the run in ``run_dir``; do nothing if it is "".

    Methods that start from one generator differ in the method only, and the generator is trained once.
    Settings that change neither the weights' shapes nor probabilities, such as dropout, may differ.

    Args:
        run_dir: directory of the run.
        generator: generator that receives the weights.
        tokenizer: tokenizer, which must equal that run's.
        say: called with a line about settings that differ.
        source_vocabulary: the sources' own, which must equal that run's too.
    """
    if not run_dir:
        return
    own_class = known_name(generator) is None
    model = load_text_model(Path(run_dir), copy.deepcopy(generator) if own_class else None)
    if model.tokenizer.to_dict() != tokenizer.to_dict():
        raise UsageError(
            f"--pretrained {run_dir}: that run has another tokenizer "
            f"({model.tokenizer.kind}, {model.tokenizer.vocabulary_size} tokens, here "
            f"{tokenizer.kind}, {tokenizer.vocabulary_size}). Use the same text and tokenizer options."
        )
    there, here = getattr(model.generator, "given", 0), generator.given
    if there != here:
        raise UsageError(
            f"--pretrained {run_dir}: its generator writes after {there} given tokens and this run's after "
            f"{here}. Use the same sources and --source-tokens."
        )
    if _state(model.source_vocabulary) != _state(source_vocabulary):
        raise UsageError(
            f"--pretrained {run_dir}: the sources of that run have another vocabulary. Use the same sources, "
            "classes and --source-tokenizer."
        )
    differing = {} if own_class else _differing(run_dir, model.generator, generator)
    if differing:
        say(
            f"--pretrained {run_dir}: these training settings differ from that run: "
            f"{_told(differing)}."
        )
    generator.load_state_dict(model.generator.state_dict())


def _state(sources: SourceVocabulary | None) -> dict[str, Any] | None:
    return None if sources is None else sources.tokenizer.to_dict()


def start_name(training: Pretraining) -> str:
    """Return the name of the pretrained generator's row in the final table."""
    if not training.pretrained:
        return "MLE" if training.mle_epochs else "untrained"
    record = read_config(Path(training.pretrained))
    recipe, method = str(record.get("recipe")), record.get("config", {}).get("method", {})
    if recipe == "mle" and not method.get("pretrained"):
        return "MLE"
    return f"pretrained: {recipe}, {training.pretrained}"


def _differing(run_dir: str, saved: Any, wanted: Any) -> dict[str, tuple[Any, Any]]:
    """Return settings that differ, as (there, here); refuse settings that make another network."""
    if type(saved) is not type(wanted):
        raise UsageError(
            f"--pretrained {run_dir}: its generator is a {type(saved).__name__}, but this run "
            f"has a {type(wanted).__name__}. Give this run the same --generator."
        )
    there, here = (dataclasses.asdict(generator.config) for generator in (saved, wanted))
    differing = {name: (there[name], here[name]) for name in there if there[name] != here[name]}
    shaping = {name: pair for name, pair in differing.items() if name not in _OF_TRAINING}
    if shaping:
        raise UsageError(
            f"--pretrained {run_dir}: its generator has other settings: {_told(shaping)}. Give "
            "this run the same generator settings."
        )
    return differing


def _told(differing: dict[str, tuple[Any, Any]]) -> str:
    return ", ".join(
        f"{name} {there} there, {here} here" for name, (there, here) in differing.items()
    )

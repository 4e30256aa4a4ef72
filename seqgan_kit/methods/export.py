"""A trained text generator as files that anybody can sample from: weights, settings, tokenizer."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from seqgan_kit.data.tokenizers import Tokenizer, load_tokenizer
from seqgan_kit.errors import CheckpointError, UsageError
from seqgan_kit.sequences.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators import GENERATORS, GeneratorChoice, build_generator


@dataclass(frozen=True)
class TextModel:
    """A generator with its tokenizer."""

    generator: SequenceGenerator
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
    ) -> list[str]:
        """``n`` lines; written to ``out`` too if given."""
        rng = torch.Generator().manual_seed(seed)
        tokens = self.generator.sample(
            n, rng=rng, temperature=temperature, top_k=top_k, top_p=top_p
        )
        lines = [self.tokenizer.decode(row) for row in tokens.tolist()]
        if out is not None:
            out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return lines


def save_text_model(folder: Path, generator: SequenceGenerator, tokenizer: Tokenizer) -> None:
    """Writes model.json, generator.safetensors and tokenizer.json."""
    folder.mkdir(parents=True, exist_ok=True)
    name = next(name for name, (_, kind) in GENERATORS.items() if type(generator) is kind)
    record = {
        "kind": "text",
        "generator": {"name": name, "config": dataclasses.asdict(_config(generator))},
        "vocabulary": generator.vocabulary,
        "length": generator.length,
        "bos": generator.bos,
        "eos": generator.eos,
        "pad": generator.pad,
    }
    weights = {key: value.cpu().contiguous() for key, value in generator.state_dict().items()}
    save_file(weights, folder / "generator.safetensors")
    tokenizer.save(folder / "tokenizer.json")
    (folder / "model.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_text_model(run_dir: Path) -> TextModel:
    """The model of a run."""
    folder = run_dir / "model"
    record = _read(folder)
    try:
        generator = build_generator(
            _choice(**record["generator"]),
            record["vocabulary"],
            record["length"],
            bos=record["bos"],
            eos=record["eos"],
            pad=record["pad"],
        )
        generator.load_state_dict(load_file(folder / "generator.safetensors"))
    except (KeyError, TypeError, RuntimeError, OSError, SafetensorError) as error:
        raise CheckpointError(
            f"the model in {folder} cannot be restored: {error}. Its files must come from one run."
        ) from error
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    if tokenizer.vocabulary_size != generator.vocabulary:
        raise CheckpointError(
            f"{folder / 'tokenizer.json'} has {tokenizer.vocabulary_size} tokens and the generator "
            f"{generator.vocabulary}: they are of different runs. Put the run's own tokenizer back."
        )
    return TextModel(generator.eval(), tokenizer)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "model.json"
    if not path.is_file():
        raise UsageError(f"{folder} holds no trained model: model.json is missing.")
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    return record


def _choice(name: str, config: dict[str, Any]) -> GeneratorChoice:
    settings = GENERATORS[name][0](**config)
    return GeneratorChoice(cast(Any, name), **{name: settings})


def _config(generator: SequenceGenerator) -> Any:
    return generator.config

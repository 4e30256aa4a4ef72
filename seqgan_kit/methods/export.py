"""A trained text generator as files that anybody can sample from: weights, settings, tokenizer."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from seqgan_kit.core.checksums import check_sums, sums_of
from seqgan_kit.core.runlog import write_whole
from seqgan_kit.data.detokenize import as_written
from seqgan_kit.data.tokenizers import Tokenizer, load_tokenizer
from seqgan_kit.errors import CheckpointError, UsageError
from seqgan_kit.sequences.autoregressive import SequenceGenerator
from seqgan_kit.sequences.char_resnet import CharResNetGenerator, CharResNetGeneratorConfig
from seqgan_kit.sequences.generators import GENERATORS, GeneratorChoice, build_generator

TextGenerator = SequenceGenerator | CharResNetGenerator

# Name -> (settings, network) of the generators that write a whole row at once, without special tokens.
ROW_GENERATORS: dict[str, tuple[type[Any], type[Any]]] = {
    "char_resnet": (CharResNetGeneratorConfig, CharResNetGenerator),
}


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
        """``n`` lines, as people write them with ``detokenize``; written to ``out`` too if given."""
        if condition is not None:
            raise UsageError(
                f"this run writes text and takes no condition ({condition!r}); conditions are for pictures "
                "of a model that was told labels."
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


def save_text_model(folder: Path, generator: TextGenerator, tokenizer: Tokenizer) -> None:
    """Writes model.json, generator.safetensors and tokenizer.json."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = GENERATORS | ROW_GENERATORS
    name = next(name for name, (_, kind) in kinds.items() if type(generator) is kind)
    record = {
        "kind": "text",
        "generator": {"name": name, "config": dataclasses.asdict(_config(generator))},
        "vocabulary": generator.vocabulary,
        "length": generator.length,
    }
    if isinstance(generator, SequenceGenerator):
        record |= {"bos": generator.bos, "eos": generator.eos, "pad": generator.pad}
    weights = {key: value.cpu().contiguous() for key, value in generator.state_dict().items()}
    write_whole(folder / "generator.safetensors", save(weights))
    tokenizer.save(folder / "tokenizer.json")
    record["sha256"] = sums_of(folder, ("generator.safetensors", "tokenizer.json"))
    write_whole(folder / "model.json", (json.dumps(record, indent=2) + "\n").encode())


def load_text_model(run_dir: Path) -> TextModel:
    """The model of a run."""
    folder = run_dir / "model"
    record = _read(folder)
    check_sums(folder, record.get("sha256"))
    try:
        generator = _built(record)
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


def _built(record: dict[str, Any]) -> TextGenerator:
    """The network of a record, with weights of its own."""
    size = (record["vocabulary"], record["length"])
    name, config = record["generator"]["name"], record["generator"]["config"]
    if name in ROW_GENERATORS:
        settings, network = ROW_GENERATORS[name]
        return cast(TextGenerator, network(settings(**config), *size))
    special = {key: record[key] for key in ("bos", "eos", "pad")}
    return build_generator(_choice(name, config), *size, **special)


def _choice(name: str, config: dict[str, Any]) -> GeneratorChoice:
    settings = GENERATORS[name][0](**config)
    return GeneratorChoice(cast(Any, name), **{name: settings})


def _config(generator: TextGenerator) -> Any:
    return generator.config

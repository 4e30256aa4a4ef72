"""Starting from another run's generator in place of pretraining."""

from __future__ import annotations

from pathlib import Path

from seqgan_kit.data.tokenizers import Tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.export import load_text_model
from seqgan_kit.sequences.autoregressive import SequenceGenerator


def start_from(run_dir: str, generator: SequenceGenerator, tokenizer: Tokenizer) -> None:
    """Gives ``generator`` the weights that the run in ``run_dir`` ended with; nothing where it is "".

    Several methods that start from one generator differ in nothing but the method, and its training is paid
    for once.
    """
    if not run_dir:
        return
    model = load_text_model(Path(run_dir))
    if model.tokenizer.to_dict() != tokenizer.to_dict():
        raise UsageError(
            f"--pretrained {run_dir}: that run's tokenizer is not this one's "
            f"({model.tokenizer.kind}, {model.tokenizer.vocabulary_size} tokens, against "
            f"{tokenizer.kind}, {tokenizer.vocabulary_size}). Use the same text and tokenizer options."
        )
    if type(model.generator) is not type(generator) or model.generator.config != generator.config:
        raise UsageError(
            f"--pretrained {run_dir}: its generator is {model.generator.config} and this run's "
            f"{generator.config}. Give this run the same generator settings."
        )
    generator.load_state_dict(model.generator.state_dict())

"""Games whose players are Transformers, to be trained by two processes with their blocks divided or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tiny_games as tiny
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import EarlyStop, Game, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.errors import Interrupted
from seqgan_kit.methods import seqgan
from seqgan_kit.methods.seqgan import SeqGANMethod
from seqgan_kit.sequences.discriminators.transformer_reader import (
    TransformerReader,
    TransformerReaderConfig,
)
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.transformer import TransformerConfig, TransformerGenerator
from seqgan_kit.sequences.language_models.causal_generator import (
    LanguageModelGenerator,
    StoredLanguageModel,
)
from seqgan_kit.sequences.maximum_likelihood import LikelihoodGame

IDS: dict[str, Any] = {"bos": 1, "eos": 2, "pad": 0}
GPT2 = {
    "model_type": "gpt2", "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 8,
    "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
}  # fmt: skip
Made = tuple[Game, tuple[Phase, ...], dict[str, Tensor]]
SHARDED: dict[str, Any] = {"shard": True, "shard_above": 0}


def _transformers(config: tiny.Config) -> Made:
    """Generator, lagging rollout policy and discriminator are Transformers."""
    method = SeqGANMethod(rollouts=2, rollout_lag=0.5)
    training = FineTuning(
        mle_epochs=0.25, negatives=16, pretrain_pools=1, discriminator_epochs=0.5, rounds=config.rounds,
        generator_moves=2, pools=1, evaluate_every_epochs=0, evaluate_every_rounds=1,
    )  # fmt: skip
    generator = TransformerGenerator(
        TransformerConfig(width=12, heads=2), tiny.VOCABULARY, tiny.LENGTH, **IDS
    )
    reader = TransformerReaderConfig(width=8, heads=2, feedforward=8)
    trunk = TransformerReader(reader, tiny.VOCABULARY, tiny.LENGTH, pad=0)
    game = seqgan.build(generator, Discriminator(trunk, trunk.features), method, training)
    return game, seqgan.phases(method, training), {"real": tiny.sentences()}


def _adapters(config: tiny.Config) -> Made:
    """A language model with a frozen base, trained adapters and recomputed activations.

    Rows have different lengths, so processes and parts of a batch have different numbers of tokens. The phase
    ends with the best players by a value that training makes worse: those of its first round.
    """
    stored = StoredLanguageModel(
        lora_rank=2, lora_targets=("c_attn",), checkpointing=True, architecture=json.dumps(GPT2)
    )
    generator = LanguageModelGenerator(stored, tiny.VOCABULARY, tiny.LENGTH, **IDS)
    turn = Turn(("generator",), loss="mle_loss", optimizer=Optimizer(1e-2, clip_norm=0.1), moves=2)
    phase = Phase(
        "mle", (turn,), config.rounds, evaluate_every_rounds=1, sample_every_rounds=2,
        early_stop=EarlyStop("nll", better="higher", patience_evaluations=1),
    )  # fmt: skip
    return LikelihoodGame(generator), (phase,), {"real": tiny.sentences()}


tiny.GAMES |= {"transformers": _transformers, "adapters": _adapters}
TRANSFORMERS = tiny.Config("transformers", batch=16, rounds=1)
ADAPTERS = tiny.Config("adapters", batch=8, rounds=3)
STOP_IN = 4
"""The first of two updates of the generator in the adversarial phase."""


def _play(config: tiny.Config, folder: Path, **settings: Any) -> dict[str, Tensor]:
    made = tiny.play(config, folder, **settings)
    told = made.state.sharding.told
    for name in made.game.players if settings.get("shard") else ():
        assert f"{name} (" in told or name in made.game.private_players(), told
    assert bool(told) == settings.get("shard", False)
    return made.game.state_dict()


def _resumed(folder: Path, rank: int, **settings: Any) -> dict[str, Tensor]:
    """Stop a sharded run by a signal to the second process, and resume it with the settings."""
    act = tiny.signal_in(STOP_IN) if rank else None
    try:
        tiny.play(TRANSFORMERS, folder, act=act, **SHARDED)
    except Interrupted:
        return _play(TRANSFORMERS, folder, resume=True, **settings)
    raise AssertionError("the run did not stop")


def sharded_stages(rank: int) -> dict[str, Callable[[Path], Any]]:
    """Return the trainings by name."""
    stages: dict[str, Callable[[Path], Any]] = {
        "transformers": lambda folder: _play(TRANSFORMERS, folder),
        "transformers-sharded": lambda folder: _play(TRANSFORMERS, folder, **SHARDED),
        "transformers-resumed": lambda folder: _resumed(folder, rank, **SHARDED),
        "transformers-unsharded": lambda folder: _resumed(folder, rank, shard=False),
    }
    if find_spec("transformers") and find_spec("peft"):
        stages["adapters"] = lambda folder: _play(ADAPTERS, folder, accumulate=2)
        stages["adapters-sharded"] = lambda folder: _play(ADAPTERS, folder, accumulate=2, **SHARDED)
    return stages

"""The discriminator of a reward function: which it is, and the loss that it learns from."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import torch

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Batch, Game, Loss, Move
from seqgan_kit.core.judging import judged
from seqgan_kit.core.objectives import preferred_score
from seqgan_kit.errors import UsageError
from seqgan_kit.integrations.reply_rows import ReplyRows
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)

_HF = "hf:"


class PreferenceGame(Game):
    """A game with one player, a discriminator that prefers real replies to generated ones."""

    def __init__(self, discriminator: Discriminator):
        super().__init__({"discriminator": discriminator})

    def preference_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the mean of -log sigma(D(x, y_ref) - D(x, y_gen)) over pairs of replies."""
        discriminator: Any = self.players["discriminator"]
        return judged(preferred_score(), discriminator, batch["real"], batch["fake"])


def own_device() -> torch.device:
    """Return the GPU of this process, or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def choice_of(discriminator: str | DiscriminatorChoice) -> DiscriminatorChoice:
    """Return the choice that a name stands for."""
    if isinstance(discriminator, DiscriminatorChoice):
        return discriminator
    if discriminator.startswith(_HF):
        return DiscriminatorChoice("hf", discriminator.removeprefix(_HF))
    return replace(DiscriminatorChoice(), discriminator=discriminator)  # type: ignore[arg-type]


def tokenizer_of(choice: DiscriminatorChoice, tokenizer: Any) -> Any:
    """Return the given tokenizer, or the name of the model that has one."""
    if tokenizer is not None:
        return tokenizer
    if choice.discriminator != "hf" or choice.discriminator_model.startswith("config:"):
        raise UsageError(
            f"the discriminator {choice.discriminator} has no tokenizer of its own: give "
            "DiscriminatorReward(..., tokenizer=...), for example the policy's."
        )
    return choice.discriminator_model


def built(choice: DiscriminatorChoice, rows: ReplyRows, seed: int) -> Discriminator:
    """Return the discriminator, with random weights of its own seed."""
    kit, given = rows.tokenizer, rows.prompt_tokens
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = build_discriminator(
            choice,
            kit.vocabulary_size,
            given + rows.reply_tokens,
            pad=kit.pad,
            given=given,
            model_ids=kit.model_special_ids,
        )
    if getattr(found.trunk, "scores_per_sample", 1) != 1:
        raise UsageError(
            f"the discriminator {choice.discriminator} has several scores of a reply, and a reward is one: "
            "choose another."
        )
    return found

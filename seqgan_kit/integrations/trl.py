"""A discriminator that learns beside the policy, as a reward function of TRL's trainers (extra ``trl``).

from seqgan_kit.integrations.trl import DiscriminatorReward

reward = DiscriminatorReward("hf:FOLDER", references="reply")
trainer = GRPOTrainer(
    model="FOLDER", reward_funcs=reward, train_dataset=prompts_and_replies,
    callbacks=[reward.callback()],
)
trainer.train()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.game import Move, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.training.checkpoint import read_checkpoint, write_checkpoint
from seqgan_kit.core.training.gradient_step import GradientStepper
from seqgan_kit.errors import CheckpointError, DataError, UsageError
from seqgan_kit.integrations.preference_game import (
    PreferenceGame,
    built,
    choice_of,
    own_device,
    tokenizer_of,
)
from seqgan_kit.integrations.reply_rows import Text, reply_rows
from seqgan_kit.integrations.trainer_events import trainer_callback
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice


class DiscriminatorReward:
    """The score D(x, y) of a reply, by a discriminator that learns from every batch of replies.

    A reward function for ``trl.GRPOTrainer(reward_funcs=...)``. A call returns the scores of the generated
    replies by D as it is; then D learns to prefer the real reply to each (Bradley-Terry),

        loss = mean of -log sigma(D(x, y_ref) - D(x, y_gen)),

    which is the reward model of GAD (Ye et al. 2025). While the trainer evaluates, D does not learn. Under
    several processes, gradients are averaged, so that all have the same D.

    Args:
        discriminator: ``hf:FOLDER`` or ``hf:NAME`` of an encoder or a causal language model,
            ``hf:config:FILE`` for one with random weights, the name of a network of the toolkit
            (``transformer_reader``, ``pair_cnn``, ...), or a choice with its settings.
        tokenizer: a fast tokenizer of transformers, or the folder or name of a model that has one; default:
            that of the discriminator's model.
        references: the column of the data set with the real reply to each prompt.
        prompt_tokens: most tokens of a prompt that D reads; the last ones are kept.
        completion_tokens: most tokens of a reply that D reads.
        learning_rate: Adam's learning rate of D.
        clip_norm: largest gradient norm of D; larger gradients are scaled down to it.
        updates: updates of D on each batch of replies.
        warm_up_calls: number of first calls that reward nothing (0 for every reply), in which only D learns.
        seed: seed of D's random weights.
        device: device of D; default: a GPU if there is one.
    """

    def __init__(
        self,
        discriminator: str | DiscriminatorChoice = "transformer_reader",
        tokenizer: Any = None,
        *,
        references: str = "reference",
        prompt_tokens: int = 256,
        completion_tokens: int = 256,
        learning_rate: float = 1e-5,
        clip_norm: float | None = 1.0,
        updates: int = 1,
        warm_up_calls: int = 0,
        seed: int = 0,
        device: str | None = None,
    ):
        if min(prompt_tokens, completion_tokens, updates) < 1 or warm_up_calls < 0:
            raise UsageError(
                "prompt_tokens, completion_tokens and updates must be 1 or more, and warm_up_calls 0 or more."
            )
        self.__name__ = "discriminator_reward"
        self.references, self.updates, self.warm_up_calls = references, updates, warm_up_calls
        choice = choice_of(discriminator)
        self.rows = reply_rows(tokenizer_of(choice, tokenizer), prompt_tokens, completion_tokens)
        self._trims = choice.discriminator == "hf"
        self._device = torch.device(device) if device else own_device()
        self.game = PreferenceGame(built(choice, self.rows, seed)).to(self._device)
        optimizer = Optimizer(learning_rate, clip_norm=clip_norm)
        self._turn = Turn(("discriminator",), loss="preference_loss", optimizer=optimizer)
        self._phases = (Phase("reward", (self._turn,)),)
        self._stepper = GradientStepper(self.game, self._phases, Runtime(self._device))
        self._rng = torch.Generator(self._device)
        self.policy: Any = None
        """The model that is trained, if the callback was given to the trainer."""
        self.calls = 0
        """Batches that D learned from."""

    @property
    def discriminator(self) -> Discriminator:
        """D."""
        found: Any = self.game.players["discriminator"]
        return found

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float]:
        """Return the rewards of completions, and let D learn from them and the real replies.

        Args:
            prompts: N texts, or lists of chat messages.
            completions: the N generated replies, likewise.
            log_metric: function that logs a value under a name; TRL gives it.
            columns: the columns of the data set; that of real replies is read, others are not.
        """
        fake = self._encoded(prompts, completions)
        real = self._encoded(prompts, self._real_replies(columns, len(prompts)))
        learns = self.policy is None or self.policy.training
        warms_up = learns and self.calls < self.warm_up_calls
        rewards = [0.0] * len(fake) if warms_up else self._scores(fake)
        if learns:
            logs = self._learn(real, fake)
            for name, value in logs.items() if log_metric else ():
                log_metric(name, value)  # type: ignore[misc]
        return rewards

    def callback(self) -> Any:
        """Return the callback that saves D with the trainer's checkpoints and resumes from them."""
        return trainer_callback(self)

    def save(self, file: str | Path) -> None:
        """Write D and its optimizer."""
        optimizer = self._stepper.state_dict()
        players = self.game.state_dict()
        write_checkpoint(
            Path(file), {"players": players, "optimizer": optimizer, "calls": self.calls}
        )

    def load(self, file: str | Path) -> None:
        """Restore D and its optimizer from a file that ``save`` wrote."""
        state = read_checkpoint(Path(file), self._device)
        try:
            self.game.load_state_dict(state["players"])
            self._stepper.load_state_dict(state["optimizer"])
        except (KeyError, RuntimeError, ValueError):
            raise CheckpointError(
                f"{file} holds another discriminator: give DiscriminatorReward the settings that it was "
                "saved with."
            ) from None
        self.calls = int(state["calls"])

    def _real_replies(self, columns: dict[str, Any], count: int) -> Sequence[Text]:
        found = columns.get(self.references)
        if found is None:
            known = [name for name, value in columns.items() if isinstance(value, list)]
            others = [name for name in known if name != "completion_ids"]
            raise DataError(
                f"the data set has no column {self.references!r} with the real reply to each prompt, which D "
                f"learns from (it has {', '.join(others) or 'none beside the prompts'}): add it, or name "
                "another with DiscriminatorReward(references=...)."
            )
        empty = [row for row, text in enumerate(found) if not text]
        if empty or len(found) != count:
            raise DataError(
                f"the column {self.references!r} has {len(found) - len(empty)} replies to {count} prompts, "
                "and D needs one for each: remove prompts without a reply."
            )
        replies: Sequence[Text] = found
        return replies

    def _encoded(self, prompts: Sequence[Text], replies: Sequence[Text]) -> Tensor:
        return self.rows.encode(prompts, replies).to(self._device)

    def _trimmed(self, rows: Tensor) -> Tensor:
        """Return rows without columns that are padding in all; language models do not need them."""
        if not self._trims:
            return rows
        used = (rows != self.rows.tokenizer.pad).any(0)
        used[0] = True
        return rows[:, used]

    def _scores(self, rows: Tensor) -> list[float]:
        with torch.no_grad(), evaluating(self.discriminator):
            scores: list[float] = self.discriminator(self._trimmed(rows)).score.tolist()
        return scores

    def _learn(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        """Update D on pairs of replies; return the values to log, of the first update."""
        self._join_processes()
        both = self._trimmed(torch.cat([real, fake]))
        batch = dict(zip(("real", "fake"), both.chunk(2), strict=True))
        self.game.train()
        logs: dict[str, float] = {}
        for _ in range(self.updates):
            move = Move("reward", self.calls, self.calls + 1, self._rng)
            loss, others, _ = self._stepper.step(self._turn, batch, move, 0.0, tuple)
            assert loss is not None
            found = {**loss.logs, **others}.items()
            logs = logs or {name: float(torch.as_tensor(value).detach()) for name, value in found}
        self.calls += 1
        return logs

    def _join_processes(self) -> None:
        """Average gradients over the trainer's processes, which exist only when training starts."""
        count = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
        if count != self._stepper.runtime.world_size:
            runtime = Runtime(self._device, dist.get_rank(), count)
            self._stepper.runtime = runtime
            runtime.broadcast(self.game)

"""The events of transformers' Trainer at which a reward saves and restores its discriminator."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from seqgan_kit.core.files.pretrained_models import transformers_library
from seqgan_kit.errors import CheckpointError

FILE = "discriminator_reward.pt"
"""Name of the discriminator's file in a checkpoint of the trainer."""


class Learner(Protocol):
    """What is saved with the trainer's checkpoints."""

    policy: Any
    calls: int

    def save(self, file: Path) -> None:
        """Write everything that a resumed run needs."""

    def load(self, file: Path) -> None:
        """Restore what ``save`` wrote."""


class CheckpointEvents:
    """Save the learner in every checkpoint, and restore it when training starts from one."""

    def __init__(self, learner: Learner):
        self.learner = learner

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Restore the learner from the checkpoint of the trainer's step, unless it was loaded by hand."""
        self.learner.policy = kwargs.get("model")
        if not state.global_step or self.learner.calls:
            return
        file = _checkpoint(args, state) / FILE
        if not file.is_file():
            raise CheckpointError(
                f"training resumes at step {state.global_step}, but there is no {file}: call "
                f"reward.load(CHECKPOINT/{FILE}) before training, or train from the start."
            )
        self.learner.load(file)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write the learner into the checkpoint."""
        if state.is_world_process_zero:
            self.learner.save(_checkpoint(args, state) / FILE)


def trainer_callback(learner: Learner) -> Any:
    """Return a TrainerCallback of transformers with these events."""
    base = transformers_library().TrainerCallback
    return type("DiscriminatorCheckpoints", (CheckpointEvents, base), {})(learner)


def _checkpoint(args: Any, state: Any) -> Path:
    return Path(args.output_dir) / f"checkpoint-{state.global_step}"

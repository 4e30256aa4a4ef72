"""Who moves when in image GANs: D and G in turns, with the settings that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from image_gans.techniques.switches import players_in_turn
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.bounds import Above0, Every, Positive, Share, Weight, bounded
from seqgan_kit.core.game import Epochs, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.core.techniques.packing import check_packs
from seqgan_kit.errors import UsageError

ADVERSARIAL = "adversarial"


@dataclass(frozen=True)
@bounded
class ImageTraining:
    """How both players step, and for how long; the defaults are those of DCGAN's paper."""

    generator_learning_rate: Weight = 2e-4
    """G's learning rate."""
    discriminator_learning_rate: Weight = 2e-4
    """D's learning rate."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """The rule of both players."""
    betas: tuple[Share, Share] = (0.5, 0.999)
    """Adam's decay of the first and second moment."""
    learning_rate_schedule: Schedule = "constant"
    """How both learning rates fall over the run."""
    discriminator_moves: Positive = 1
    """D's updates for each of G's."""
    average_decay: Share = 0.0
    """Draw from a moving average of G with this decay a move, for instance 0.995 (0: from G itself)."""
    batch_size: Positive = 128
    """Images a batch."""
    epochs: Above0 = 25.0
    """Passes of D over the images; a round is D's updates and one of G."""
    most_work: Weight = 0.0
    """Shorten the preset's epochs on more or larger images than the bundled faces, so that the run takes at
    most so many times its work there (0: never). Epochs given as a flag are kept."""
    evaluate_every_rounds: Every = 0
    """Measure the samples every so many rounds (0: about 20 evaluations, evenly spaced)."""
    sample_every_rounds: Every = 0
    """Draw a grid every so many rounds; 0 at the end only."""
    save_every_rounds: Every = 0
    """Write a checkpoint every so many rounds; 0 at the end only."""


def optimizer(training: ImageTraining, learning_rate: float) -> Optimizer:
    """The shared rule with a player's own learning rate."""
    return Optimizer(
        learning_rate,
        training.optimizer,
        betas=training.betas,
        schedule=training.learning_rate_schedule,
    )


def discriminator_turn(
    training: ImageTraining,
    techniques: Techniques = NO_TECHNIQUES,
    *,
    moves: int | Callable[[int], int] | None = None,
    after_step: str = "",
) -> Turn:
    """D's turn; ``moves`` in place of the settings' number where it changes with the round."""
    check_packs(training.batch_size, techniques.packing)
    if techniques.unrolled_steps and techniques.unrolled_optimizer == "adam" != training.optimizer:
        raise UsageError(
            f"unrolled_steps imagines D by adam, which continues from the moments of D's own adam, and the "
            f"optimizer is {training.optimizer}. Use --optimizer adam or --unrolled-optimizer sgd."
        )
    return Turn(
        players_in_turn("discriminator", techniques),
        loss="discriminator_loss",
        optimizer=optimizer(training, training.discriminator_learning_rate),
        moves=training.discriminator_moves if moves is None else moves,
        after_step=after_step,
    )


def generator_turn(
    training: ImageTraining,
    techniques: Techniques = NO_TECHNIQUES,
    *,
    with_players: tuple[str, ...] = (),
) -> Turn:
    """G's turn, together with further players that learn by G's loss."""
    return Turn(
        (*players_in_turn("generator", techniques), *with_players),
        loss="generator_loss",
        optimizer=optimizer(training, training.generator_learning_rate),
    )


def adversarial_phase(training: ImageTraining, *turns: Turn) -> Phase:
    """One phase in which these take turns, as long and as closely watched as the settings say."""
    return Phase(
        ADVERSARIAL,
        turns,
        rounds=Epochs(training.epochs),
        evaluate_every_rounds=training.evaluate_every_rounds or None,
        sample_every_rounds=training.sample_every_rounds,
        save_every_rounds=training.save_every_rounds,
    )


def in_turns(training: ImageTraining, techniques: Techniques = NO_TECHNIQUES) -> tuple[Phase, ...]:
    """One phase: D's updates, then one of G."""
    turns = discriminator_turn(training, techniques), generator_turn(training, techniques)
    return (adversarial_phase(training, *turns),)


def averages(training: ImageTraining) -> dict[str, float]:
    """The players that the trainer follows by a moving average, with its decay."""
    return {"generator": training.average_decay} if training.average_decay else {}

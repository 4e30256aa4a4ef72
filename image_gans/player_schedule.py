"""Who moves when in games of any players: each with a learning rate and moves of its own."""

from __future__ import annotations

from dataclasses import dataclass

from seqgan_kit.core.bounds import Above0, Every, Positive, Share, Weight, bounded
from seqgan_kit.core.game import Epochs, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer, Schedule


@dataclass(frozen=True)
@bounded
class Steps:
    """How one player moves."""

    learning_rate: Weight = 2e-4
    """Its learning rate."""
    moves: Positive = 1
    """Its updates in a round."""


@dataclass(frozen=True)
@bounded
class PlayerTraining:
    """What all players' updates share, and for how long they make them."""

    betas: tuple[Share, Share] = (0.5, 0.999)
    """Adam's decay of the first and second moment."""
    learning_rate_schedule: Schedule = "constant"
    """How all learning rates fall over the run."""
    batch_size: Positive = 1
    """Images a batch."""
    epochs: Above0 = 200.0
    """Passes over the images."""
    most_work: Weight = 0.0
    """Shorten the preset's epochs on more or larger images than the bundled faces, so that the run takes at
    most so many times its work there (0: never). Epochs given as a flag are kept."""
    evaluate_every_rounds: Every = 0
    """Measure the outputs every so many rounds (0: about 20 evaluations, evenly spaced)."""
    sample_every_rounds: Every = 0
    """Draw a grid every so many rounds; 0 at the end only."""
    save_every_rounds: Every = 0
    """Write a checkpoint every so many rounds; 0 at the end only."""


@dataclass(frozen=True)
@bounded
class PlayerAverages:
    """The moving average of translators."""

    average_decay: Share = 0.0
    """Decay of a moving average of the translators' weights, which is scored and saved in their place (0:
    none; 0.99 remembers about 100 updates)."""

    def of(self, *players: str) -> dict[str, float]:
        """Return the players that the trainer follows by an average, with its decay."""
        return dict.fromkeys(players, self.average_decay) if self.average_decay else {}


def player_turn(training: PlayerTraining, steps: Steps, loss: str, *players: str) -> Turn:
    """Return a turn in which players learn together by a loss, at their own pace."""
    rule = Optimizer(
        steps.learning_rate, betas=training.betas, schedule=training.learning_rate_schedule
    )
    return Turn(players, loss=loss, optimizer=rule, moves=steps.moves)


def training_phase(training: PlayerTraining, name: str, *turns: Turn, share: float = 1.0) -> Phase:
    """Return one phase in which these take turns, as long and as closely watched as the settings say.

    Args:
        training: the settings.
        name: name of the phase.
        turns: the turns of a round.
        share: share of the settings' epochs that the phase lasts.
    """
    return Phase(
        name,
        turns,
        rounds=Epochs(share * training.epochs),
        evaluate_every_rounds=training.evaluate_every_rounds or None,
        sample_every_rounds=training.sample_every_rounds,
        save_every_rounds=training.save_every_rounds,
    )

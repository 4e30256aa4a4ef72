"""Techniques that help any image GAN that they fit: each is a switch, and all are off by default.

A method hands its four choices to :func:`equipped_game`, which puts the techniques around them: into D's
trunk, around the estimator, or beside the players. What a technique needs in a turn comes by
:func:`players_in_turn`. Equations and papers stand in the files of ``seqgan_kit/core`` named after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from torch import nn

from image_gans.attacks.perturbations import GREY_LEVEL
from image_gans.augmentations.augmented_player import (
    ADAPTIVE,
    Augmentation,
    augmented,
    consistency,
)
from seqgan_kit.core.adversarial import AdversarialGame, Estimator, Pathwise
from seqgan_kit.core.bounds import Above0, Bounds, Share, Size, Units, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.penalties import Penalty
from seqgan_kit.core.products import channels_last
from seqgan_kit.core.techniques.attacked_inputs import AttackedInputs
from seqgan_kit.core.techniques.feature_matching import FeatureMatching
from seqgan_kit.core.techniques.history import HistoricalPenalty, History, WithHistory
from seqgan_kit.core.techniques.instance_noise import NoisyInput, WithInstanceNoise
from seqgan_kit.core.techniques.lecam import ScoreAnchors
from seqgan_kit.core.techniques.minibatch import MinibatchDiscrimination, MinibatchScore
from seqgan_kit.core.techniques.packing import Packed, PackPenalty
from seqgan_kit.core.techniques.unrolled import InnerOptimizer, Unrolled
from seqgan_kit.errors import UsageError

_ANCHORS = "score_anchors"
_LEARNERS = ("generator", "discriminator")


@dataclass(frozen=True)
@bounded
class Techniques:
    """Which of them are used."""

    packing: Size = 1
    """Images that D judges at once, all real or all fake (PacGAN); 1 packs none."""
    unrolled_steps: Units = 0
    """D's imagined steps that G's gradient goes through (unrolled GAN; 5 is usual); 0 for none."""
    unrolled_learning_rate: Above0 | None = None
    """Learning rate of the imagined D; without it D's own."""
    unrolled_optimizer: Literal["adam", "sgd"] = "adam"
    """Rule of the imagined D: adam continues from the moments of D's own, sgd has none."""
    feature_matching: bool = False
    """G matches D's mean features on real images in place of its objective."""
    minibatch_kernels: Annotated[int, Bounds(0, 10_000)] = 0
    """Similarities by which D compares the images of a batch (minibatch discrimination; 50 is usual)."""
    minibatch_dimensions: Annotated[int, Bounds(1, 1000)] = 5
    """Dimensions in which each similarity is measured."""
    historical_averaging: Weight = 0.0
    """Weight of the squared distance of both players' parameters from their mean so far."""
    instance_noise: Weight = 0.0
    """Deviation of the noise on all that D sees, falling to 0 over the training (images are in -1..1)."""
    augmentation: Augmentation = "none"
    """Random transformation of all images that D sees. diffaugment: colour, translation and cutout; ada: more
    transformations, whose probability follows D's overfitting; scheduled: these, with a rising probability.
    """
    ada_target: Share = 0.6
    """ada: mean sign of D's score on real images that the probability is moved towards."""
    ada_images: Size = 500_000
    """ada: images after which the probability can have moved from 0 to 1 (500,000 in the paper; a tenth of
    the images of a short run)."""
    augmentation_end: Share = 0.55
    """scheduled: the probability at the end of the training; it starts at 0."""
    lecam: Weight = 0.0
    """Weight of LeCam regularisation: D's scores stay near the mean scores of the other kind."""
    consistency: Weight = 0.0
    """Weight of balanced consistency regularisation: D's score stays the same if an image is mirrored and
    shifted (10 is usual)."""

    adversarial_epsilon: Weight = 0.0
    """Adversarial training of D: largest change of a pixel value of the real and fake images that D learns
    from, against D, in grey levels of 255 (1 to 8 are usual; 0: none)."""
    adversarial_steps: Size = 1
    """Gradient steps of this change; 1 is the fast gradient sign method."""
    adversarial_measured: bool = False
    """Only measure D's accuracy under this attack; D learns from the images as they are."""

    def used(self) -> dict[str, object]:
        """Those that are on, with their main setting."""
        switches = {
            "packing": self.packing if self.packing > 1 else 0,
            "unrolled_steps": self.unrolled_steps,
            "feature_matching": self.feature_matching,
            "minibatch_kernels": self.minibatch_kernels,
            "historical_averaging": self.historical_averaging,
            "instance_noise": self.instance_noise,
            "augmentation": "" if self.augmentation == "none" else self.augmentation,
            "lecam": self.lecam,
            "consistency": self.consistency,
            "adversarial_epsilon": self.adversarial_epsilon,
        }
        return {name: setting for name, setting in switches.items() if setting}


NO_TECHNIQUES = Techniques()


def equipped_game(
    generator: nn.Module,
    discriminator: Discriminator,
    objective: Objective,
    techniques: Techniques = NO_TECHNIQUES,
    *,
    estimator: Estimator | None = None,
    penalties: Sequence[Penalty] = (),
    others: Mapping[str, nn.Module] | None = None,
    kind: Callable[..., AdversarialGame] = AdversarialGame,
) -> AdversarialGame:
    """The adversarial game (or a method's own kind of it) with the techniques, whose layers are in D."""
    _check_fit(techniques, discriminator, objective, estimator, penalties)
    chosen = _estimator(techniques, estimator)
    if techniques.packing > 1:
        discriminator.trunk = Packed(discriminator.trunk, techniques.packing)
        penalties = [PackPenalty(penalty, techniques.packing) for penalty in penalties]
    if techniques.instance_noise:
        discriminator.trunk = layer = NoisyInput(discriminator.trunk)
        chosen = WithInstanceNoise(chosen, layer, techniques.instance_noise)
    others = dict(others or {})
    if techniques.consistency:
        penalties = [*penalties, consistency(discriminator, techniques.consistency)]
    if techniques.augmentation != "none":
        parts = augmented(
            discriminator,
            objective,
            chosen,
            techniques.augmentation,
            target=techniques.ada_target,
            length=techniques.ada_images,
            end=techniques.augmentation_end,
        )
        chosen, objective = parts.estimator, parts.objective
        others |= {ADAPTIVE: parts.player} if parts.player is not None else {}
    if techniques.lecam:
        others[_ANCHORS] = anchors = ScoreAnchors()
        objective = anchors.around(objective, techniques.lecam)
    if techniques.minibatch_kernels:
        _look_at_the_batch(discriminator, techniques)
    if weight := techniques.historical_averaging:
        histories = {"generator": History(generator), "discriminator": History(discriminator)}
        chosen = WithHistory(chosen, histories["generator"], weight)
        penalties = [*penalties, HistoricalPenalty(histories["discriminator"], weight)]
        kept = {_history(player): history for player, history in histories.items()}
        others |= kept
    game = kind(generator, discriminator, objective, chosen, penalties, others)
    if epsilon := techniques.adversarial_epsilon:
        length, measured = epsilon * GREY_LEVEL, techniques.adversarial_measured
        AttackedInputs(length, techniques.adversarial_steps, measures_only=measured).enter(game)
    return channels_last(game)


def players_in_turn(player: str, techniques: Techniques) -> tuple[str, ...]:
    """The player and whatever a technique keeps for it."""
    beside = [_history(player)] if techniques.historical_averaging and player in _LEARNERS else []
    if player == "discriminator":
        beside += [ADAPTIVE] if techniques.augmentation == "ada" else []
        beside += [_ANCHORS] if techniques.lecam else []
    return (player, *beside)


def refuse_techniques(techniques: Techniques, method: str, why: str, *names: str) -> None:
    """For methods that some do not fit: an error if any of the named ones (all, if none is named) is on."""
    given = [name for name in techniques.used() if not names or name in names]
    if given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{method} does not go with {flags}: {why} Leave it out.")


def _history(player: str) -> str:
    return f"{player}_history"


def _estimator(techniques: Techniques, given: Estimator | None) -> Estimator:
    if techniques.feature_matching:
        return FeatureMatching()
    if techniques.unrolled_steps:
        inner = InnerOptimizer(techniques.unrolled_learning_rate, techniques.unrolled_optimizer)
        return Unrolled(techniques.unrolled_steps, inner)
    return given if given is not None else Pathwise()


def _look_at_the_batch(discriminator: Discriminator, techniques: Techniques) -> None:
    features = getattr(discriminator.score, "in_features", None)
    if not isinstance(features, int):
        raise UsageError(
            "minibatch discrimination needs a discriminator whose score is a linear layer; this one's is "
            f"{type(discriminator.score).__name__}. Leave out --minibatch-kernels."
        )
    layer = MinibatchDiscrimination(
        features, techniques.minibatch_kernels, techniques.minibatch_dimensions
    )
    discriminator.score = MinibatchScore(discriminator.score, layer)
    # A score now depends on its batch: reals and fakes may not be in one.
    discriminator.trunk.rows_are_independent = False  # type: ignore[assignment]


def _check_fit(
    techniques: Techniques,
    discriminator: Discriminator,
    objective: Objective,
    estimator: Estimator | None,
    penalties: Sequence[Penalty],
) -> None:
    """Refuse what has no meaning together."""
    used, names = techniques.used(), ", ".join(penalty.name for penalty in penalties)
    reasons = (
        (
            {"unrolled_steps", "feature_matching"} <= set(used),
            "feature_matching and unrolled_steps are two losses for one generator. Choose one.",
        ),
        (
            estimator is not None and bool({"unrolled_steps", "feature_matching"} & set(used)),
            "unrolled_steps and feature_matching replace the way by which D's verdict reaches G, and this "
            "method has its own. Leave them out.",
        ),
        *(
            (
                {"unrolled_steps", name} <= set(used)
                and techniques.augmentation in ("none", "ada"),
                f"{name} would take unrolled_steps' imagined moves for real ones. Choose one.",
            )
            for name in ("historical_averaging", "augmentation", "lecam")
        ),
        (
            {"unrolled_steps", "adversarial_epsilon"} <= set(used),
            "unrolled_steps differentiates through D's updates, and adversarial_epsilon puts an attack into "
            "them. Choose one.",
        ),
        (
            {"augmentation", "consistency"} <= set(used),
            "consistency compares images as they are with transformed ones, and with augmentation D sees "
            "transformed images only. Choose one.",
        ),
        (
            {"minibatch_kernels", "consistency"} <= set(used),
            "consistency needs a score of each image by itself, and minibatch_kernels makes it depend on the "
            "whole batch. Choose one.",
        ),
        (
            "minibatch_kernels" in used and bool(names),
            f"{names} needs a score of each image by itself, and minibatch_kernels makes it depend on the "
            "whole batch. Choose one.",
        ),
        (
            "packing" in used and bool(discriminator.heads),
            f"D's further heads ({', '.join(discriminator.heads)}) say something of each image, and with "
            "packing it sees several at once. Leave out packing.",
        ),
        (
            "packing" in used and objective.name.startswith("relativistic_pairs"),
            "relativistic pairs compare one real image with one fake; packs have no such partner. Use a "
            "relativistic average objective, or leave out packing.",
        ),
    )
    for unfit, why in reasons:
        if unfit:
            raise UsageError(why)

"""Techniques that help any image GAN that they fit: each is a switch, and all are off by default.

A method hands its four choices to :func:`equipped_game`, which puts the techniques around them: into D's
trunk, around the estimator, or beside the players. What a technique needs in a turn comes by
:func:`players_in_turn`. Equations and papers stand in the files of ``seqgan_kit/core`` named after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from image_gans.attacks.perturbations import GREY_LEVEL
from image_gans.augmentations.augmented_player import ADAPTIVE, augmented, consistency
from image_gans.techniques.fits import check_fit
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame, Estimator, Pathwise
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.penalties import R1, R2, Penalty
from seqgan_kit.core.products import channels_last
from seqgan_kit.core.techniques.attacked_inputs import AttackedInputs
from seqgan_kit.core.techniques.feature_matching import FeatureMatching
from seqgan_kit.core.techniques.generator_batch import LargerBatch
from seqgan_kit.core.techniques.history import HistoricalPenalty, History, WithHistory
from seqgan_kit.core.techniques.instance_noise import NoisyInput, WithInstanceNoise
from seqgan_kit.core.techniques.lecam import ScoreAnchors
from seqgan_kit.core.techniques.minibatch import MinibatchDiscrimination, MinibatchScore
from seqgan_kit.core.techniques.packing import Packed, PackPenalty
from seqgan_kit.core.techniques.top_samples import TopSamples
from seqgan_kit.core.techniques.unrolled import InnerOptimizer, Unrolled
from seqgan_kit.errors import UsageError

_ANCHORS = "score_anchors"
_LEARNERS = ("generator", "discriminator")


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
    weights = (R1, techniques.r1_weight), (R2, techniques.r2_weight)
    penalties = [*penalties, *(norm(weight) for norm, weight in weights if weight)]
    check_fit(techniques, discriminator, objective, estimator, penalties)
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
    if techniques.generator_batch > 1:
        chosen = LargerBatch(chosen, techniques.generator_batch)
    if techniques.top_share < 1:
        top = TopSamples(chosen, techniques.top_share)
        chosen, objective = top, top.around(objective)
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

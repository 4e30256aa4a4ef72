"""Which techniques go with which parts of a game, and with each other."""

from __future__ import annotations

from collections.abc import Sequence

from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.adversarial import Estimator
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking
from seqgan_kit.core.objectives import Objective
from seqgan_kit.core.penalties import Penalty
from seqgan_kit.core.techniques.feature_matching import FeatureMatching
from seqgan_kit.errors import UsageError

_OF_ALL_TOGETHER = (
    BoundarySeeking,
    FeatureMatching,
)  # estimators that weigh or average the samples


def refuse_techniques(techniques: Techniques, method: str, why: str, *names: str) -> None:
    """For methods that some do not fit: an error if any of the named ones (all, if none is named) is on."""
    given = [name for name in techniques.used() if not names or name in names]
    if given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{method} does not go with {flags}: {why} Leave it out.")


def check_fit(
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
            "unrolled_steps" in used and bool({"generator_batch", "top_share"} & set(used)),
            "unrolled_steps imagines D's updates on the samples of G's, so both read the same ones. Leave "
            "out generator_batch and top_share.",
        ),
        (
            "top_share" in used
            and ("feature_matching" in used or isinstance(estimator, _OF_ALL_TOGETHER)),
            "top_share picks images by their scores, and this generator's loss is of all of them together. "
            "Leave it out.",
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

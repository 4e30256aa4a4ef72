"""Settings of the attacks that score classifiers, and the columns, rows and curves of their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from image_gans.attacks.local_search import LocalSearch
from seqgan_kit.core.bounds import Positive, Units, Weight, bounded
from seqgan_kit.errors import UsageError
from seqgan_kit.metrics.statistics.divergences import Estimate


@dataclass(frozen=True)
@bounded
class RobustnessSettings:
    """How classifiers are attacked for scores."""

    attacked_images: Positive = 256
    """Test images of each attack."""
    evaluation_images: Positive = 64
    """Test images attacked in an evaluation during training."""
    test_steps: Positive = 20
    """Gradient steps of an attack (20 in Madry et al.)."""
    strengths: tuple[Weight, ...] = (0, 2, 4, 8, 16, 24)
    """Strengths of the curve in grey levels, for the norm of training; they must rise."""
    l2_epsilon: Weight = 128.0
    """Length of the perturbations in the L2 column, in grey levels."""
    searched_images: Units = 16
    """Test images of the local search without gradients (0: no such column)."""
    search: LocalSearch = LocalSearch()  # noqa: RUF009
    """The local search."""

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in pairwise(self.strengths))
        if not self.strengths or not rising:
            raise UsageError(
                f"strengths are {', '.join(f'{x:g}' for x in self.strengths) or 'none'}; they must rise, for "
                "example --strengths 0 2 8."
            )


SMOKE_ROBUSTNESS = RobustnessSettings(16, 8, 2, (0, 8), 128.0, 2, LocalSearch(2, 2))
"""Settings for presets that take seconds."""


def robust_columns(
    settings: RobustnessSettings, label: str, epsilon: float, tested: int
) -> list[dict[str, Any]]:
    """Return the columns of the table.

    Args:
        settings: the attacks.
        label: what is named.
        epsilon: strength of the attacks in L-infinity, in grey levels.
        tested: number of test images.
    """
    many, steps = min(settings.attacked_images, tested), settings.test_steps
    linf, l2 = f"norm:linf|epsilon:{epsilon:g}/255", f"norm:l2|epsilon:{settings.l2_epsilon:g}/255"
    accuracy = f"accuracy|label:{label}"
    told = [
        ("clean", "accuracy", f"{accuracy}|test:{tested}"),
        ("fgsm", "under FGSM", f"{accuracy}|fgsm|{linf}|test:{many}"),
        ("pgd", "under PGD", f"{accuracy}|pgd:{steps}|{linf}|test:{many}"),
        ("pgd_l2", "under PGD, L2", f"{accuracy}|pgd:{steps}|{l2}|test:{many}"),
    ]
    columns = [_column(key, name, "higher", 3, signature) for key, name, signature in told]
    if most := min(settings.searched_images, many):
        search = settings.search
        by = f"local-search|pixels:{search.pixels}|rounds:{search.rounds}|test:{most}"
        columns += [
            _column("searched", "under local search", "higher", 3, f"{accuracy}|{by}"),
            _column("queries", "queries", None, 0, f"mean-images-shown|{by}"),
        ]
    return columns


def robust_note(settings: RobustnessSettings, epsilon: float) -> str:
    """Return the note under the table."""
    searched = (
        " The local search sees only probabilities and changes at most "
        f"{settings.search.most_pixels} pixels; its queries are images that the classifier was shown."
        if settings.searched_images
        else ""
    )
    return (
        "Under an attack an image counts as right only if its class is right without it too. FGSM, PGD "
        f"and PGD in L2 know the classifier's weights (epsilon {epsilon:g} and, in L2, "
        f"{settings.l2_epsilon:g} grey levels of 255).{searched} A classifier that always names the most "
        "frequent class cannot be attacked: robust accuracy below its row is worth nothing."
    )


def strength_line(
    name: str, strengths: Sequence[float], estimates: Sequence[Estimate]
) -> dict[str, Any]:
    """Return a curve of accuracy against epsilon."""
    return {
        "name": name,
        "points": [[x, estimate.value] for x, estimate in zip(strengths, estimates, strict=True)],
        "errors": [estimate.standard_error for estimate in estimates],
    }


def _column(key: str, name: str, better: str | None, digits: int, signature: str) -> dict[str, Any]:
    return {"key": key, "label": name, "better": better, "digits": digits, "signature": signature}

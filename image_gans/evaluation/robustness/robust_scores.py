"""Scores and figures of classifiers under attack: accuracy by strength, and maps of perturbations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from image_gans.attacks.attack_settings import GradientAttack
from image_gans.attacks.perturbations import GREY_LEVEL
from image_gans.evaluation.image_parts import check_image_parts, save_image_parts
from image_gans.evaluation.image_table import score_row
from image_gans.evaluation.robustness.attack_strength import (
    attacked_images,
    fast_images,
    rightly_named,
    robust_by_strength,
    searched_images,
    share,
    withstood,
)
from image_gans.evaluation.robustness.robust_table import (
    RobustnessSettings,
    robust_columns,
    robust_note,
    strength_line,
)
from image_gans.few_labels import FewLabels
from image_gans.grids import enlargement, save_grid
from image_gans.robust_game import ADVERSARIAL, PLAIN, VIRTUAL, RobustGame
from seqgan_kit.core.discriminator import device_of, evaluating
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.metrics.statistics.divergences import Estimate

TITLES = {ADVERSARIAL: "adversarial training", VIRTUAL: "VAT", PLAIN: "plain"}
"""Names of rows by the game's players."""
_VERBS = ("attack",)
_SHOWN, _GRID = 8, 32
Tested = tuple[str, nn.Module, tuple[Tensor, Tensor]]
"""A player's name, the player, and test images with their classes."""


@dataclass(frozen=True)
class RobustnessScorer:
    """A scorer of :class:`~image_gans.robust_game.RobustGame`.

    Attributes:
        told: labelled images and test images.
        attack: the attack that is trained against; it also gives the strength of the table's columns.
        settings: the attacks of the scores.
    """

    told: FewLabels
    attack: GradientAttack
    settings: RobustnessSettings

    def check(self, game: Game) -> None:
        """Refuse, before training, a model that could not be saved."""
        check_image_parts(self._parts(game), _VERBS)

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the method's classifier into a run's ``model`` folder."""
        save_image_parts(folder, self._parts(game), _VERBS, about)

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute every classifier's accuracy, clean and attacked: the evaluation hook of a run."""
        found = {}
        with under_attack(game):
            for way, player, (x, y) in self._classifiers(game, self.settings.evaluation_images):
                found[f"{way}_test_accuracy"] = self._clean(player).value
                attacked = attacked_images(player, x, y, self.attack, rng)
                found[f"{way}_robust_accuracy"] = share(rightly_named(player, attacked, y)).value
        return found

    def draw_grid(self, game: Game, rng: torch.Generator, path: Path) -> None:
        """Draw test images as the method's classifier is attacked by; the sampling hook of a run."""
        _, player, (x, y) = next(iter(self._classifiers(game, _GRID)))
        with under_attack(game):
            images = attacked_images(player, x, y, self.attack, rng)
        save_grid(images, path.with_suffix(".png"), columns=_SHOWN, scale=enlargement(images))

    def draw_figures(self, run: Run, game: Game) -> None:
        """Write figures/: error_maps.png, local_search.png, and error_maps.txt with the classes named.

        The rows of error_maps.png are the test images, then for each classifier the perturbation, enlarged
        so that epsilon is black or white, and the attacked images. local_search.png is alike.
        """
        rng = torch.Generator(run.runtime.device).manual_seed(run.settings.seed)
        maps, searched, lines = list[Tensor](), list[Tensor](), list[str]()
        with under_attack(game):
            for way, player, (x, y) in self._classifiers(game, _SHOWN):
                attacked = attacked_images(player, x, y, self._test_attack, rng)
                lines.append(f"{TITLES[way]}: {self._named(player, x)}")
                lines.append(f"    attacked: {self._named(player, attacked)}")
                scale = max(self.attack.epsilon * GREY_LEVEL, 1e-9)
                maps += [] if maps else [x]
                maps += [((attacked - x) / scale).clamp(-1, 1), attacked]
                if self.settings.searched_images:
                    found = searched_images(player, x, y, self.settings.search, _on_cpu(rng))
                    images = torch.stack([one.image for one in found])
                    searched += [] if searched else [x]
                    searched += [((images - x) / 2).clamp(-1, 1), images]
        for name, sheet in (("error_maps", maps), ("local_search", searched)):
            if sheet:
                path, images = run.log.figure_path(f"{name}.png"), torch.cat(sheet)
                save_grid(images, path, columns=len(sheet[0]), scale=enlargement(images))
        text = "\n".join(lines) + "\n"
        run.log.figure_path("error_maps.txt").write_text(text, encoding="utf-8")

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table: a row for each classifier, and one for always naming the most frequent class."""
        rows, lines = [], []
        strengths = self.settings.strengths
        for game in games.values():
            with under_attack(game):
                for way, player, (x, y) in self._classifiers(game, self.settings.attacked_images):
                    rng = torch.Generator(x.device).manual_seed(seed)
                    curve = robust_by_strength(player, x, y, self._test_attack, strengths, rng)
                    rows.append(score_row(TITLES[way], self._row(player, x, y, rng)))
                    lines.append(strength_line(TITLES[way], strengths, curve))
        constant = share(self.told.test_classes == self.told.classes.mode().values)
        columns = robust_columns(
            self.settings, self.told.label, self._linf_epsilon, len(self.told.test)
        )
        keys = [column["key"] for column in columns if column["key"] != "queries"]
        rows.append(
            {**score_row("most frequent class", dict.fromkeys(keys, constant)), "reference": True}
        )
        chart = {
            "title": f"accuracy of the {self.told.label} under attack",
            "x_label": f"epsilon of PGD in grey levels ({self.attack.norm})",
            "lines": lines,
        }
        return {
            "title": title,
            "columns": columns,
            "rows": rows,
            "notes": [robust_note(self.settings, self._linf_epsilon)],
            "charts": [chart],
        }

    def _row(
        self, player: nn.Module, x: Tensor, y: Tensor, rng: torch.Generator
    ) -> dict[str, Estimate]:
        """Return the scores of a classifier by column."""
        clean = rightly_named(player, x, y)

        def against(attack: GradientAttack) -> Estimate:
            return share(withstood(player, x, y, attack, clean, rng))

        fast = fast_images(player, x, y, self._linf_epsilon)
        euclidean = replace(self._test_attack, norm="l2", epsilon=self.settings.l2_epsilon)
        linf = replace(self._test_attack, norm="linf", epsilon=self._linf_epsilon)
        scores = {
            "clean": self._clean(player),
            "fgsm": share(clean & rightly_named(player, fast, y)),
            "pgd": against(linf),
            "pgd_l2": against(euclidean),
        }
        if most := self.settings.searched_images:
            found = searched_images(player, x[:most], y[:most], self.settings.search, _on_cpu(rng))
            scores["searched"] = share(torch.tensor([not one.fooled for one in found]))
            queries = torch.tensor([float(one.queries) for one in found])
            scores["queries"] = Estimate(
                float(queries.mean()), float(queries.std(unbiased=False)) / len(queries) ** 0.5
            )
        return scores

    @property
    def _test_attack(self) -> GradientAttack:
        """The attack that is trained against, with the steps of a test."""
        return replace(self.attack, steps=self.settings.test_steps)

    @property
    def _linf_epsilon(self) -> float:
        """Strength of the L-infinity columns: that of training, or the middle of the curve."""
        if self.attack.norm == "linf":
            return self.attack.epsilon
        return self.settings.strengths[len(self.settings.strengths) // 2]

    def _clean(self, player: nn.Module) -> Estimate:
        x, y = self._test(player, len(self.told.test))
        return share(rightly_named(player, x, y))

    def _named(self, player: nn.Module, x: Tensor) -> str:
        with torch.no_grad():
            return ", ".join(self.told.names[i] for i in player(x).argmax(1).tolist())

    def _test(self, player: nn.Module, most: int) -> tuple[Tensor, Tensor]:
        """Return up to ``most`` test images and their classes, evenly spaced, on the player's device."""
        count = len(self.told.test)
        rows = torch.linspace(0, count - 1, min(most, count)).long()
        device = device_of(player)
        return to_float(self.told.test[rows]).to(device), self.told.test_classes[rows].to(device)

    def _classifiers(self, game: Game, most: int) -> Iterator[Tested]:
        for way in cast(RobustGame, game).ways:
            yield way, game.players[way], self._test(game.players[way], most)

    def _parts(self, game: Game) -> dict[str, nn.Module]:
        return {"classifier": game.players[cast(RobustGame, game).ways[0]]}


@contextmanager
def under_attack(game: Game) -> Iterator[None]:
    """Put the players in evaluation mode, without gradients for parameters, which makes attacks faster."""
    parameters = [p for p in game.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        with evaluating(game):
            yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _on_cpu(rng: torch.Generator) -> torch.Generator:
    """Return a generator on the CPU with the same seed."""
    return torch.Generator().manual_seed(rng.initial_seed())

"""Test error of a classifier trained on few labels, beside its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from image_gans.evaluation.image_scores import ImageScorer
from image_gans.few_labels import FewLabels
from seqgan_kit.core.discriminator import device_of, evaluating
from seqgan_kit.core.game import Game
from seqgan_kit.data.images.pixels import to_float

_CHUNK = 500


@dataclass(frozen=True)
class LabelScorer(ImageScorer):
    """A scorer of semi-supervised games."""

    told: FewLabels = field(kw_only=True)
    """Labelled images and test images."""

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Compute diversity and the test error of D and of the baseline; the evaluation hook of a run."""
        return {
            **super().__call__(game, rng),
            "test_error": self.error(game.players["discriminator"]),
            "baseline_test_error": self.error(game.players["baseline"]),
        }

    def error(self, classifier: nn.Module) -> float:
        """Return the classification error on the test images."""
        device = device_of(classifier)
        with torch.no_grad(), evaluating(classifier):
            named = [
                classifier(to_float(rows).to(device)).heads["classes"].argmax(1).cpu()
                for rows in self.told.test.split(_CHUNK)
            ]
        return error_rate(torch.cat(named), self.told.test_classes)

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with the test error, and a row for each game's baseline."""
        table = super().record(title, games, seed)
        rows, count = [], len(self.told.test)
        for row in table["rows"]:
            rows.append(row)
            if row["name"] in games:
                players = games[row["name"]].players
                rows.append({"name": "the same labels alone", "values": {}})
                for one, player in ((row, "discriminator"), (rows[-1], "baseline")):
                    share = self.error(players[player])
                    one["values"]["test_error"] = share
                    one.setdefault("errors", {})["test_error"] = (
                        share * (1 - share) / count
                    ) ** 0.5
        told = len(self.told.rows)
        column = {
            "key": "test_error",
            "label": "test error",
            "better": "lower",
            "digits": 4,
            "signature": f"share-wrong|label:{self.told.label}|told:{told}|test:{count}",
        }
        note = (
            "The same labels alone: the same network from the same weights, after as many "
            f"updates on the {told} labelled images only."
        )
        return {
            **table,
            "rows": rows,
            "columns": [column, *table["columns"]],
            "notes": [note, *table["notes"]],
        }


def error_rate(named: Tensor, classes: Tensor) -> float:
    """Return the share of wrong classes [N]."""
    return float((named != classes).double().mean())

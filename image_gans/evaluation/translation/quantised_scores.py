"""Scores, figures and code rows of a VQ-VAE.

Samples need a prior over codes, which a text recipe learns from the run's code rows. The table shows what the
prior must beat: every code of the map drawn by itself, as often as it occurs at its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from image_gans.evaluation.code_rows import FOLDER, write_code_rows
from image_gans.evaluation.translation.rebuilding_scores import ATTRIBUTE_TV, RebuildingScorer
from image_gans.grids import save_grid
from image_gans.networks.translators.quantised_networks import MapDecoder
from image_gans.networks.translators.vector_quantiser import VectorQuantiser
from seqgan_kit.core.discriminator import device_of
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import Run
from seqgan_kit.data.images.pixels import to_float

_CHUNK = 128
_SAMPLES = 64


@dataclass(frozen=True)
class QuantisedScorer(RebuildingScorer):
    """Scores and figures of a VQ-VAE; its export writes the code rows of all images too."""

    verb: str = "rebuild"
    parts: tuple[str, ...] = ("encoder", "quantiser", "generator")
    verbs: tuple[str, ...] = ("rebuild", "decode")

    def __call__(self, game: Game, rng: torch.Generator) -> dict[str, float]:
        """Return also the perplexity of the codes of test images."""
        codes = codes_of(game, self.pairs.test.targets[: self.settings.evaluation_pairs])
        return {**super().__call__(game, rng), "code_perplexity": perplexity(codes)}

    def export(self, game: Game, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the model, and the codes of training and test images as a folder that ``--text`` takes."""
        super().export(game, folder, about)
        for split, part in (("train", self.pairs.train), ("test", self.pairs.test)):
            write_code_rows(codes_of(game, part.targets), folder.parent / FOLDER / f"{split}.txt")

    def draw_figures(self, run: Run, game: Game) -> None:
        """Draw also independent.png: images of codes that were drawn independently at their places."""
        super().draw_figures(run, game)
        images = self.of_independent_codes(game, _SAMPLES, run.settings.seed)
        save_grid(images, run.log.figure_path("independent.png"), columns=8, scale=3)

    def record(self, title: str, games: Mapping[str, Game], seed: int) -> dict[str, Any]:
        """Return the table with the codes' perplexity, and a row of independently drawn codes."""
        table, count = super().record(title, games, seed), self.settings.score_pairs
        for name, game in games.items():
            row = next(row for row in table["rows"] if row["name"] == name)
            row["values"]["perplexity"] = perplexity(
                codes_of(game, self.pairs.test.targets[:count])
            )
            drawn = self.of_independent_codes(game, count, seed)
            table["rows"].insert(
                len(table["rows"]) - 1, self.row_of_samples("independent codes", drawn)
            )
        quantisers = [cast(VectorQuantiser, game.players["quantiser"]) for game in games.values()]
        size = max(quantiser.config.codes for quantiser in quantisers)
        table["columns"].append(
            {"key": "perplexity", "label": "codes' perplexity", "better": "higher", "digits": 1,
             "signature": f"exp-entropy-of-shares|of:{size}|test-images"}
        )  # fmt: skip
        if any("attribute_tv" in row["values"] for row in table["rows"]):
            table["columns"].append(ATTRIBUTE_TV)
        table["notes"].append(
            f"Samples need a prior over codes: train a text recipe on the run's {FOLDER}/, then use "
            "'seqgan-kit sample RUN --prior TEXT_RUN'. Independent codes: every code of the map drawn by "
            "itself, as often as training images have it at its place."
        )
        return table

    @torch.no_grad()
    def of_independent_codes(self, game: Game, n: int, seed: int) -> Tensor:
        """Return images [n,C,H,W] of codes drawn independently at each place of the map."""
        quantiser = cast(VectorQuantiser, game.players["quantiser"])
        generator = cast(MapDecoder, game.players["generator"])
        codes, rng = codes_of(game, self.pairs.train.targets), torch.Generator().manual_seed(seed)
        chosen = torch.randint(len(codes), (n, *codes.shape[1:]), generator=rng)
        drawn = codes.gather(0, chosen).to(quantiser.vectors.device)
        return torch.cat([generator(quantiser.look_up(p)).cpu() for p in drawn.split(_CHUNK)])


@torch.no_grad()
def codes_of(game: Game, images: Tensor) -> Tensor:
    """Return the codes [N,h,w] of images [N,C,H,W] uint8, on the CPU."""
    device = device_of(game)
    parts = [
        game.players["quantiser"](game.players["encoder"](to_float(x).to(device))).codes.cpu()
        for x in images.split(_CHUNK)
    ]
    return torch.cat(parts)


def perplexity(codes: Tensor) -> float:
    """Return exp of the entropy of the codes' shares: 1 for one code, K if all occur equally often."""
    shares = torch.bincount(codes.flatten()).double() / codes.numel()
    return float(torch.special.entr(shares).sum().exp())

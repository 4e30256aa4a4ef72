"""LAPGAN: an exact pyramid, independent levels, samples coarse to fine, and what it refuses."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.methods.pyramid import lapgan
from image_gans.methods.pyramid.lapgan import LAPGANMethod, PyramidGame
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.pyramids.pyramid_generator import PyramidShape
from image_gans.networks.pyramids.pyramid_players import LevelJudgeShape, build_pyramid
from seqgan_kit.core.game import Move
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.pyramids import doubled, from_pyramid, halved, laplacian_pyramid
from seqgan_kit.errors import UsageError

REAL = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(5)) * 2 - 1
BASE = NetworkChoice("mlp", width=1, latent=3)
JUDGE = LevelJudgeShape(width=2, dropout=0.0)


def game(smoothing: float = 0.0) -> PyramidGame:
    torch.manual_seed(0)
    shape = PyramidShape(width=2, kernel=3)
    players = build_pyramid(BASE, ImageData(size=32), shape, JUDGE)
    return lapgan.build(*players, LAPGANMethod(smoothing))


def move() -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(1))


class TrueDetail(nn.Module):
    """A generator of details that knows the answer."""

    def __init__(self, detail: Tensor):
        super().__init__()
        self.detail = detail

    def forward(self, low: Tensor, noise: Tensor) -> Tensor:
        return self.detail


class TrueCopy(nn.Module):
    """A generator of the smallest copies of given images."""

    def __init__(self, copy: Tensor):
        super().__init__()
        self.copy = copy

    def forward(self, z: Tensor) -> Tensor:
        return self.copy


def test_generators_of_true_details_give_the_images_back() -> None:
    """So the sum of all levels is the inverse of the pyramid that training takes apart."""
    generator = game().generator
    fine, coarse, copy = laplacian_pyramid(REAL, 2)
    assert [level.shape[-1] for level in (fine, coarse, copy)] == [32, 16, 8]
    torch.testing.assert_close(from_pyramid([fine, coarse, copy]), REAL)
    generator.inner = TrueCopy(copy)
    generator.details = nn.ModuleList([TrueDetail(coarse), TrueDetail(fine)])
    levels = generator.levels(torch.zeros(4, generator.config.latent))
    torch.testing.assert_close(levels[1], halved(REAL))
    torch.testing.assert_close(levels[2], REAL)


def test_in_training_each_low_pass_image_is_of_a_real_image() -> None:
    played = game()
    for detail in played.generator.details:
        nn.init.zeros_(detail.layers[-1].weight)  # type: ignore[union-attr,index]
        nn.init.zeros_(detail.layers[-1].bias)  # type: ignore[union-attr,index]
    (copy, _), (middle, blurred), (fine, blurred_fine) = played.pairs(REAL, move().rng)
    torch.testing.assert_close(fine, REAL)
    torch.testing.assert_close(middle, halved(REAL))
    torch.testing.assert_close(copy, halved(halved(REAL)))
    torch.testing.assert_close(blurred_fine, doubled(middle, fine.shape[2:]))
    torch.testing.assert_close(blurred, doubled(copy, middle.shape[2:]))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_losses_are_those_of_the_equations(smoothing: float) -> None:
    played = game(smoothing)
    judges = played.players["discriminator"].levels  # type: ignore[union-attr]
    wanted_d, wanted_g = [], []
    for judge, (image, fake) in zip(judges, played.pairs(REAL, move().rng), strict=True):  # type: ignore[call-overload]
        real, made = judge(image).score, judge(fake).score
        told = (1 - smoothing) * softplus(-real) + smoothing * softplus(real)
        wanted_d.append(told.mean() + softplus(made).mean())
        wanted_g.append(softplus(-made).mean())
    d = played.discriminator_loss({"real": REAL}, move())
    g = played.generator_loss({"real": REAL}, move())
    torch.testing.assert_close(d.total, sum(wanted_d))
    torch.testing.assert_close(g.total, sum(wanted_g))
    torch.testing.assert_close(d.logs["discriminator_loss_16"], wanted_d[1])
    torch.testing.assert_close(g.logs["generator_loss"], sum(wanted_g) / 3)


@pytest.mark.parametrize("loss", ["discriminator_loss", "generator_loss"])
def test_the_levels_are_independent(loss: str) -> None:
    """Other weights of one level leave the gradients of all other levels as they are, bit for bit."""

    def gradients(played: PyramidGame) -> list[list[Tensor]]:
        generator, judges = played.generator, played.players["discriminator"].levels  # type: ignore[union-attr]
        own = [generator.inner, *generator.details] if loss == "generator_loss" else [*judges]  # type: ignore[misc,list-item]
        total = played.loss(loss, {"real": REAL}, move()).total
        return [list(torch.autograd.grad(total, p.parameters(), retain_graph=True)) for p in own]  # type: ignore[attr-defined]

    before = gradients(game())
    for changed in range(3):
        played = game()
        generator, judges = played.generator, played.players["discriminator"].levels  # type: ignore[union-attr]
        with torch.no_grad():
            for part in ([generator.inner, *generator.details][changed], judges[changed]):  # type: ignore[index,misc]
                for parameter in part.parameters():  # type: ignore[union-attr]
                    parameter.add_(0.1)
        after = gradients(played)
        for level in range(3):
            pairs = zip(before[level], after[level], strict=True)
            assert all(torch.equal(a, b) for a, b in pairs) == (level != changed)


def test_samples_are_drawn_coarse_to_fine() -> None:
    """The noise of a level changes that level and the finer ones."""
    generator = game().generator
    sizes = [3, 16**2, 32**2]
    assert generator.config.latent == sum(sizes)
    z = generator.latents(2, torch.Generator().manual_seed(0))
    plain = generator.levels(z)
    for number, place in enumerate((0, 3, 3 + 16**2)):
        other = z.clone()
        other[:, place] += 3
        same = [torch.equal(a, b) for a, b in zip(generator.levels(other), plain, strict=True)]
        assert same == [number > level for level in range(3)]
    assert torch.equal(generator(z), plain[-1].clamp(-1, 1))


def test_a_saved_pyramid_draws_the_same(tmp_path: Path) -> None:
    generator = game().generator.eval()
    save_image_model(tmp_path / "model", generator)
    loaded = load_image_model(tmp_path)
    z = loaded.latents(3, seed=4)  # type: ignore[union-attr]
    assert torch.equal(loaded.images(3, seed=4), generator(z))


@pytest.mark.parametrize(
    ("shape", "judge", "size", "message"),
    [
        (PyramidShape(8), JUDGE, 24, r"reach images of 24 pixels .*that do: 12\. Change --pyramid"),
        (PyramidShape(16), JUDGE, 16, r"reach images of 16 pixels .*that do: 8\."),
        (PyramidShape(8), LevelJudgeShape(2, 5), 32, "level of 16 pixels cannot be halved 5 times"),
    ],
)
def test_pyramids_that_do_not_fit(
    shape: PyramidShape, judge: LevelJudgeShape, size: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        build_pyramid(BASE, ImageData(size=size), shape, judge)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(UsageError, match="kernel is 4; it must be odd"):
        PyramidShape(kernel=4)

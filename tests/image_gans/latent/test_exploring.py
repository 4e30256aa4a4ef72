"""Interpolation, arithmetic and projection as files, with a conditional and an unconditional model."""

import json

import numpy as np
import pytest
import torch
from conditional_players import players
from PIL import Image
from torch import Tensor, nn

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.latent.by_attribute import recognised
from image_gans.latent.exploring import Explorer, read_picture, terms
from seqgan_kit.cli.main import main
from seqgan_kit.errors import DataError, UsageError


@pytest.fixture
def run(tmp_path, rng):
    """A run with a conditional model of 16 pixels."""
    generator, _ = players(embedding=6, variant="selu")
    for _ in range(20):
        generator.sample(16, rng=rng)
    save_image_model(tmp_path / "run" / "model", generator.eval())
    return tmp_path / "run"


@pytest.fixture
def explorer(run) -> Explorer:
    return load_image_model(run).explore()


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def tile(sheet: np.ndarray, row: int, column: int, side: int = 96) -> np.ndarray:
    top, left = 2 + row * (side + 2), 2 + column * (side + 2)
    return sheet[top : top + side, left : left + side]


def test_interpolation_has_both_ends_in_every_row(explorer, tmp_path):
    path = explorer.interpolate(rows=2, steps=4, seed=3, out=tmp_path / "way.png")
    sheet = pixels(path)
    assert sheet.shape == (2 * 98 + 2, 4 * 98 + 2, 3)
    with torch.no_grad():
        ends = explorer.generator(explorer.draw(4, seed=3))
    first = ((ends[0].permute(1, 2, 0) + 1) * 127.5).round().numpy()
    assert np.abs(tile(sheet, 0, 0)[::6, ::6] - first).max() <= 1
    last = ((ends[3].permute(1, 2, 0) + 1) * 127.5).round().numpy()
    assert np.abs(tile(sheet, 1, 3)[::6, ::6] - last).max() <= 1
    straight = explorer.interpolate(rows=2, steps=4, seed=3, way="linear", out=tmp_path / "l.png")
    assert (pixels(straight)[:, :98] == sheet[:, :98]).all()
    assert (pixels(straight) != sheet).any()


def test_ways_from_one_class_to_another_keep_the_noise(explorer):
    starts = explorer.draw(3, seed=1, condition="coat=black,eyes=open")
    ends = explorer.draw(3, seed=1, condition="coat=white,eyes=open")
    assert torch.equal(starts[:, :5], ends[:, :5])
    assert not torch.equal(starts[:, 5:], ends[:, 5:])
    path = explorer.interpolate(rows=3, condition="black", to="white", seed=1)
    assert path.parent.name == "samples"


def test_an_animation_goes_there_and_back(explorer, tmp_path):
    path = explorer.interpolate(rows=3, steps=5, out=tmp_path / "way.gif")
    with Image.open(path) as image:
        assert image.n_frames == 5 + 3
        assert image.size == (2 * 98 + 2, 2 * 98 + 2)


def test_arithmetic_adds_the_difference_of_means(explorer, tmp_path):
    seen: list[Tensor] = []
    explorer.generator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    explorer.arithmetic("coat=white - coat=black + eyes=odd", rows=3, examples=40, seed=5,
                        out=tmp_path / "a.png")  # fmt: skip
    a, b, c, moved = seen[0].view(3, 4, -1).unbind(1)
    wishes = ("coat=white", "coat=black", "eyes=odd")
    drawn = [explorer.draw(40, seed=5 + i, condition=w) for i, w in enumerate(wishes)]
    for shown, latents in zip((a, b, c), drawn, strict=True):
        assert torch.equal(shown, latents[:3])
    torch.testing.assert_close(moved, c + drawn[0].mean(0) - drawn[1].mean(0))


def test_a_models_own_picture_is_found_again(run, explorer, tmp_path):
    with torch.no_grad():
        picture = explorer.generator(explorer.draw(1, seed=9))[0]
    file = tmp_path / "cat.png"
    array = ((picture.permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()
    Image.fromarray(array).save(file)
    read = read_picture(file, 3, 16)
    torch.testing.assert_close(read, picture, atol=1 / 127, rtol=0)
    path, found = explorer.project(file, restarts=4, moves=60, out=tmp_path / "p.png")
    assert found.distances.min() < 0.5 * found.before.min()
    sheet = pixels(path)
    assert sheet.shape == (4 * 98 + 2, 3 * 98 + 2, 3)
    assert (tile(sheet, 0, 0)[::6, ::6] == array).all()
    assert main(["project", str(run), str(file), "--moves", "2", "--restarts", "2"]) == 0


class Scale(nn.Module):
    """Images whose brightness is the first latent number."""

    def forward(self, z: Tensor) -> Tensor:
        return z[:, :1, None, None].expand(-1, 1, 4, 4)


def test_latents_are_selected_by_what_pictures_are_recognised_as():
    def draw(n: int, *, seed: int = 0) -> Tensor:
        return torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))

    def name(pictures: Tensor) -> dict[str, Tensor]:
        return {"bright": (pictures.mean((1, 2, 3)) > 1).long(), "any": torch.zeros(len(pictures))}

    found = recognised(Scale(), draw, name, {"bright": 1, "any": 0}, "bright", 50, seed=2)
    assert found.shape == (50, 3)
    assert (found[:, 0] > 1).all()
    everything = draw(4096, seed=2)
    assert torch.equal(found, everything[everything[:, 0] > 1][:50])
    with pytest.raises(
        UsageError, match="none of 4,096 samples of this model was recognised as 'dark'"
    ):
        recognised(Scale(), draw, name, {"any": 1}, "dark", 5, seed=0)


@pytest.mark.parametrize("formula", ["", "a", "a - b", "a + b - c", "a-b+c"])
def test_formulas_that_are_none(formula):
    with pytest.raises(UsageError, match=r"is not of the form 'A - B \+ C'"):
        terms(formula)


def test_terms_may_hold_signs_and_commas():
    assert terms("coat=black-and-tan,x=1 -  b + c,d ") == ("coat=black-and-tan,x=1", "b", "c,d")


def test_mistakes_end_in_one_sentence(run, tmp_path, capsys):
    (tmp_path / "no.png").write_bytes(b"no image")
    cases = {
        ("project", str(run), str(tmp_path / "no.png")): "no.png is not an image, or is damaged",
        ("project", str(run), str(tmp_path / "nowhere.png")): "no such image",
        ("interpolate", str(run), "--condition", "coat=whit"): "Did you mean 'white'",
        ("interpolate", str(run), "--way", "straight"): "unknown way 'straight'",
        ("interpolate", str(tmp_path / "nowhere")): "no such run directory",
        ("interpolate", str(run), "--steps", "1"): "must be a whole number of 2 or more",
        (
            "interpolate",
            str(run),
            "a cat",
            "a dog",
        ): "holds an image model, which takes no sentences",
        ("arithmetic", str(run), "a + b"): "is not of the form",
    }
    for words, message in cases.items():
        assert main(words) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(UsageError, match="unknown way 'bent'"):
        load_image_model(run).explore().interpolate(way="bent")
    with pytest.raises(UsageError, match="--rows 0: must be 1 or more"):
        load_image_model(run).explore().interpolate(rows=0)
    with pytest.raises(DataError, match="is not an image"):
        read_picture(tmp_path / "no.png", 3, 16)


def test_text_models_have_no_latent_space(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "text" / "model"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps({"kind": "text"}))
    monkeypatch.setattr(
        "seqgan_kit.cli.latent_commands.find_loader", lambda kind: lambda run_dir: object()
    )
    assert main(["interpolate", str(tmp_path / "text")]) == 2
    assert "explores the latent space of images: give an image run" in capsys.readouterr().err

"""Models of parts are saved, restored and applied; a verb without its parts is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.image_parts import ImageParts, check_image_parts, save_image_parts
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from image_gans.networks.translators.image_encoder import GaussianEncoder
from image_gans.networks.translators.unet import UNet, UNetConfig
from seqgan_kit.cli.main import main
from seqgan_kit.errors import CheckpointError, UsageError
from seqgan_kit.face.loading import load

SHAPE = DCGANConfig(16, 3, latent=4, width=4)


def translator(folder: Path, channels: int = 3) -> UNet:
    network = UNet(UNetConfig(16, channels, width=4)).eval()
    save_image_parts(folder / "model", {"generator": network}, ("translate",))
    return network


def restored(folder: Path) -> ImageParts:
    model = load_image_model(folder)
    assert isinstance(model, ImageParts)
    return model


def test_a_translator_is_restored_and_translates(tmp_path: Path) -> None:
    network, x = translator(tmp_path), torch.rand(5, 3, 16, 16) * 2 - 1
    model = restored(tmp_path)
    assert torch.equal(model.translate(x), network(x))
    with pytest.raises(UsageError, match="cannot rebuild; it can translate"):
        model.rebuild(x)
    with pytest.raises(UsageError, match="cannot sample"):
        model.sample(3)
    pixels = np.zeros((2, 16, 16, 3), dtype=np.uint8)
    from_python = load(tmp_path)
    assert from_python.translate(pixels).shape == (2, 16, 16, 3)  # type: ignore[union-attr]
    with pytest.raises(
        UsageError, match=r"takes images \[N,3,H,W\] whose sides are multiples of 16"
    ):
        from_python.translate(np.zeros((2, 20, 20, 3), dtype=np.uint8))  # type: ignore[union-attr]
    with pytest.raises(UsageError, match=r"takes images \[N,3,H,W\]"):
        from_python.translate(np.zeros((2, 16, 16, 1), dtype=np.uint8))  # type: ignore[union-attr]
    for wrong in (pixels[0], pixels / 255):
        with pytest.raises(UsageError, match=r"an array \[n,H,W,C\] of uint8"):
            from_python.translate(wrong)  # type: ignore[union-attr]


def test_an_encoder_and_a_decoder_rebuild_by_the_mean_code_and_sample(tmp_path: Path) -> None:
    parts = {"encoder": GaussianEncoder(SHAPE).eval(), "generator": DCGANGenerator(SHAPE).eval()}
    save_image_parts(tmp_path / "model", parts, ("sample", "rebuild"))
    model, x = restored(tmp_path), torch.rand(2, 3, 16, 16)
    wanted = parts["generator"](parts["encoder"](x)[0])
    assert torch.allclose(model.rebuild(x), wanted, atol=1e-6)
    assert model.images(3, seed=1).shape == (3, 3, 16, 16)
    assert model.sample(4, seed=1).exists()


def test_promises_that_cannot_be_kept_are_refused_before_training() -> None:
    network = UNet(UNetConfig(16, 3, width=4))
    with pytest.raises(UsageError, match="a model that is to rebuild needs the part 'encoder'"):
        check_image_parts({"generator": network}, ("rebuild",))
    with pytest.raises(UsageError, match="which is no network of image_gans"):
        check_image_parts({"generator": nn.Linear(2, 2)}, ("translate",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verbs": ["fly"]}, r"verbs is \['fly'\]"),
        ({"verbs": [["fly"]]}, "verbs is"),
        ({"verbs": []}, "verbs is"),
        ({"verbs": ["rebuild"]}, "its verbs need encoder, generator"),
        ({"parts": []}, "parts is no record"),
        ({"sha256": {"generator.safetensors": "0" * 64}}, "generator.safetensors"),
    ],
)
def test_a_damaged_description_is_refused(tmp_path: Path, change: dict, message: str) -> None:
    translator(tmp_path)
    path = tmp_path / "model" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message):
        load_image_model(tmp_path)


def test_files_of_any_number_are_translated_with_their_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, folder = translator(tmp_path / "run", channels=1), tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    for n in range(70):
        Image.fromarray(np.full((16, 16), n, np.uint8)).save(folder / f"{n}.png")
    Image.new("RGB", (40, 20)).save(tmp_path / "in" / "wide.jpg")
    out = tmp_path / "out"
    words = [
        "translate",
        str(tmp_path / "run"),
        "--images",
        str(tmp_path / "in"),
        "--out",
        str(out),
    ]
    assert main(words) == 0
    assert "wrote 71 images" in capsys.readouterr().out
    assert len(list((out / "deep").iterdir())) == 70
    shown = np.asarray(Image.open(out / "deep" / "7.png"))
    x = torch.full((1, 1, 16, 16), 7 / 127.5 - 1)
    wanted = ((network(x)[0, 0] + 1) * 127.5).round().detach().numpy()
    assert np.abs(shown - wanted).max() <= 1


@pytest.mark.parametrize(
    ("images", "out", "message"),
    [
        ("nowhere", "out", "no such file or folder"),
        ("empty", "out", "holds no images"),
        ("bad", "out", "none of the images"),
        ("bad", "bad", "would overwrite the images"),
        ("bad", "bad/a.png", "is a file"),
    ],
)
def test_mistakes_end_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], images: str, out: str, message: str
) -> None:
    translator(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"no image")
    words = ["translate", str(tmp_path / "run"), "--images", str(tmp_path / images)]
    assert main([*words, "--out", str(tmp_path / out)]) == 2
    assert message in capsys.readouterr().err

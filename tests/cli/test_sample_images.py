"""``sample`` of an image run: one grid, or one file per image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from seqgan_kit.cli.main import main
from seqgan_kit.data.images.pixels import to_uint8

Capture = pytest.CaptureFixture[str]


def test_images_one_by_one_into_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A folder, or a name without a suffix, which becomes one; never beside older files."""
    monkeypatch.chdir(tmp_path)
    generator = DCGANGenerator(DCGANConfig(size=16, width=2, latent=5))
    save_image_model(Path("run/model"), generator)
    assert main(["sample", "run", "-n", "12", "--seed", "3", "--out", "new"]) == 0
    assert "wrote new" in capsys.readouterr().out
    names = sorted(path.name for path in Path("new").iterdir())
    assert names == [f"{number:05}.png" for number in range(12)]
    expected = to_uint8(load_image_model("run").images(12, seed=3))
    for name, image in zip(names, expected, strict=True):
        with Image.open(Path("new") / name) as opened:
            assert np.array_equal(np.asarray(opened).transpose(2, 0, 1), image)
    Path("file").touch()
    for out, message in (
        ("new", "new is not empty"),
        ("file", "file is a file"),
        ("file/", "file is a file"),
        ("no/new/", "no such folder: no"),
    ):
        assert main(["sample", "run", "--out", out]) == 2
        assert message in capsys.readouterr().err
    assert main(["sample", "run", "-n", "4", "--out", "grid.png"]) == 0
    assert Path("grid.png").is_file()

"""``seqgan-kit recognise`` on image files, and its mistakes."""

from __future__ import annotations

import csv

import pytest
import torch
from PIL import Image

from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.image_parts import save_image_parts
from image_gans.metrics.recogniser import Recogniser, RecogniserConfig
from image_gans.networks.far_classifier import FarClassifier, FarClassifierConfig
from seqgan_kit.cli.main import main
from seqgan_kit.data.images.pixels import decode, to_float

NAMES = {"coat": ("black", "white"), "eyes": ("open", "shut", "winking")}


@pytest.fixture
def run_dir(tmp_path):
    """A run of a classifier with random weights, beside a folder of two images and a damaged one."""
    torch.manual_seed(0)
    inner = Recogniser(RecogniserConfig(3, 16, NAMES, 2))
    classifier = FarClassifier(FarClassifierConfig(3, 16, 2, 8, 2, 1, 2), inner)
    folder = tmp_path / "run"
    save_image_parts(folder / "model", {"classifier": classifier.eval()}, ("recognise",))
    (folder / "config.json").write_text('{"versions": {"seqgan_kit": "0"}}')
    images = tmp_path / "images"
    images.mkdir()
    for shade in (60, 190):
        Image.new("RGB", (20, 16), (shade, 80, 120)).save(images / f"{shade}.png")
    (images / "z.png").write_bytes(b"no image")
    return folder


def test_classes_are_printed_and_written(run_dir, capsys):
    images, out = run_dir.parent / "images", run_dir.parent / "classes.csv"
    words = ["recognise", str(run_dir), "--images", str(images), "--out", str(out), "-n", "1"]
    assert main(words) == 0
    told = capsys.readouterr()
    assert told.out.startswith("190.png: coat ")
    assert told.out.count(".png: coat") == 1
    assert "wrote 2 rows" in told.out
    assert "skipped 1 unreadable" in told.err
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    model = load_image_model(run_dir)
    pixels = decode((images / "60.png").read_bytes(), size=16, channels=3, crop="centre").pixels
    (said,) = model.recognise(to_float(torch.from_numpy(pixels))[None])
    row = next(row for row in rows if row["image"] == "60.png")
    for label, (name, p) in said.items():
        assert name in NAMES[label]
        assert row[label] == name
        assert float(row[f"p_{label}"]) == pytest.approx(p, abs=1e-4)


def test_mistakes_are_told(run_dir, capsys):
    images = ["--images", str(run_dir.parent / "images")]
    assert main(["recognise", str(run_dir), *images, "--out", str(run_dir)]) == 2
    assert "is a folder: give the name of a CSV file" in capsys.readouterr().err
    assert main(["recognise", str(run_dir), *images, "--strict"]) == 2
    assert "cannot read the image" in capsys.readouterr().err
    assert main(["attack", str(run_dir), *images, "--out", str(run_dir.parent / "o")]) == 2
    assert "no classifier, so there is nothing to attack" in capsys.readouterr().err

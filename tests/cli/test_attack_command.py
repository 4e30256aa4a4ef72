"""``seqgan-kit attack`` on image files, and its mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from image_gans.attacks.attack_settings import GradientAttack
from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.image_parts import save_image_parts
from image_gans.metrics.label_classifier import LabelClassifier, LabelClassifierConfig
from seqgan_kit.cli.main import main


@pytest.fixture
def run_dir(tmp_path):
    """A run of a classifier with random weights, beside a folder of two images."""
    torch.manual_seed(0)
    classifier = LabelClassifier(LabelClassifierConfig(3, 8, "coat", ("black", "white"), 2))
    folder = tmp_path / "run"
    save_image_parts(folder / "model", {"classifier": classifier.eval()}, ("attack",))
    (folder / "config.json").write_text('{"versions": {"seqgan_kit": "0"}}')
    images = tmp_path / "images"
    images.mkdir()
    for shade in (60, 190):
        Image.new("RGB", (12, 10), (shade, 80, 120)).save(images / f"{shade}.png")
    return folder


def pixels(path):
    return np.asarray(Image.open(path).resize((8, 8)), int)


@pytest.mark.parametrize(("words", "most"), [([], 8), (["--epsilon", "3"], 3)])
def test_no_pixel_changes_by_more_than_epsilon(run_dir, words, most, capsys):
    out = run_dir.parent / "out"
    images = run_dir.parent / "images"
    assert main(["attack", str(run_dir), "--images", str(images), "--out", str(out), *words]) == 0
    assert "wrote 2 images" in capsys.readouterr().out
    for name in ("60.png", "190.png"):
        change = np.abs(pixels(out / name) - pixels(images / name))
        assert 0 < change.max() <= most


def test_a_saved_classifier_is_restored_and_errs_more(run_dir):
    model = load_image_model(run_dir)
    x = torch.rand(32, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    attacked = model.attack(x, GradientAttack(epsilon=64, steps=10))
    assert set(model.classify(x)) <= {"black", "white"}
    assert model.classify(attacked) != model.classify(x)


def test_other_verbs_and_other_models_end_in_a_sentence(run_dir, capsys):
    images = ["--images", str(run_dir.parent / "images"), "--out", str(run_dir.parent / "out")]
    assert main(["translate", str(run_dir), *images]) == 2
    assert "cannot translate; it can attack" in capsys.readouterr().err
    assert main(["sample", str(run_dir), "-n", "2"]) == 2
    assert "it can attack" in capsys.readouterr().err
    assert main(["attack", str(run_dir), *images, "--norm", "l1"]) == 2
    assert "unknown norm 'l1'" in capsys.readouterr().err
    assert main(["attack", str(run_dir), *images, "--epsilon", "0"]) == 2
    assert "--epsilon" in capsys.readouterr().err

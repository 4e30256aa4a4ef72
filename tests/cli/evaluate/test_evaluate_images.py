"""``seqgan-kit evaluate`` of images: folders and runs, floors, stored results, and every error message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conditional_players import players
from PIL import Image

from image_gans.conditions import conditioned
from image_gans.evaluation.image_export import save_image_model
from image_gans.metrics.recogniser import Recogniser, RecogniserConfig
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from seqgan_kit import __version__
from seqgan_kit.cli.main import main
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.load_images import load_images

Capture = pytest.CaptureFixture[str]
RANDOM = ("--features", "random")


def draw(folder: Path, n: int, seed: int, brightest: int = 256, size: int = 16) -> Path:
    """A folder of images of noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(n):
        pixels = rng.integers(0, brightest, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return folder


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Real noise, the same kind of noise, and dark noise."""
    monkeypatch.chdir(tmp_path)
    draw(Path("real"), 40, 0)
    draw(Path("same"), 20, 1)
    draw(Path("dark"), 20, 2, brightest=60)
    return tmp_path


@pytest.fixture
def run(folders: Path) -> Path:
    """A run directory with an untrained generator of images of 16 pixels."""
    torch.manual_seed(0)
    save_image_model(Path("run/model"), DCGANGenerator(DCGANConfig(size=16, width=2, latent=5)))
    data = {"images": "real", "size": 16, "test_share": 0.5}
    config = {"versions": {"seqgan_kit": __version__}, "recipe": "dcgan", "config": {"data": data}}
    Path("run/config.json").write_text(json.dumps(config), encoding="utf-8")
    return Path("run")


def evaluated(capsys: Capture, *words: str) -> tuple[dict[str, Any], str]:
    assert main(["evaluate", *words, "--format", "json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def mistake(capsys: Capture, *words: str) -> str:
    assert main(["evaluate", *words]) == 2
    return capsys.readouterr().err


def test_a_folder_beside_real_images_and_their_floor(folders: Path, capsys: Capture) -> None:
    same, said = evaluated(capsys, "same", "--refs", "real", *RANDOM)
    dark, _ = evaluated(capsys, "dark", "--refs", "real", *RANDOM)
    near, far = (record["rows"][0]["values"] for record in (same, dark))
    floor = same["rows"][1]
    assert floor["name"] == "real data"
    assert floor["values"].keys() == near.keys()
    assert "wrote same.evaluation.json" in said
    assert far["fd"] > 3 * near["fd"]
    assert far["diversity"] < 0.5 * near["diversity"]
    signatures = {column["key"]: column["signature"] for column in same["columns"]}
    assert "px:16x16x3|resize:lanczos|uint8|refs:train-40|hyps:20" in signatures["fd"]
    assert "20 reference images beside the other 20" in " ".join(same["notes"])
    _, said = evaluated(capsys, "same", "--refs", "real", *RANDOM)
    assert "already holds this evaluation" in said
    assert main(["evaluate", "same", "--refs", "real", *RANDOM]) == 0
    assert "over random-" in capsys.readouterr().out


def test_what_was_skipped_and_changed_is_told(folders: Path, capsys: Capture) -> None:
    Path("same/000.png").write_bytes(b"no image")
    draw(Path("large"), 20, 3, size=24)
    record, _ = evaluated(capsys, "same", "--refs", "large", *RANDOM)
    notes = " ".join(record["notes"])
    assert "Samples: 1 could not be read" in notes
    assert "Reference images were cropped to squares or resized to 16 pixels" in notes
    assert "Samples were cropped" not in notes
    Path("broken").mkdir()
    Path("broken/a.png").write_bytes(b"no image")
    assert "no image in broken can be read" in mistake(capsys, "broken", "--refs", "large")


def test_held_out_images_are_the_floor_of_equal_numbers(folders: Path, capsys: Capture) -> None:
    words = ("dark", "--refs", "real", "--held-out", "same", *RANDOM)
    record, _ = evaluated(capsys, *words)
    samples, real = (row["values"] for row in record["rows"])
    assert samples["fd"] > 3 * real["fd"]
    assert "near_copies" in samples
    assert "20 images in each row" in " ".join(record["notes"])
    Path("same/000.png").unlink()
    _, said = evaluated(capsys, *words)
    assert "holds this" not in said  # the key knows the images


def test_a_run_is_scored_by_its_own_data_or_given_ones(run: Path, capsys: Capture) -> None:
    own, said = evaluated(capsys, "run", "--sample", "30", *RANDOM)
    assert Path("run/evaluation.json").is_file()
    assert "drawing 30 images" in said
    assert "30 draws with seed 0 at temperature 1." in own["notes"]
    given, _ = evaluated(capsys, "run", "--sample", "30", "--refs", "dark", *RANDOM)
    assert given["rows"][0]["values"]["fd"] != own["rows"][0]["values"]["fd"]
    _, said = evaluated(capsys, "run", "--sample", "30", "--refs", "dark", *RANDOM)
    assert "holds this" in said


def test_a_conditional_run_is_asked_for_its_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """As in its own final table; the recogniser is untrained here, so its shares are those of chance."""
    monkeypatch.chdir(tmp_path)
    draw(Path("real/dark"), 30, 0, brightest=60)
    draw(Path("real/light"), 30, 1)
    data = ImageData("real", size=16, test_share=0.5)
    labelled = conditioned(load_images(data))
    torch.manual_seed(0)
    generator, _ = players(labelled)
    save_image_model(Path("run/model"), generator)
    config = {"versions": {"seqgan_kit": __version__}, "config": {"data": vars(data)}}
    Path("run/config.json").write_text(json.dumps(config), encoding="utf-8")
    names = {"label": ("dark", "light")}
    recogniser = Recogniser(RecogniserConfig(3, 16, names, width=2)).eval()
    monkeypatch.setattr("image_gans.metrics.comparison.recogniser_of", lambda *_: recogniser)
    record, _ = evaluated(capsys, "run", "--sample", "30", "--features", "own")
    assert "as_told" in [column["key"] for column in record["columns"]]
    assert all(0 <= row["values"]["as_told"] <= 1 for row in record["rows"])  # both have it


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["same"], "give real images beside it with --refs FOLDER"),
        (["same", "--refs", "nowhere"], "no such file or folder: nowhere"),
        (["same", "--refs", "real", "same"], "--refs names 2 sources"),
        (["same", "--held-out", "real"], "--held-out belongs to --refs"),
        (["same", "--refs", "real", "--top-k", "3"], "--top-k is for text"),
        (["same", "--refs", "real", "--lm", "none"], "--lm is for text"),
        (["same", "--refs", "real", "--temperature", "0.5"], "--temperature applies to runs only"),
        (["same", "--refs", "real", "--sample", "21"], "has only 20 images; give a smaller"),
        (["same", "--refs", "real", "--sample", "9"], "9 samples in same: at least 16"),
        (["same", "--refs", "real", "--channels", "2"], "channels is 2"),
        (["same", "--refs", "real", "--features", "inception:none.pth"], "none.pth does not exist"),
        (
            ["same", "--refs", "real", "--features", "x"],
            "Features are classifier, random, none, auto",
        ),
        (["same", "--refs", "real", "--features", "own"], "classifier features need labels"),
        (["run", "--size", "32", "--refs", "real"], "leave --size and --channels out"),
        (["run", "--held-out", "real"], "--held-out belongs to --refs"),
    ],
)
def test_mistakes(run: Path, capsys: Capture, words: list[str], message: str) -> None:
    assert message in mistake(capsys, *words)


def test_text_has_no_image_options(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "text.txt"
    file.write_text("a b c\nd e f\n")
    words = [str(file), "--refs", str(file)]
    assert "--features is for images" in mistake(capsys, *words, *RANDOM)
    assert "--size is for images" in mistake(capsys, *words, "--size", "32")

"""``seqgan-kit probe`` on a small run, and its mistakes."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.evaluation.image_parts import save_image_parts
from image_gans.evaluation.probing import label_efficiency
from image_gans.evaluation.probing.label_efficiency import usable_counts
from image_gans.evaluation.probing.trained_score import trained_score
from image_gans.evaluation.probing.trained_trunk import trained_trunk
from image_gans.evaluation.robustness.attacked_discriminator import discriminator_under_attack
from image_gans.metrics.label_classifier import LabelClassifier, LabelClassifierConfig
from image_gans.metrics.trained_recogniser import RecognitionTraining
from image_gans.networks.choice import NetworkChoice, build_networks
from seqgan_kit.cli.main import main
from seqgan_kit.core.runs.settings import to_dict
from seqgan_kit.core.techniques.instance_noise import NoisyInput
from seqgan_kit.core.training.checkpoint import write_checkpoint
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.load_images import load_images
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import DataError, UsageError

CHOICE = NetworkChoice(width=2, latent=3)


@pytest.fixture
def images(tmp_path):
    """A folder of 20 red and 20 blue images, by sub-folders."""
    rng = torch.Generator().manual_seed(0)
    for name, place in (("blue", 2), ("red", 0)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(20):
            pixels = torch.randint(0, 90, (16, 16, 3), generator=rng, dtype=torch.uint8)
            pixels[..., place] += 120
            Image.fromarray(pixels.numpy()).save(tmp_path / "images" / name / f"{i}.png")
    return tmp_path / "images"


def write_run(folder, discriminator, generator, data, players=None, choice=CHOICE):
    """Write the parts of a run that a probe reads."""
    save_image_model(folder / "model", generator)
    groups = {"networks": to_dict(choice), "data": to_dict(data)}
    record = {"recipe": "dcgan", "versions": {"seqgan_kit": "0"}, "config": groups}
    (folder / "config.json").write_text(json.dumps(record))
    states = players or {"discriminator": discriminator.state_dict()}
    write_checkpoint(folder / "checkpoints" / "move-000000005.pt", {"players": states})
    return folder


@pytest.fixture
def run_dir(images):
    data = ImageData(str(images), size=16)
    generator, discriminator = build_networks(CHOICE, data)
    return write_run(images.parent / "run", discriminator, generator, data), discriminator


def test_a_probe_learns_colours_from_the_runs_own_images(run_dir, capsys, monkeypatch):
    folder, _ = run_dir
    brief = RecognitionTraining(width=2, steps=3, batch_size=4)
    monkeypatch.setattr(label_efficiency, "_SUPERVISED", brief)
    assert main(["probe", str(folder), "--out", str(folder / "found")]) == 0
    assert "most frequent class" in capsys.readouterr().out
    record = json.loads((folder / "found" / "probe.json").read_text())
    rows = {row["name"]: row["values"] for row in record["rows"]}
    (key,) = (k for k in rows["pixels"] if k.startswith("accuracy"))
    assert rows["pixels"][key] == rows["D, all layers"][key] == 1.0
    layers = [row for name, row in rows.items() if name.startswith("D, layer")]
    assert sum(row["features"] for row in layers) == rows["D, all layers"]["features"]
    page = (folder / "found" / "probe.html").read_text()
    assert page.count("data:image/png;base64") == 2
    assert "<svg" in page


def test_the_trunk_is_that_of_the_checkpoint_also_behind_a_layer(run_dir):
    folder, discriminator = run_dir
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    discriminator.eval()
    wanted = discriminator.trunk(x)
    assert torch.equal(trained_trunk(folder).trunk(x), wanted)
    discriminator.trunk = NoisyInput(discriminator.trunk)
    state = {"discriminator": discriminator.state_dict()}
    write_checkpoint(folder / "checkpoints" / "move-000000006.pt", {"players": state})
    found = trained_trunk(folder)
    assert found.checkpoint.name == "move-000000006.pt"
    assert torch.equal(found.trunk(x), wanted)
    assert not torch.equal(found.untrained(0)(x), wanted)


def test_the_score_is_that_of_the_checkpoint(run_dir):
    """A score that is no plain linear layer, as with spectral norm, is refused."""
    folder, discriminator = run_dir
    x = torch.rand(3, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        wanted = discriminator.eval()(x).score
    assert torch.equal(trained_score(folder)(x), wanted)
    states = discriminator.state_dict()
    states["score.parametrizations.weight.original"] = states.pop("score.weight")
    write_checkpoint(
        folder / "checkpoints" / "move-000000006.pt", {"players": {"discriminator": states}}
    )
    with pytest.raises(UsageError, match="leave out --realism"):
        trained_score(folder)


def test_accuracy_of_an_attacked_score(run_dir, images):
    """Without a perturbation it is that of the test images and samples; it falls with the strength."""
    folder, discriminator = run_dir
    found = discriminator_under_attack(folder, (0, 4, 40), images=4, steps=3)
    real = to_float(load_images(ImageData(str(images), size=16)).test[:4])
    fake = load_image_model(folder).images(len(real), seed=0)
    with torch.no_grad():
        scores = [discriminator.eval()(x).score for x in (real, fake)]
    right = [(scores[0] > 0).float().mean(), (scores[1] < 0).float().mean()]
    assert found[0] == pytest.approx(float(sum(right)) / 2)
    assert found[0] >= found[4] >= found[40]


def test_runs_that_cannot_be_probed_end_in_a_sentence(run_dir, images, capsys):
    folder, _ = run_dir
    flat = images / "red"
    assert main(["probe", str(folder), "--labels", str(flat)]) == 2
    assert "have no labels: give --labels a folder with a sub-folder" in capsys.readouterr().err
    assert main(["probe", str(folder), "--label", "breed"]) == 2
    assert "unknown label 'breed'" in capsys.readouterr().err

    data, generator = trained_trunk(folder).data, build_networks(CHOICE, ImageData(size=16))[0]
    without = write_run(
        images.parent / "vae", None, generator, data, players={"encoder": {}, "generator": {}}
    )
    assert main(["probe", str(without)]) == 2
    assert "has no discriminator; its networks are encoder, generator" in capsys.readouterr().err
    packed = build_networks(CHOICE, data, packing=2)[1]
    packs = write_run(images.parent / "packed", packed, generator, data)
    with pytest.raises(UsageError, match="does not read one image layer by layer"):
        trained_trunk(packs)

    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    assert main(["probe", str(folder)]) == 2
    assert "has no checkpoint to read D from" in capsys.readouterr().err

    classifier = LabelClassifier(LabelClassifierConfig(3, 8, "coat", ("black", "white"), 2))
    other = images.parent / "classifier"
    save_image_parts(other / "model", {"classifier": classifier.eval()}, ("attack",))
    assert main(["probe", str(other)]) == 2
    assert "of kind 'image', which can attack" in capsys.readouterr().err


def test_as_many_labels_are_used_as_every_class_has(images):
    corpus = load_images(ImageData(str(images), size=16))
    (count,) = usable_counts(corpus, "label")
    assert count in (30, *range(2, 40, 2))
    corpus.train_labels["label"].fill_(0)
    with pytest.raises(DataError, match="has no training image"):
        usable_counts(corpus, "label")

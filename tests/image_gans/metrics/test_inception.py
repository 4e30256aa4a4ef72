"""FID, KID and IS agree with torch-fidelity, resizing agrees with clean-fid, and wrong files are refused.

golden_inception.json holds what these packages gave; make_golden_inception.py computes it again.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from make_golden_inception import GOLDEN, SHOWN_FEATURES, SHOWN_PIXELS
from random_inception import images, random_file, random_state
from safetensors.torch import save_file

from image_gans.metrics.features import chosen_features
from image_gans.metrics.inception.inception_features import inception_features
from image_gans.metrics.inception.inception_file import load_inception
from image_gans.metrics.inception.inception_input import inception_input, resized
from image_gans.metrics.inception.inception_network import FIDInception
from image_gans.metrics.inception.inception_score import inception_score
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import CheckpointError, DataError, UsageError
from seqgan_kit.metrics.features.frechet import frechet_distance, moments
from seqgan_kit.metrics.features.kernel_distance import kernel_distance

EXPECTED = json.loads(GOLDEN.read_text())


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return random_file(tmp_path_factory.mktemp("inception") / "random.pth")


@pytest.fixture(scope="module")
def extractor(weights):
    return chosen_features(f"inception-tf:{weights}", 3, 40, None)


@pytest.fixture(scope="module")
def features(extractor):
    """Of plain and loud images, which come in [-1,1]."""
    return {kind: extractor(to_float(torch.from_numpy(images(kind)))) for kind in ("plain", "loud")}


def test_features_are_those_of_torch_fidelity(features, extractor):
    shown = features["plain"][:, :SHOWN_FEATURES]
    np.testing.assert_allclose(shown, EXPECTED["features"], rtol=1e-4, atol=1e-5)
    network = extractor.network.network
    logits = network.logits(torch.from_numpy(features["plain"]), bias=True)
    np.testing.assert_allclose(logits[:, :SHOWN_FEATURES], EXPECTED["logits"], rtol=1e-4, atol=1e-5)


def test_scores_are_those_of_torch_fidelity(features, extractor):
    plain, loud = features["plain"], features["loud"]
    fid = frechet_distance(moments(plain), moments(loud))
    assert fid == pytest.approx(EXPECTED["fid"], rel=1e-4)
    assert kernel_distance(plain, loud).value == pytest.approx(EXPECTED["kid"], rel=1e-4)
    score = inception_score(extractor.network.logits(loud), splits=2).value
    assert score == pytest.approx(EXPECTED["is"], rel=1e-4)
    assert score - 1 == pytest.approx(EXPECTED["is"] - 1, rel=1e-3)


def test_the_inception_score_of_ten_parts():
    logits = np.random.default_rng(3).normal(0.0, 3.0, (50, 40))
    assert inception_score(logits).value == pytest.approx(EXPECTED["is_of_logits"], rel=1e-12)


def test_the_inception_score_at_its_ends():
    """Alike: exp(0) = 1. Each sample certain of another of K classes: KL = log K, so K."""
    assert inception_score(np.ones((20, 5))).value == pytest.approx(1.0)
    certain = 2000.0 * np.tile(np.eye(4), (10, 1))
    assert inception_score(certain).value == pytest.approx(4.0)
    assert math.isnan(inception_score(certain, 1).standard_error)
    with pytest.raises(DataError, match="10 parts needs 10 samples or more; got 9"):
        inception_score(np.ones((9, 5)))


@pytest.mark.parametrize("size", [32, 299, 412])
def test_resizing_is_clean_fids(size):
    image = torch.from_numpy(images("loud", 1, size)).float()
    shown = resized(image, "clean")[0, :, range(0, 299, SHOWN_PIXELS), range(0, 299, SHOWN_PIXELS)]
    np.testing.assert_allclose(shown.T, EXPECTED["clean_resized"][str(size)], rtol=1e-4, atol=1e-3)


def test_resizing_as_tensorflow_starts_at_pixel_0():
    """Pixel i of 299 lies at i * old / 299; beyond the last pixel there is its own value again."""
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    places = np.minimum(np.arange(299) * 4 / 299, 3)
    np.testing.assert_allclose(resized(ramp, "tf")[0, 0, 7], places, atol=1e-5)


def test_images_are_rounded_to_8_bits_and_grey_ones_repeated():
    grey = torch.full((1, 1, 299, 299), 0.5003)
    found = inception_input(grey, "clean")
    assert found.shape == (1, 3, 299, 299)
    assert (found == 191.0).all()  # (0.5003 + 1) * 127.5 = 191.29
    with pytest.raises(DataError, match=r"\[N,1,H,W\] or \[N,3,H,W\]; got \[1, 2, 8, 8\]"):
        inception_input(torch.zeros(1, 2, 8, 8), "clean")


def test_a_safetensors_file_is_as_good_and_counters_of_batches_do_no_harm(weights, tmp_path):
    state = dict(random_state())
    state["Conv2d_1a_3x3.bn.num_batches_tracked"] = torch.tensor(7)
    save_file(state, tmp_path / "same.safetensors")
    one, other = (
        chosen_features(f"inception:{path}", 3, 8, None)
        for path in (weights, tmp_path / "same.safetensors")
    )
    assert one.label == other.label
    assert one.label.startswith("inception-clean-")


def broken(change, path: Path) -> Path:
    """A small file: each tensor of the layout is one number, repeated."""
    with torch.device("meta"):
        shapes = {n: t.shape for n, t in FIDInception().state_dict().items() if "num_" not in n}
    state = {name: torch.ones(1).expand(shape) for name, shape in shapes.items()}
    change(state)
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("Mixed_7c.branch_pool.bn.bias"), "lacks 1 of .* Mixed_7c.branch_pool.bn.bias"),
        (lambda s: s.update({"AuxLogits.fc.bias": torch.zeros(1)}), "1 further tensors.* AuxLogits.fc.bias"),
        (
            lambda s: s.update({"fc.weight": torch.zeros(1000, 2048)}),
            r"fc.weight of shape \[1000, 2048\], not \[1008, 2048\]",
        ),
        (
            lambda s: s.update({"fc.bias": torch.full((1008,), torch.nan)}),
            "values in fc.bias that are not finite",
        ),
    ],
)  # fmt: skip
def test_a_file_of_another_layout_is_named(tmp_path, change, message):
    with pytest.raises(CheckpointError, match=f"another layout: it .*{message}.*pt_inception-2015"):
        load_inception(broken(change, tmp_path / "other.pth"))


def test_what_is_no_file_of_tensors(tmp_path):
    with pytest.raises(CheckpointError, match=r"no\.pth does not exist"):
        load_inception(tmp_path / "no.pth")
    with pytest.raises(CheckpointError, match="is a folder"):
        load_inception(tmp_path)
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("hello")
        with pytest.raises(CheckpointError, match="is no file of tensors"):
            load_inception(tmp_path / name)
    torch.save({"a": Path("x")}, tmp_path / "objects.pth")
    with pytest.raises(CheckpointError, match="is no file of tensors"):
        load_inception(tmp_path / "objects.pth")
    (tmp_path / "damaged.pth").write_bytes(b"h\x65" * 40)
    with pytest.raises(CheckpointError, match="is no file of tensors"):
        load_inception(tmp_path / "damaged.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="no mapping of names to tensors"):
        load_inception(tmp_path / "list.pth")
    with pytest.raises(UsageError, match="names no file: give inception:FILE"):
        inception_features("inception:")


def test_a_file_in_an_unknown_home_folder_is_refused():
    with pytest.raises(DataError, match="there is no home folder of '~nosuchuser'"):
        inception_features("inception:~nosuchuser/file.pth")

"""Feature extractors: automatic choice, deterministic features, accepted and refused files."""

import numpy as np
import pytest
import torch

from image_gans.metrics.features import (
    chosen_features,
    classifier_features,
    features_from_file,
    random_features,
)
from image_gans.metrics.recogniser import Recogniser, RecogniserConfig, digest, save_recogniser
from seqgan_kit.errors import CheckpointError, DataError


def network(channels=3):
    return Recogniser(RecogniserConfig(channels, 16, {"half": ("top", "bottom")}, width=2))


def pictures(n=5, channels=3, size=16):
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("extractor", [random_features(3), classifier_features(network())])
def test_features_of_a_picture_do_not_depend_on_its_company(extractor):
    x = pictures(300)
    features = extractor(x)
    assert features.dtype == np.float64
    np.testing.assert_allclose(extractor(x[270:280]), features[270:280], rtol=1e-4, atol=1e-5)
    assert np.linalg.matrix_rank(features - features.mean(0)) > 5


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 33), (3, 100)])
def test_random_features_of_any_size(channels, size):
    assert random_features(channels)(pictures(2, channels, size)).shape == (2, 448)


def test_random_features_keep_their_scale_are_seeded_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    a, b, c = random_features(3), random_features(3), random_features(3, seed=1)
    assert a.digest == b.digest != c.digest
    assert torch.equal(before, torch.get_rng_state())
    features = a(torch.randn(200, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
    layers = np.split(features.std(0), [64, 192])
    assert max(s.mean() for s in layers) < 10 * min(s.mean() for s in layers)


def test_the_label_is_name_and_hash():
    net = network()
    extractor = classifier_features(net)
    assert extractor.label == f"classifier-{digest(net)[:6]}"
    with torch.no_grad():
        net.heads[0].bias += 1
    assert classifier_features(net).label != extractor.label


def test_what_is_chosen():
    asked = []

    def classifier():
        asked.append(1)
        return network()

    def name(choice, labels):
        found = chosen_features(choice, 3, 16, classifier if labels else None)
        return found and found.name

    assert name("none", True) is None
    assert name("random", True) == "random"
    assert name("auto", False) == "random"
    assert asked == []
    assert name("auto", True) == name("classifier", True) == "classifier"
    with pytest.raises(DataError, match="classifier features need labels with several"):
        name("classifier", False)


def test_a_file_must_exist_and_fit(tmp_path):
    path = tmp_path / "net.safetensors"
    net = network().eval()
    save_recogniser(path, net)
    extractor = chosen_features(str(path), 3, 16, None)
    assert extractor.digest == digest(net)
    np.testing.assert_array_equal(extractor(pictures()), classifier_features(net)(pictures()))
    with pytest.raises(
        DataError, match="takes images of 3 channels and 16 pixels; these have 1 and 16"
    ):
        features_from_file(path, 1, 16)
    with pytest.raises(CheckpointError, match=r"no recogniser at inception\.pt"):
        chosen_features("inception.pt", 3, 16, None)


def test_pictures_that_are_none():
    with pytest.raises(DataError, match=r"of images \[N,C,H,W\] in \[-1,1\]"):
        random_features(3)(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(DataError, match="of images of 3 channels, not 1"):
        random_features(3)(torch.zeros(2, 1, 8, 8))

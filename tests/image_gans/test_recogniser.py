"""The recogniser learns its labels, is equal for equal seeds, and is cached by its training data."""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from image_gans.metrics import trained_recogniser as recognition
from image_gans.metrics.recogniser import (
    Recogniser,
    RecogniserConfig,
    digest,
    load_recogniser,
    save_recogniser,
    shrunk,
)
from image_gans.metrics.trained_recogniser import (
    RecognitionTraining,
    accuracies,
    learnable,
    recognise,
    recogniser_of,
    train_recogniser,
)
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import CheckpointError, DataError, UsageError

NAMES = {"half": ("top", "bottom"), "shade": ("dark", "bright")}
QUICK = RecognitionTraining(width=4, steps=40, batch_size=20, learning_rate=2e-2)


def pictures(n=120, seed=0):
    """A band in the top or the bottom half, dark or bright; every fifth has no label of its shade."""
    rng = torch.Generator().manual_seed(seed)
    half, shade = (torch.randint(0, 2, (n,), generator=rng) for _ in range(2))
    drawn = torch.randint(90, 110, (n, 1, 8, 8), generator=rng)
    for i in range(n):
        drawn[i, 0, 4 * half[i] : 4 * half[i] + 4] += 120 * shade[i] - 60
    labels = {"half": half, "shade": torch.where(torch.arange(n) % 5 == 0, -1, shade)}
    return drawn.clamp(0, 255).to(torch.uint8), labels


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path))
    return tmp_path


def network(size=8, channels=1):
    return Recogniser(RecogniserConfig(channels, size, NAMES, width=2)).eval()


def test_it_learns_every_label_and_says_how_well():
    trained = train_recogniser(*pictures(), NAMES, QUICK)
    unseen, labels = pictures(60, seed=1)
    found = accuracies(recognise(trained, to_float(unseen)), labels)
    assert list(found) == ["half", "shade"]
    assert min(e.value for e in found.values()) > 0.9


def test_training_is_the_same_for_a_seed_and_leaves_the_global_generator_alone():
    few = dataclasses.replace(QUICK, steps=3)
    before = torch.get_rng_state()
    digests = [
        digest(train_recogniser(*pictures(40), NAMES, dataclasses.replace(few, seed=seed)))
        for seed in (0, 0, 1)
    ]
    assert digests[0] == digests[1] != digests[2]
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("steps", [1, 5])
def test_any_number_of_steps_has_a_schedule(steps):
    """OneCycleLR divides by a fifth of its steps minus 1, which is 0 for five."""
    assert train_recogniser(*pictures(20), NAMES, dataclasses.replace(QUICK, steps=steps))


def test_rows_without_a_label_do_not_count():
    drawn, labels = pictures(40)
    known = labels["shade"] >= 0
    probabilities = recognise(network(), to_float(drawn))
    named = probabilities["shade"].argmax(1)
    share = (named[known] == labels["shade"][known]).double().mean().item()
    assert accuracies(probabilities, labels)["shade"].value == pytest.approx(share)
    assert "shade" not in accuracies(probabilities, {"shade": torch.full((40,), -1)})
    nothing = {"shade": torch.full((40,), -1), "half": labels["half"]}
    assert train_recogniser(drawn, nothing, NAMES, dataclasses.replace(QUICK, steps=2))


def test_it_is_trained_once_for_the_same_pictures_labels_and_settings(cache, monkeypatch):
    calls = []

    def counted(*args):
        calls.append(args)
        return train_recogniser(*args)

    monkeypatch.setattr(recognition, "train_recogniser", counted)
    few = dataclasses.replace(QUICK, steps=2)
    drawn, labels = pictures(40)
    first = recogniser_of(drawn, labels, NAMES, few)
    again = recogniser_of(drawn, labels, NAMES, few)
    assert len(calls) == 1
    assert digest(first) == digest(again)
    changed = drawn.clone()
    changed[0, 0, 0, 0] ^= 1
    recogniser_of(changed, labels, NAMES, few)
    recogniser_of(drawn, {**labels, "half": 1 - labels["half"]}, NAMES, few)
    recogniser_of(drawn, labels, NAMES, dataclasses.replace(few, seed=1))
    assert len(calls) == 4
    (path,) = [p for p in cache.iterdir() if digest(load_recogniser(p)) == digest(first)]
    path.write_bytes(b"half a file")
    assert digest(recogniser_of(drawn, labels, NAMES, few)) == digest(first)
    assert len(calls) == 5


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path / "file"))
    assert recogniser_of(*pictures(20), NAMES, dataclasses.replace(QUICK, steps=1))


def test_running_numbers_are_no_label_to_learn():
    labels = {
        "number": torch.arange(20),
        "half": torch.arange(20) % 2,
        "rare": torch.full((20,), -1),
    }
    names = {"number": tuple(map(str, range(20))), "half": ("a", "b"), "rare": ("a", "b")}
    assert learnable(labels, names) == {"half": ("a", "b")}


def test_labels_of_one_class_are_left_out_and_none_is_an_error(cache):
    drawn, labels = pictures(20)
    names = {"half": ("top", "bottom"), "shade": ("dark",)}
    found = recogniser_of(drawn, labels, names, dataclasses.replace(QUICK, steps=1))
    assert list(found(torch.zeros(1, 1, 8, 8))) == ["half"]
    with pytest.raises(DataError, match="because these images have no labels"):
        recogniser_of(drawn, {}, {})
    with pytest.raises(UsageError, match="at least one label"):
        Recogniser(RecogniserConfig(1, 8, {}))


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (11, 3), (32, 3), (45, 1), (96, 3)])
def test_any_size_and_number_of_channels(size, channels):
    net = network(size, channels)
    x = torch.rand(3, channels, size, size) * 2 - 1
    assert net.features(x).shape == (3, net.config.features)
    assert 4 <= net.places(x).shape[-1] <= 7
    assert {name: logits.shape for name, logits in net(x).items()} == {
        "half": (3, 2),
        "shade": (3, 2),
    }
    with pytest.raises(UsageError, match=f"of shape .{channels}, {size}, {size}. .channels"):
        net(torch.zeros(3, channels, size + 1, size + 1))


def test_large_pictures_are_averaged_down():
    x = torch.rand(2, 1, 128, 128)
    torch.testing.assert_close(shrunk(x, 64), torch.nn.functional.avg_pool2d(x, 2))
    assert shrunk(x, 128) is x


def test_a_file_gives_the_same_network_back(tmp_path):
    net = network()
    save_recogniser(tmp_path / "deep" / "net.safetensors", net)
    loaded = load_recogniser(tmp_path / "deep" / "net.safetensors")
    assert loaded.config == net.config
    assert digest(loaded) == digest(net)
    x = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(loaded.features(x), net.features(x))
    assert not loaded.training
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["net.safetensors"]


def test_foreign_and_damaged_files_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(CheckpointError, match="no such file"):
        load_recogniser(path)
    path.write_bytes(b"PK\x03\x04 a TorchScript archive, say")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_recogniser(path)
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_recogniser(tmp_path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="holds no recogniser of this toolkit"):
        load_recogniser(path)
    save_recogniser(path, network())
    about = {"format": "seqgan-kit recogniser 1", "config": '{"channels": 1}'}
    save_file({"a": torch.zeros(1)}, path, metadata=about)
    with pytest.raises(CheckpointError, match="is damaged"):
        load_recogniser(path)

"""A generator written and read again draws the same images."""

import json
import random

import pytest
import torch
from PIL import Image
from safetensors.torch import save
from torch import nn

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from seqgan_kit.errors import CheckpointError, TrainingError, UsageError


@pytest.fixture
def generator() -> DCGANGenerator:
    torch.manual_seed(5)
    generator = DCGANGenerator(DCGANConfig(size=16, channels=3, latent=6, width=4))
    for _ in range(5):  # running statistics that are not those of a fresh network
        generator.sample(16, rng=torch.Generator().manual_seed(1))
    return generator


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_round_trip_keeps_every_tensor_and_every_picture(tmp_path, generator, memory_format):
    generator.to(memory_format=memory_format)
    save_image_model(tmp_path / "model", generator, {"data": "catworld"})
    model = load_image_model(tmp_path)
    for name, tensor in generator.state_dict().items():
        assert torch.equal(model.generator.state_dict()[name], tensor), name
    generator.eval()
    with torch.no_grad():
        z = generator.latents(1, torch.Generator().manual_seed(3))
        torch.testing.assert_close(model.images(1, seed=3), generator(z))
    again = load_image_model(tmp_path)
    assert torch.equal(model.images(4, seed=3), again.images(4, seed=3))
    assert not torch.equal(model.images(4, seed=3), model.images(4, seed=4))


def test_what_the_description_says(tmp_path, generator):
    folder = tmp_path / "model"
    save_image_model(folder, generator, {"data": "catworld"})
    description = json.loads((folder / "model.json").read_text())
    assert description["kind"] == "image"
    assert description["data"] == "catworld"
    assert description["generator"] == {
        "name": "dcgan",
        "config": {
            "size": 16, "channels": 3, "latent": 6, "width": 4, "variant": "batchnorm",
                "generator_norm": "auto", "discriminator_norm": "auto",
        },
    }  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["generator.safetensors", "model.json"]


def test_a_picture_does_not_depend_on_how_many_are_drawn_with_it(tmp_path, generator):
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    many = model.images(300, seed=2)
    assert many.shape == (300, 3, 16, 16)
    torch.testing.assert_close(model.images(3, seed=2), many[:3], atol=1e-6, rtol=1e-5)
    assert not model.images(1).requires_grad


def test_samples_are_a_png_grid(tmp_path, generator):
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    path = model.sample(9, seed=1, out=tmp_path / "mine.png")
    assert path == tmp_path / "mine.png"
    with Image.open(path) as image:
        assert image.size == (3 * 18 + 2, 3 * 18 + 2)
    first = path.read_bytes()
    assert model.sample(9, seed=1).read_bytes() == first
    assert model.sample(9, seed=2).read_bytes() != first


def test_temperature_scales_the_latent_vectors(tmp_path, generator):
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    cold = model.images(4, temperature=0.0)
    torch.testing.assert_close(cold, cold[:1].expand(4, 3, 16, 16))
    seen = []
    model.generator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model.images(2, temperature=1.0)
    model.images(2, temperature=0.5)
    assert torch.equal(seen[1], seen[0] / 2)


def test_sampling_options_that_do_not_fit_are_refused(tmp_path, generator):
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    with pytest.raises(UsageError, match="--top-k and --top-p apply to tokens only"):
        model.sample(1, top_k=5)
    with pytest.raises(UsageError, match="joins the words of a text"):
        model.sample(1, detokenize=True)
    with pytest.raises(UsageError, match="cannot sample 0 images: give 1 or more"):
        model.sample(0)
    with pytest.raises(UsageError, match=r"temperature .* must be 0 or more"):
        model.sample(1, temperature=-1.0)


class Blobs(nn.Module):
    """A user's own generator: one linear layer to 16 x 16 pixels."""

    def __init__(self, latent=3):
        super().__init__()
        self.latent, self.layer = latent, nn.Linear(latent, 256)

    def latents(self, n, rng):
        return torch.randn(n, self.latent, generator=rng)

    def forward(self, z):
        return self.layer(z).tanh().view(-1, 1, 16, 16)

    def sample(self, n, *, rng):
        return self(self.latents(n, rng))


def test_a_generator_of_the_users_own_class_comes_back_when_it_is_handed_over(tmp_path):
    own = Blobs()
    save_image_model(tmp_path / "model", own)
    described = json.loads((tmp_path / "model" / "model.json").read_text())["generator"]
    assert described == {"class": f"{Blobs.__module__}.Blobs"}
    for given in (Blobs, Blobs()):
        model = load_image_model(tmp_path, generator=given)
        assert torch.equal(model.generator.layer.weight, own.layer.weight)
        assert model.images(4, seed=1, temperature=0.5).shape == (4, 1, 16, 16)
        assert model.sample(2).exists()
        with pytest.raises(UsageError, match="trained without labels"):
            model.images(1, condition="coat=white")
    with pytest.raises(UsageError, match=r"(?s)of the class '.*Blobs'.*generator=Blobs\(\.\.\.\)"):
        load_image_model(tmp_path)
    with pytest.raises(CheckpointError, match=r"cannot be restored: layer\.weight has shape"):
        load_image_model(tmp_path, generator=Blobs(5))


def test_a_class_of_its_own_with_settings_of_ours_is_not_taken_for_ours(tmp_path, generator):
    class Louder(type(generator)):
        pass

    save_image_model(tmp_path / "model", Louder(generator.config))
    with pytest.raises(UsageError, match="Louder"):
        load_image_model(tmp_path)


def test_a_generator_that_nobody_could_draw_from_is_refused_before_training(tmp_path):
    with pytest.raises(
        UsageError, match=r"Linear cannot be drawn from .* method latents\(n, rng\)"
    ):
        save_image_model(tmp_path / "model", nn.Linear(2, 2))
    assert not (tmp_path / "model").exists()


def test_broken_models_are_named(tmp_path, generator):
    with pytest.raises(CheckpointError, match="no trained model yet"):
        load_image_model(tmp_path)
    folder = tmp_path / "model"
    save_image_model(folder, generator)
    description = json.loads((folder / "model.json").read_text())

    def rewrite(**changes):
        (folder / "model.json").write_text(json.dumps(description | changes))

    rewrite(kind="text")
    with pytest.raises(CheckpointError, match="kind 'text', not an image model"):
        load_image_model(tmp_path)
    rewrite(format=9)
    with pytest.raises(CheckpointError, match="has format 9"):
        load_image_model(tmp_path)
    rewrite(generator={"name": "dcgn", "config": {}})
    with pytest.raises(CheckpointError, match="Did you mean 'dcgan'"):
        load_image_model(tmp_path)
    rewrite(generator={"name": "dcgan", "config": {"size": 17}})
    with pytest.raises(CheckpointError, match="does not fit dcgan"):
        load_image_model(tmp_path)
    rewrite(generator={"name": "dcgan", "config": {"size": 32}})
    with pytest.raises(CheckpointError, match="cannot be restored"):
        load_image_model(tmp_path)
    (folder / "model.json").write_text("{")
    with pytest.raises(CheckpointError, match="is not JSON"):
        load_image_model(tmp_path)
    rewrite(sha256={})
    weights = folder / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot be restored"):
        load_image_model(tmp_path)
    weights.unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        load_image_model(tmp_path)


def test_flipped_bits_of_the_weights_are_found(tmp_path, generator):
    save_image_model(tmp_path / "model", generator)
    path, choose = tmp_path / "model" / "generator.safetensors", random.Random(0)
    content = path.read_bytes()
    for _ in range(50):
        damaged, bit = bytearray(content), choose.randrange(8 * len(content))
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"generator\.safetensors is damaged"):
            load_image_model(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(tmp_path, generator, value):
    """Diverged weights are not saved, and a saved file with such weights is not sampled from."""
    save_image_model(tmp_path / "model", generator)
    with torch.no_grad():
        generator.project.weight[0, :2] = value
    message = r"2 of [\d,]+ numbers in project.weight are not finite.*diverged"
    with pytest.raises(TrainingError, match=message):
        save_image_model(tmp_path / "other", generator)
    path = tmp_path / "model" / "generator.safetensors"
    path.write_bytes(save({n: t.contiguous() for n, t in generator.state_dict().items()}))
    described = json.loads((tmp_path / "model" / "model.json").read_text())
    del described["sha256"]
    (tmp_path / "model" / "model.json").write_text(json.dumps(described))
    with pytest.raises(CheckpointError, match=message):
        load_image_model(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"width": 10**6}, "cannot be restored"),
        ({"latent": 2**22, "width": 2**22}, "cannot be restored"),
        ({"size": 10**12}, "finite number"),
        ({"width": None}, "width is None"),
        ({"width": "4"}, "width is '4'"),
        ({"variant": "x"}, "unknown value of dcgan.variant"),
    ],
)
def test_absurd_sizes_are_refused_before_they_are_allocated(tmp_path, generator, config, message):
    folder = tmp_path / "model"
    save_image_model(folder, generator)
    description = json.loads((folder / "model.json").read_text())
    description["generator"]["config"] |= config
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match=message):
        load_image_model(tmp_path)

"""Distances over feature maps: closed forms, LPIPS against its definition, files of VGG and of LPIPS."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from image_gans.metrics.features import RandomNetwork
from image_gans.metrics.perception.feature_maps import Perception
from image_gans.metrics.perception.perceptual_choice import (
    PerceptualChoice,
    chosen_perception,
    perception_of_file,
)
from image_gans.metrics.perception.vgg import VGG, load_heads, load_vgg
from image_gans.metrics.recogniser import Recogniser, RecogniserConfig, save_recogniser
from seqgan_kit.errors import CheckpointError, DataError, UsageError

IMAGES = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)


class TwoStages(nn.Module):
    """The image itself, and twice its averages."""

    def maps(self, x: Tensor) -> list[Tensor]:
        return [x, 2 * nn.functional.avg_pool2d(x, 2)]


def test_the_content_distance_is_the_mean_over_stages() -> None:
    x, y = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
    assert Perception("two", TwoStages()).content_distance(x, y).tolist() == [0.625, 0.625]
    assert Perception("two", TwoStages(), stage=2).content_distance(x, y).tolist() == [1.0, 1.0]
    with pytest.raises(UsageError, match="perceptual_stage is 3, and two has 2 stages"):
        Perception("two", TwoStages(), stage=3).maps(x)


def test_gradients_flow_to_the_output_and_not_to_the_target() -> None:
    x, y = (torch.rand(2, 3, 16, 16, requires_grad=True) for _ in range(2))
    Perception("random", RandomNetwork(3, 0)).content_distance(x, y).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten(1).any(1).all()
    assert y.grad is None


def test_lpips_compares_directions_of_features() -> None:
    """Brighter by a factor is the same direction; two orthogonal colours are sqrt(2) apart at every place."""
    red, green = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    red[:, 0], green[:, 1] = 0.5, 1.0
    perception = Perception("two", TwoStages())
    assert perception.lpips(red, 2 * red).item() == pytest.approx(0, abs=1e-6)
    assert perception.lpips(red, green).item() == pytest.approx(4, abs=1e-5)
    weights = tuple(torch.tensor([w, 0.0, 0.0]).view(1, 3, 1, 1) for w in (1.0, 3.0))
    weighted = Perception("two", TwoStages(), heads=weights)
    assert weighted.lpips(red, green).item() == pytest.approx(1 + 3, abs=1e-5)


def test_a_recogniser_shows_what_each_convolution_sees() -> None:
    network = Recogniser(RecogniserConfig(3, 16, {"a": ("x", "y")}, width=4)).eval()
    x = torch.rand(2, 3, 16, 16)
    found = network.maps(x)
    assert [tuple(m.shape[1:]) for m in found] == [(4, 16, 16), (8, 8, 8), (16, 4, 4), (16, 4, 4)]
    assert torch.equal(found[-1], network.places(x))
    assert all((m >= 0).all() for m in found)


def vgg_file(path: Path, depth: int) -> VGG:
    torch.manual_seed(depth)
    network = VGG(depth).eval()
    # As torchvision's files: with the classifier's tensors, which are not read.
    torch.save({**network.state_dict(), "classifier.0.weight": torch.zeros(2, 2)}, path)
    return network


@pytest.mark.parametrize(("depth", "last"), [(16, 512), (19, 512)])
def test_a_vgg_file_is_told_by_its_names_and_gives_the_stages(
    depth: int, last: int, tmp_path: Path
) -> None:
    wanted = vgg_file(tmp_path / "vgg.pth", depth)
    network = load_vgg(tmp_path / "vgg.pth")
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    found = network.maps(x)
    assert network.depth == depth
    assert [m.shape[1] for m in found] == [64, 128, 256, 512, last]
    # Stage 2 by hand, from torchvision's layer numbers and normalisation.
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    y = ((x + 1) / 2 - mean.view(1, 3, 1, 1)) / deviation.view(1, 3, 1, 1)
    assert torch.allclose(found[1], wanted.features[:9](y), atol=1e-5)
    grey = network.maps(x[:, :1])
    assert grey[0].shape == found[0].shape
    with pytest.raises(DataError, match="at least 16 pixels a side"):
        network.maps(torch.zeros(1, 3, 8, 8))


def test_files_of_other_networks_are_refused(tmp_path: Path) -> None:
    vgg_file(tmp_path / "vgg.pth", 16)
    cut = torch.load(tmp_path / "vgg.pth", weights_only=True)
    del cut["features.0.bias"]
    save_file(cut, tmp_path / "cut.safetensors")
    with pytest.raises(
        CheckpointError, match=r"lacks 1 of 26 tensors, among them features\.0\.bias"
    ):
        load_vgg(tmp_path / "cut.safetensors")
    with pytest.raises(CheckpointError, match="does not exist"):
        load_vgg(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("no tensors")
    with pytest.raises(CheckpointError, match="is no file of tensors"):
        load_vgg(tmp_path / "text.pth")
    with pytest.raises(CheckpointError, match="an LPIPS file of another layout"):
        load_heads(tmp_path / "vgg.pth")


def test_lpips_weights_go_with_vgg16_alone(tmp_path: Path) -> None:
    vgg_file(tmp_path / "16.pth", 16)
    vgg_file(tmp_path / "19.pth", 19)
    widths = (64, 128, 256, 512, 512)
    heads = {f"lin{s}.model.1.weight": torch.ones(1, w, 1, 1) for s, w in enumerate(widths)}
    torch.save(heads, tmp_path / "lpips.pth")
    one = perception_of_file(f"vgg:{tmp_path / '16.pth'}", str(tmp_path / "lpips.pth"))
    plain = perception_of_file(f"vgg:{tmp_path / '16.pth'}")
    x, y = torch.rand(2, 1, 3, 32, 32)
    assert one.lpips(x, y).item() == pytest.approx(plain.lpips(x, y).item(), rel=1e-5)
    with pytest.raises(UsageError, match="holds VGG-19"):
        perception_of_file(f"vgg:{tmp_path / '19.pth'}", str(tmp_path / "lpips.pth"))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (PerceptualChoice("recogniser"), "needs labels with several images a class"),
        (PerceptualChoice("vgg:"), "names no file"),
        (PerceptualChoice("nowhere.safetensors"), "no recogniser at nowhere"),
        (PerceptualChoice("random", 4), "random has 3 stages: give 1 to 3, or 0 for all"),
    ],
)
def test_wrong_choices_end_before_the_run(choice: PerceptualChoice, message: str) -> None:
    with pytest.raises((UsageError, CheckpointError), match=message):
        chosen_perception(choice, IMAGES, {}, {})


def test_auto_is_random_without_labels_and_a_file_gives_its_recogniser(tmp_path: Path) -> None:
    assert chosen_perception(PerceptualChoice(), IMAGES, {}, {}).name == "random"
    path = tmp_path / "r.safetensors"
    network = Recogniser(RecogniserConfig(3, 16, {"a": ("x", "y")}, width=2)).eval()
    save_recogniser(path, network)
    found = chosen_perception(PerceptualChoice(str(path)), IMAGES, {}, {})
    assert found.label == Perception("recogniser", network).label
    with pytest.raises(UsageError, match="takes images of shape"):
        chosen_perception(PerceptualChoice(str(path)), IMAGES[:, :, :8, :8], {}, {})

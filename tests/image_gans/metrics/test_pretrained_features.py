"""Features of DINOv2 and CLIP folders: the library's own numbers, and refusals of what is not complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from image_gans.metrics.features import chosen_features
from image_gans.metrics.pretrained.image_processing import read_processing
from image_gans.metrics.pretrained.pretrained_features import pretrained_features
from seqgan_kit.errors import DataError, UsageError

transformers = pytest.importorskip("transformers")

BIT = {
    "do_resize": True, "size": {"shortest_edge": 32}, "resample": 3,
    "do_center_crop": True, "crop_size": {"height": 28, "width": 28},
    "do_rescale": True, "rescale_factor": 1 / 255,
    "do_normalize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
    "do_convert_rgb": True, "image_processor_type": "BitImageProcessor",
}  # fmt: skip
OLD_CLIP = {
    "do_resize": True, "size": 28, "resample": 3, "do_center_crop": True, "crop_size": 28,
    "do_normalize": True, "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28],
    "feature_extractor_type": "CLIPFeatureExtractor",
}  # fmt: skip
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Folders of tiny models with random weights, as the library writes them."""
    torch.manual_seed(0)
    sees = {**SMALL, "image_size": 28, "patch_size": 14}
    config = transformers.CLIPConfig(
        text_config={**SMALL, "vocab_size": 9}, vision_config=sees, projection_dim=6
    )
    models = {
        "dinov2": (transformers.Dinov2Model(transformers.Dinov2Config(**sees)), BIT),
        "clip": (transformers.CLIPModel(config), OLD_CLIP),
    }
    found = {}
    for name, (model, processing) in models.items():
        found[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(found[name])
        (found[name] / "preprocessor_config.json").write_text(json.dumps(processing))
    return found


@pytest.fixture
def folder(folders, tmp_path) -> Path:
    """One of DINOv2 that a test may change."""
    for file in folders["dinov2"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """Smooth and rough ones, uint8."""
    rng = torch.Generator().manual_seed(0)
    rough = torch.randint(256, (2, 3, 40, 48), generator=rng)
    smooth = torch.nn.functional.interpolate(rough[:, :, :5, :6].float(), (40, 48), mode="bilinear")
    return torch.cat([rough, smooth.round().long()]).to(torch.uint8)


def edited(folder: Path, file: str, **changes: Any) -> Path:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.mark.parametrize(
    "settings",
    [BIT, OLD_CLIP, BIT | {"resample": 2, "do_center_crop": False, "size": {"height": 20, "width": 33}}],
)  # fmt: skip
def test_the_preprocessing_is_the_librarys(settings, images, tmp_path):
    """That of its processors with Pillow; a pixel may differ by 2 of 255, few do."""
    kind = getattr(transformers, "BitImageProcessorPil", None)
    if kind is None:
        pytest.skip("this release of transformers has no processor without torchvision")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    ours = read_processing(tmp_path)(images)
    theirs = kind(**{k: v for k, v in settings.items() if "_type" not in k})(
        [np.asarray(image.permute(1, 2, 0)) for image in images], return_tensors="np"
    )["pixel_values"]
    off = (ours - torch.as_tensor(np.asarray(theirs))).abs()
    off *= 255 * torch.tensor(settings["image_std"]).view(3, 1, 1)
    assert off.max() < 2.01
    assert off.mean() < 0.1


def test_the_features_are_the_librarys(folders, images):
    """The class token of DINOv2, which its pooler returns, and CLIP's projected embedding."""
    dino, clip = (pretrained_features(f"hf:{folders[name]}") for name in ("dinov2", "clip"))
    with torch.no_grad():
        model = transformers.AutoModel.from_pretrained(folders["dinov2"]).eval()
        torch.testing.assert_close(
            dino.features(images), model(dino.processing(images)).pooler_output
        )
        model = transformers.CLIPModel.from_pretrained(folders["clip"]).eval()
        seen = model.vision_model(clip.processing(images)).pooler_output
        torch.testing.assert_close(clip.features(images), model.visual_projection(seen))
    assert clip.features(images).shape == (4, 6)


def test_a_choice_has_a_label_of_weights_and_preprocessing(folders, folder, images):
    same, other = chosen_features(f"hf:{folder}", 3, 40, None), None
    assert same.label == chosen_features(f"hf:{folders['dinov2']}", 3, 40, None).label
    assert same.label.startswith("dinov2-")
    assert same.is_slow
    assert not same.is_inception
    assert same(images.float() / 127.5 - 1).shape == (4, 16)
    other = chosen_features(
        f"hf:{edited(folder, 'preprocessor_config.json', resample=2)}", 3, 40, None
    )
    assert other.label != same.label


def without(folder: Path, name: str) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if name not in k},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


PROCESSING = "preprocessor_config.json"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pickled, "pickled weights only"),
        (lambda f: edited(f, "config.json", auto_map={"AutoModel": "x.Y"}), "code from data is never run"),
        (lambda f: edited(f, "config.json", model_type="vit"), "of type 'vit', and image features are"),
        (lambda f: without(f, "layernorm"), "lack 2 of the model's tensors, such as layernorm.bias"),
        (lambda f: (f / PROCESSING).unlink(), "has no preprocessor_config.json"),
        (lambda f: (f / PROCESSING).write_text("["), "no JSON file of settings"),
        (lambda f: edited(f, PROCESSING, resample=1), r"resample is 1, not 2 \(bilinear\) or 3"),
        (lambda f: edited(f, PROCESSING, size={"longest_edge": 3}), "cannot be followed: 'height'"),
        (lambda f: edited(f, PROCESSING, image_std=[1, 0, 1]), "not three numbers, the latter above 0"),
        (lambda f: edited(f, PROCESSING, crop_size=99), "crops 99x99 pixels out of 32x32"),
        (lambda f: (f / "model.safetensors").unlink(), "no model can be loaded from"),
    ],
)  # fmt: skip
def test_what_is_no_complete_model_is_refused(folder, change, message):
    change(folder)
    with pytest.raises((DataError, UsageError), match=message):
        pretrained_features(f"hf:{folder}")


def test_names_that_are_no_folder_are_refused(folder):
    with pytest.raises(UsageError, match="names no folder: give hf:FOLDER"):
        pretrained_features("hf:")
    with pytest.raises(DataError, match=r"facebook/dinov2 is no folder: .* Nothing is downloaded"):
        pretrained_features("hf:facebook/dinov2")


def test_a_clip_model_that_gets_another_size_is_refused(folders, tmp_path):
    for file in folders["clip"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    edited(tmp_path, PROCESSING, size=42, crop_size=42)
    with pytest.raises(DataError, match="cannot read what its preprocessing makes"):
        pretrained_features(f"hf:{tmp_path}")

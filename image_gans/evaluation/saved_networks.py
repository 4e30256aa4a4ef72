"""Descriptions of image generators in model.json: name and settings, or the name of the user's class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from torch import nn

from image_gans.metrics.label_classifier import LabelClassifier, LabelClassifierConfig
from image_gans.metrics.recogniser import Recogniser, RecogniserConfig
from image_gans.networks.autoencoder_networks import AutoencoderConfig, AutoencoderGenerator
from image_gans.networks.bernoulli import BernoulliConfig, BernoulliGenerator
from image_gans.networks.captions.caption_encoder import CaptionEncoder, CaptionEncoderConfig
from image_gans.networks.captions.caption_painter import CaptionPainter, PainterConfig
from image_gans.networks.captions.caption_refiner import CaptionRefiner, CaptionRefinerConfig
from image_gans.networks.captions.caption_writer import CaptionWriter, CaptionWriterConfig
from image_gans.networks.coded import CodedConfig, CodedGenerator
from image_gans.networks.conditional import ConditionalConfig, ConditionalGenerator
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator, DCGANTrunk
from image_gans.networks.far_classifier import FarClassifier, FarClassifierConfig
from image_gans.networks.local.local_generator import LocalGenerator, LocalGeneratorConfig
from image_gans.networks.mlp import MLPConfig, MLPGenerator
from image_gans.networks.modern_resnet import ModernConfig, ModernGenerator
from image_gans.networks.picture_mlp import (
    PictureMLPConfig,
    PictureMLPGenerator,
    PictureMLPTrunk,
)
from image_gans.networks.pyramids.pyramid_generator import PyramidConfig, PyramidGenerator
from image_gans.networks.resnet import ResNetConfig, ResNetGenerator, ResNetTrunk
from image_gans.networks.style.style_generator import StyleConfig, StyleGenerator
from image_gans.networks.translators.feature_denoiser import (
    FeatureDenoiser,
    FeatureDenoiserConfig,
)
from image_gans.networks.translators.image_encoder import (
    CodeEncoder,
    GaussianEncoder,
    TanhEncoder,
)
from image_gans.networks.translators.quantised_networks import (
    CodeMapConfig,
    MapDecoder,
    MapEncoder,
)
from image_gans.networks.translators.refiner import Refiner, RefinerConfig
from image_gans.networks.translators.residual_translator import (
    ResidualTranslator,
    ResidualTranslatorConfig,
)
from image_gans.networks.translators.unet import UNet, UNetConfig
from image_gans.networks.translators.upscaler import Upscaler, UpscalerConfig
from image_gans.networks.translators.vector_quantiser import QuantiserConfig, VectorQuantiser
from seqgan_kit.core.files.checked_json import check, read_checked
from seqgan_kit.core.files.json_kinds import anything, record, text
from seqgan_kit.core.files.stored_models import network_settings
from seqgan_kit.core.files.user_classes import class_name
from seqgan_kit.core.runs.settings import restored
from seqgan_kit.errors import CheckpointError, SeqganKitError, unknown

FORMAT = 1
"""Version of model.json that this version of the package writes and reads."""

GENERATORS: Mapping[str, tuple[type, Callable[..., nn.Module]]] = {
    "autoencoder": (AutoencoderConfig, AutoencoderGenerator),
    "bernoulli": (BernoulliConfig, BernoulliGenerator),
    "caption_encoder": (CaptionEncoderConfig, CaptionEncoder),
    "caption_painter": (PainterConfig, CaptionPainter),
    "caption_refiner": (CaptionRefinerConfig, CaptionRefiner),
    "caption_writer": (CaptionWriterConfig, CaptionWriter),
    "coded": (CodedConfig, CodedGenerator),
    "code_encoder": (DCGANConfig, CodeEncoder),
    "conditional": (ConditionalConfig, ConditionalGenerator),
    "dcgan": (DCGANConfig, DCGANGenerator),
    "far_classifier": (FarClassifierConfig, FarClassifier),
    "feature_denoiser": (FeatureDenoiserConfig, FeatureDenoiser),
    "gaussian_encoder": (DCGANConfig, GaussianEncoder),
    "label_classifier": (LabelClassifierConfig, LabelClassifier),
    "local": (LocalGeneratorConfig, LocalGenerator),
    "map_decoder": (CodeMapConfig, MapDecoder),
    "map_encoder": (CodeMapConfig, MapEncoder),
    "picture_mlp": (PictureMLPConfig, PictureMLPGenerator),
    "mlp": (MLPConfig, MLPGenerator),
    "mlp_code_encoder": (PictureMLPConfig, CodeEncoder),
    "mlp_gaussian_encoder": (PictureMLPConfig, GaussianEncoder),
    "recogniser": (RecogniserConfig, Recogniser),
    "refiner": (RefinerConfig, Refiner),
    "residual_translator": (ResidualTranslatorConfig, ResidualTranslator),
    "modern": (ModernConfig, ModernGenerator),
    "pyramid": (PyramidConfig, PyramidGenerator),
    "resnet": (ResNetConfig, ResNetGenerator),
    "quantiser": (QuantiserConfig, VectorQuantiser),
    "style": (StyleConfig, StyleGenerator),
    "tanh_encoder": (DCGANConfig, TanhEncoder),
    "mlp_tanh_encoder": (PictureMLPConfig, TanhEncoder),
    "resnet_tanh_encoder": (ResNetConfig, TanhEncoder),
    "dcgan_trunk": (DCGANConfig, DCGANTrunk),
    "mlp_trunk": (PictureMLPConfig, PictureMLPTrunk),
    "resnet_trunk": (ResNetConfig, ResNetTrunk),
    "unet": (UNetConfig, UNet),
    "upscaler": (UpscalerConfig, Upscaler),
}
"""Config class and builder of each network by its name in model.json; a wrapper gets its inner generator."""

_INNER = {"name": text(100), "config": network_settings}
_OURS = record(_INNER, {"inner": record(_INNER)})
_FOREIGN = record({"class": text(1000)})


def saved_network(value: Any) -> None:
    """Check a JSON value that describes a generator."""
    (_FOREIGN if type(value) is dict and "class" in value else _OURS)(value)


def described_network(generator: nn.Module) -> dict[str, Any]:
    """Return name and settings of a generator of this package and its inner one; the name of any other
    class.
    """
    inner = getattr(generator, "inner", None)
    config = getattr(generator, "config", None)
    names = [
        name
        for name, (settings, kind) in GENERATORS.items()
        if type(generator) is kind and type(config) is settings
    ]
    within = None if inner is None else described_network(inner)
    if not names or (within is not None and "class" in within):
        return {"class": class_name(generator)}
    entry = {"name": names[0], "config": asdict(cast(Any, config))}
    return entry if within is None else {**entry, "inner": within}


def built_network(entry: Any, path: Path) -> nn.Module:
    """Build a generator with untrained weights from its name and settings."""
    name = entry["name"]
    if name not in GENERATORS:
        raise CheckpointError(f"{path}: {unknown('image generator', name, GENERATORS)}")
    config, generator = GENERATORS[name]
    inner = (built_network(entry["inner"], path),) if "inner" in entry else ()
    try:
        return generator(restored(config, entry["config"], name), *inner)
    except SeqganKitError as error:
        raise CheckpointError(f"{path} has a config that does not fit {name}: {error}") from error


def read_description(path: Path) -> dict[str, Any]:
    """Return the checked content of a model.json."""
    try:
        description = read_checked(path, record({"kind": anything}))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} is missing, because that run has no trained model yet: resume it, or wait "
            "for its first checkpoint."
        ) from None
    kind = description["kind"]
    if kind != "image":
        raise CheckpointError(f"{path} describes a model of kind {kind!r}, not an image model.")
    if description.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {description.get('format')!r}; this version reads {FORMAT}."
        )
    if "parts" not in description:
        check(description, record({"generator": record({})}), str(path))
    return cast(dict[str, Any], description)

"""A trained image model of named parts, and the verbs that it supports.

model/model.json lists the parts, each with its weights in a file of its name, and the verbs:

    translate   generator(x)
    reverse     inverse(x), the way back of a translator
    rebuild     generator(encoder(x)), by the mean code, quantised where there is a quantiser
    decode      generator(vectors of codes), for rows of codes drawn from a text model
    sample      generator(z), for codes z from a normal distribution
    paint       generator(caption_encoder(caption)), for sentences, or chains that a caption_writer steers
    attack      images perturbed so that the classifier names another class
    recognise   classes of labels, of images of small objects
    edit        generator(z, new class), for the z where a recogniser takes generator(z, class) for x
    detect      anomaly scores: residuals of generator(encoder(x)) in pixels and in the features of D's trunk
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, cast

import torch
from safetensors.torch import save
from torch import Tensor, nn

from image_gans.evaluation.code_rows import FOLDER, check_some, read_code_rows
from image_gans.evaluation.saved_networks import built_network, described_network, saved_network
from image_gans.evaluation.translated_files import Translated, translate_files
from image_gans.grids import save_each, save_grid
from image_gans.networks.blocks.spectral import plain_weights
from image_gans.networks.translators.image_encoder import code_of
from image_gans.networks.translators.quantised_networks import MapDecoder
from image_gans.networks.translators.vector_quantiser import VectorQuantiser
from seqgan_kit.core.files.checked_json import check
from seqgan_kit.core.files.checksums import check_sums, sums_of
from seqgan_kit.core.files.stored_models import restored_network
from seqgan_kit.core.files.user_classes import check_weights, not_finite, weights_to_save
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.errors import CheckpointError, TrainingError, UsageError

_FORMAT = 1
_CHUNK = 64
_NEEDS = {
    "translate": ("generator",),
    "reverse": ("inverse",),
    "rebuild": ("encoder", "generator"),
    "decode": ("quantiser", "generator"),
    "sample": ("generator",),
    "paint": ("generator",),
    "attack": ("classifier",),
    "recognise": ("classifier",),
    "detect": ("encoder", "generator", "features"),
    "edit": ("encoder", "generator", "recogniser"),
}
_OPTIONAL = {"caption_encoder", "caption_writer", "sketcher", "recogniser", "denoiser"}  # of some


@dataclass(frozen=True)
class ImageParts:
    """A trained model of parts, in evaluation mode."""

    run_dir: Path
    parts: Mapping[str, nn.Module]
    verbs: tuple[str, ...]
    sampler: Any = None
    """The generator as a model to draw from, if the model samples."""

    def translate(self, images: Tensor) -> Tensor:
        """Return what the model makes of images [N,C,H,W] in [-1,1]."""
        return self._in_chunks("translate", images)

    def reverse(self, images: Tensor) -> Tensor:
        """Return the translation back of images [N,C,H,W] in [-1,1] of the target set."""
        return self._in_chunks("reverse", images)

    def rebuild(self, images: Tensor) -> Tensor:
        """Return the reconstruction of images [N,C,H,W] in [-1,1]."""
        return self._in_chunks("rebuild", images)

    def sample(self, n: int, **options: Any) -> Path:
        """Draw ``n`` images into a grid, as every image model does; return its path."""
        self.need("sample")
        return cast(Path, self.sampler.sample(n, **options))

    def images(self, n: int, **options: Any) -> Tensor:
        """Draw ``n`` images [n,C,H,W] in [-1,1]."""
        self.need("sample")
        return cast(Tensor, self.sampler.images(n, **options))

    def truncated(self, threshold: float) -> ImageParts:
        """Return a model that draws its noise within ``threshold``."""
        self.need("sample")
        return replace(self, sampler=self.sampler.truncated(threshold))

    def whole_rows(self, lines: Sequence[str]) -> list[str]:
        """Return the lines that hold as many codes as an image of this model has, each a known one."""
        side, count = self._code_map()
        refused = set(read_code_rows(lines, side, count)[1])
        return [line for line in lines if line not in refused]

    def decode(self, lines: Sequence[str]) -> tuple[Tensor, list[str]]:
        """Return images [N,C,H,W] of rows of codes, and the lines that are no such rows.

        Args:
            lines: the codes of an image each, as in the run's ``codes/``.
        """
        side, count = self._code_map()
        codes, refused = read_code_rows(lines, side, count)
        check_some(refused, len(lines), side, count)
        quantiser = cast(VectorQuantiser, self.parts["quantiser"])
        device = quantiser.vectors.device
        with torch.no_grad():
            made = [
                self.generator(quantiser.look_up(part.to(device))) for part in codes.split(_CHUNK)
            ]
        return torch.cat(made), refused

    def draw_decoded(self, lines: Sequence[str], out: Path) -> tuple[Path, list[str]]:
        """Write images of rows of codes as a grid, or one by one if ``out`` is a folder.

        Returns:
            The path, and the lines that are no rows of codes.
        """
        images, refused = self.decode(lines)
        return (save_each if out.is_dir() else save_grid)(images, out), refused

    def explore(self) -> Any:
        """Return an explorer of the latent space of a model that samples, with its encoder if it rebuilds."""
        self.need("sample")
        encode = partial(code_of, self.parts["encoder"]) if "rebuild" in self.verbs else None
        return replace(self.sampler.explore(), encode=encode)

    @property
    def generator(self) -> nn.Module:
        """The part that outputs images."""
        return self.parts["generator"]

    def act_on_files(self, verb: str, images: Path, out: Path, *, strict: bool) -> Translated:
        """Apply a verb to an image file or to all images in a folder; write PNG files.

        Args:
            verb: translate, reverse or rebuild.
            images: a file or a folder.
            out: the folder to write to, with the sub-folders of ``images``.
            strict: stop at an unreadable image instead of counting it.
        """
        size, channels = self.input_shape(verb)
        act = partial(self._in_chunks, verb)
        return translate_files(act, images, out, size, channels, strict=strict)

    def input_shape(self, verb: str) -> tuple[int, int]:
        """Return the side in pixels, and the channels, of the images that a verb takes."""
        self.need(verb)
        shape = cast(Any, self.parts[_NEEDS[verb][0]].config)
        return int(shape.size), int(shape.channels)

    def need(self, verb: str) -> None:
        """Raise UsageError for a verb that the model does not support."""
        if verb == "sample" and "decode" in self.verbs:
            raise UsageError(
                f"the model in {self.run_dir} samples from a prior over its codes. Train one with "
                f"'seqgan-kit run mle --text {self.run_dir / FOLDER}' and give its run: "
                f"'seqgan-kit sample {self.run_dir} --prior TEXT_RUN'."
            )
        if verb not in self.verbs:
            raise UsageError(
                f"the model in {self.run_dir} cannot {verb}; it can {' and '.join(self.verbs)}: use "
                f"'seqgan-kit {self.verbs[0]} {self.run_dir}'."
            )

    def _code_map(self) -> tuple[int, int]:
        """Return the side of a map of codes, and how many different codes there are."""
        self.need("decode")
        if not isinstance(self.generator, MapDecoder):
            _misfit(self.run_dir / "model" / "model.json", "its generator decodes no map of codes")
        quantiser = cast(VectorQuantiser, self.parts["quantiser"])
        return self.generator.config.side, quantiser.config.codes

    @torch.no_grad()
    def _in_chunks(self, verb: str, images: Tensor) -> Tensor:
        self.need(verb)
        return torch.cat([applied(verb, self.parts, part) for part in images.split(_CHUNK)])


def applied(verb: str, parts: Mapping[str, nn.Module], images: Tensor) -> Tensor:
    """Return what a verb makes of images [N,C,H,W] in [-1,1]."""
    if verb in ("translate", "reverse"):
        return cast(Tensor, parts[_NEEDS[verb][0]](images))
    code = code_of(parts["encoder"], images)
    if "quantiser" in parts:
        code = parts["quantiser"](code).vectors
    return cast(Tensor, parts["generator"](code))


def check_image_parts(parts: Mapping[str, nn.Module], verbs: Sequence[str]) -> None:
    """Raise UsageError, before training, for a model that could not be saved or lacks a verb's parts."""
    for verb in verbs:
        if missing := [part for part in _NEEDS[verb] if part not in parts]:
            raise UsageError(f"a model that is to {verb} needs the part {missing[0]!r}.")
    for name, part in parts.items():
        if "class" in described_network(part):
            raise UsageError(
                f"the part {name!r} is a {type(part).__name__}, which is no network of image_gans, so a "
                "saved model could not be restored. Use one of its networks."
            )
        check_weights(part)


def save_image_parts(
    folder: Path,
    parts: Mapping[str, nn.Module],
    verbs: Sequence[str],
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write model.json and a safetensors file for each part into a run's ``model`` folder."""
    check_image_parts(parts, verbs)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        tensors = weights_to_save(plain_weights(part))
        if spoilt := not_finite(tensors):
            raise TrainingError(
                f"the trained {name} cannot be used: {spoilt}. The training has diverged. Train again "
                "with lower learning rates, or resume an earlier checkpoint."
            )
        write_whole(folder / f"{name}.safetensors", save(tensors))
    description = {
        "kind": "image",
        "format": _FORMAT,
        "parts": {name: described_network(part) for name, part in parts.items()},
        "verbs": list(verbs),
        "sha256": sums_of(folder, tuple(f"{name}.safetensors" for name in parts)),
        **(about or {}),
    }
    write_whole(folder / "model.json", (json.dumps(description, indent=2) + "\n").encode())


def load_parts(
    folder: Path, description: Mapping[str, Any], device: torch.device | str
) -> tuple[dict[str, nn.Module], tuple[str, ...]]:
    """Return the parts of a model folder and its verbs.

    Raises:
        CheckpointError: a description or a file that does not fit.
    """
    path = folder / "model.json"
    entries, verbs = description["parts"], description.get("verbs")
    if not isinstance(entries, dict) or not entries:
        _misfit(path, "parts is no record of networks")
    known = isinstance(verbs, list) and all(isinstance(v, str) and v in _NEEDS for v in verbs)
    if not known or not verbs:
        _misfit(path, f"verbs is {verbs!r}; allowed are {', '.join(_NEEDS)}")
    parts: dict[str, nn.Module] = {}
    wanted = {part for verb in verbs for part in _NEEDS[verb]}
    if not wanted <= set(entries) <= wanted | _OPTIONAL:
        told = ", ".join(entries), ", ".join(sorted(wanted))
        _misfit(path, "its parts are {}, and its verbs need {}".format(*told))
    check_sums(folder, description.get("sha256"))
    for name, entry in entries.items():
        check(entry, saved_network, f"{path}, {name}")
        parts[name] = restored_network(
            lambda entry=entry: built_network(entry, path),  # type: ignore[misc]
            folder / f"{name}.safetensors",
        )
        if spoilt := not_finite(parts[name].state_dict()):
            _misfit(folder / f"{name}.safetensors", spoilt)
        parts[name].to(device).eval().requires_grad_(False)
    return parts, tuple(verbs)


def _misfit(path: Path, why: str) -> NoReturn:
    raise CheckpointError(f"{path} describes no model: {why}. Train it again, or resume its run.")

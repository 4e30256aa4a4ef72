"""Save and load trained image generators: model/model.json and model/generator.safetensors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save
from torch import Tensor, nn

from image_gans.conditions import Conditions
from image_gans.evaluation.anomalies.anomaly_model import AnomalyModel, weight_of_features
from image_gans.evaluation.captions.caption_model import CaptionModel
from image_gans.evaluation.image_parts import ImageParts, load_parts
from image_gans.evaluation.latent.editing_model import EditingModel
from image_gans.evaluation.probing.probe_run import probe_run
from image_gans.evaluation.recognition.recognising_model import RecognisingModel
from image_gans.evaluation.robustness.attacked_model import AttackedModel
from image_gans.evaluation.saved_networks import (
    FORMAT,
    built_network,
    described_network,
    read_description,
    saved_network,
)
from image_gans.evaluation.scatter import save_scatter
from image_gans.grids import save_each, save_grid
from image_gans.latent.exploring import Explorer
from image_gans.latent.steered_generator import SteeredGenerator, drawing_part
from image_gans.latent.truncated_noise import (
    check_temperature,
    noise_threshold,
    truncated,
    truncated_generator,
)
from image_gans.latent.walks import LatentGenerator
from image_gans.networks.blocks.spectral import plain_weights
from seqgan_kit.core.files.checked_json import check
from seqgan_kit.core.files.checksums import check_sums, sums_of
from seqgan_kit.core.files.stored_models import restored_network
from seqgan_kit.core.files.user_classes import (
    ForeignClass,
    check_weights,
    not_finite,
    weights_to_save,
)
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.errors import CheckpointError, TrainingError, UsageError

_OF_VERB = {"attack": AttackedModel, "recognise": RecognisingModel}
_SAMPLED = {"edit": EditingModel, "paint": CaptionModel}
_CHUNK = 256  # images drawn at once


@dataclass(frozen=True)
class ImageModel:
    """A trained generator to sample from.

    It is in evaluation mode, so that an image depends on its latent vector alone.
    """

    run_dir: Path
    generator: nn.Module
    description: Mapping[str, Any]
    """Content of model.json."""
    threshold: float | None = None
    """Largest absolute value of the noise; None: not truncated."""

    def truncated(self, threshold: float) -> ImageModel:
        """Return a model with truncated noise or styles, see ``truncated_generator``."""
        model = replace(self, threshold=noise_threshold(self.generator, threshold))
        return replace(
            model, generator=truncated_generator(self.generator, threshold, model.latents)
        )

    @torch.no_grad()
    def images(
        self, n: int, *, temperature: float = 1.0, seed: int = 0, condition: str | None = None
    ) -> Tensor:
        """[n,C,H,W] in [-1,1]. The first images of a seed are the same for every n."""
        if n < 1:
            raise UsageError(f"cannot sample {n} images: give 1 or more.")
        check_temperature(self.generator, temperature)
        z = self.latents(n, seed=seed, condition=condition)
        z[:, : self.noise_dimensions] *= temperature
        return torch.cat([self.generator(rows) for rows in z.split(_CHUNK)])

    @property
    def noise_dimensions(self) -> int:
        """Number of noise dimensions, which come first in a latent vector, before labels and codes."""
        latent = getattr(getattr(self.generator, "config", None), "latent", None)
        return self.latents(1).shape[1] if latent is None else int(latent)

    def latents(self, n: int, *, seed: int = 0, condition: str | None = None) -> Tensor:
        """[n,d] latent vectors, under a condition such as ``coat=ginger,eyes=odd`` if one is given."""
        options = {} if condition is None else {"wanted": self._wishes(condition)}
        rng = torch.Generator().manual_seed(seed)  # on the CPU: the same vectors on every device
        if isinstance(self.generator, SteeredGenerator):
            return self.generator.latents(n, rng, **options)
        return torch.cat([self._latent(rng, options) for _ in range(n)])  # alike for every n

    def _latent(self, rng: torch.Generator, options: Mapping[str, Any]) -> Tensor:
        z = cast(LatentGenerator, self.generator).latents(1, rng, **options)
        if self.threshold is not None:
            size = self.noise_dimensions
            z[:, :size] = truncated(z[:, :size], self.threshold, rng)
        return z

    def _wishes(self, condition: str) -> Mapping[int, int]:
        conditions = getattr(getattr(self.generator, "config", None), "conditions", None)
        if conditions is None:
            raise UsageError(
                f"--condition {condition!r}: this model was trained without labels. Leave it "
                "out, or train a conditional model, for example with 'seqgan-kit run cgan'."
            )
        return cast(Conditions, conditions).wishes(condition)

    def probe(self, out: Path, **options: Any) -> dict[str, Any]:
        """Probe the run's discriminator; see :func:`.probing.probe_run.probe_run`."""
        return probe_run(self.run_dir, out, **options)

    def explore(self) -> Explorer:
        """Return an explorer of its latent space: interpolation, arithmetic and projection."""
        # This imports the metrics, which sampling does not need.
        from image_gans.latent.by_attribute import selector

        told = getattr(getattr(self.generator, "config", None), "conditions", None)
        select = None if told else selector(self.run_dir, self.generator, self.latents)
        return Explorer(self.generator, self.latents, self.run_dir / "samples", select)

    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        out: Path | None = None,
        condition: str | None = None,
        detokenize: bool = False,
    ) -> Path:
        """Draw ``n`` images into one PNG grid and return its path.

        Args:
            n: how many.
            temperature: scales the latent vectors: below 1 more typical and less varied images.
            top_k, top_p, detokenize: for text only; refused.
            seed: the same seed gives the same images.
            out: the file, or a folder for one PNG per image; ``samples/seed-<seed>.png`` of the run if None.
            condition: what to draw, ``label=class,...``, by a model that was told labels; labels that it does
                not name are drawn as they occur in the training data.
        """
        if top_k is not None or top_p is not None:
            raise UsageError(
                "--top-k and --top-p apply to tokens only, and this is an image model: use "
                "--temperature to trade variety for typical images."
            )
        if detokenize:
            raise UsageError(
                "--detokenize joins the words of a text, and this run makes images: leave it out."
            )
        pictures = self.images(n, temperature=temperature, seed=seed, condition=condition)
        name = f"seed-{seed}" if condition is None else f"{condition.replace(',', '-')}-seed-{seed}"
        path = self.run_dir / "samples" / f"{name}.png" if out is None else Path(out)
        if pictures.dim() == 2:  # points of the plane
            return save_scatter(pictures, path)
        return (save_each if path.is_dir() else save_grid)(pictures, path)


def check_image_model(generator: nn.Module) -> None:
    """Refuse, before training, a generator that could not be saved or sampled."""
    if not callable(getattr(generator, "latents", None)):
        raise UsageError(
            f"the image generator {type(generator).__name__} cannot be drawn from once saved: it has no "
            "method latents(n, rng) that gives the [n,d] vectors which its forward turns into images. Add it."
        )
    check_weights(generator)


def save_image_model(
    folder: Path, generator: nn.Module, about: Mapping[str, Any] | None = None
) -> None:
    """Write model.json and generator.safetensors.

    Args:
        folder: a run's ``model`` folder.
        generator: any generator that :func:`check_image_model` accepts.
        about: further facts about it, as JSON types (data, method, channels' meaning).
    """
    check_image_model(generator)
    described = described_network(generator)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = weights_to_save(plain_weights(generator))
    if spoilt := not_finite(tensors):
        raise TrainingError(
            f"the trained generator cannot be saved: {spoilt}. The training diverged. Train again with lower "
            "learning rates, or resume an earlier checkpoint."
        )
    write_whole(folder / "generator.safetensors", save(tensors))
    sums = sums_of(folder, ("generator.safetensors",))
    own = {"kind": "image", "format": FORMAT, "generator": described, "sha256": sums}
    description = {**own, **(about or {})}
    write_whole(folder / "model.json", (json.dumps(description, indent=2) + "\n").encode())


def load_image_model(
    run_dir: Path | str,
    device: torch.device | str = "cpu",
    generator: nn.Module | Callable[[], nn.Module] | None = None,
) -> ImageModel | ImageParts:
    """Load the model in ``run_dir/model``.

    Args:
        run_dir: the run's directory.
        device: where to draw.
        generator: for a run with a generator class of your own, a module of that class, or a function
            without arguments that builds one. No class is ever imported because a file names it.
    """
    folder = Path(run_dir) / "model"
    description = read_description(folder / "model.json")
    if "parts" in description:
        return _of_parts(Path(run_dir), folder, description, device)
    path, weights = folder / "model.json", folder / "generator.safetensors"
    entry = description["generator"]
    check(entry, saved_network, f"{path}, generator")
    check_sums(folder, description.get("sha256"))
    if generator is None and "class" in entry:
        foreign = ForeignClass(entry["class"])
        raise UsageError(
            f"the generator in {folder} is of the class {foreign}, which is not part of image_gans, and code "
            "is never imported from data. Hand it over in Python: image_gans.evaluation.image_export."
            f"load_image_model({str(run_dir)!r}, generator={foreign.short}(...))."
        )
    try:
        network = restored_network(_maker(entry, generator, path), weights)
    except CheckpointError as error:
        raise CheckpointError(
            f"the model in {folder} cannot be restored: {str(error).rstrip('.')}. "
            "Its files must come from one run."
        ) from error
    if spoilt := not_finite(network.state_dict()):
        raise CheckpointError(
            f"{weights} cannot be sampled: {spoilt}. The training diverged. Train again with lower "
            "learning rates, or resume an earlier checkpoint."
        )
    network.to(device).eval().requires_grad_(False)
    return ImageModel(Path(run_dir), network, description)


def _of_parts(
    run_dir: Path, folder: Path, description: Mapping[str, Any], device: torch.device | str
) -> ImageParts:
    """Load the model of a run with several parts; its generator draws the samples."""
    parts, verbs = load_parts(folder, description, device)
    if of_verb := [_OF_VERB[verb] for verb in verbs if verb in _OF_VERB]:
        return of_verb[0](run_dir, parts, verbs)
    model = ImageModel(run_dir, drawing_part(parts, description), description)
    if "detect" in verbs:
        return AnomalyModel(run_dir, parts, verbs, model, weight_of_features(description, folder))
    kind = next((_SAMPLED[verb] for verb in verbs if verb in _SAMPLED), ImageParts)
    return kind(run_dir, parts, verbs, model if "sample" in verbs else None)


def _maker(
    entry: Any, given: nn.Module | Callable[[], nn.Module] | None, path: Path
) -> Callable[[], nn.Module]:
    """Build the network from the description, or with the caller's class or function."""
    if given is None:
        return lambda: built_network(entry, path)
    return (lambda: given) if isinstance(given, nn.Module) else given

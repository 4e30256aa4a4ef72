"""A trained image generator as files and back: model/model.json beside model/generator.safetensors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from image_gans.grids import save_grid
from image_gans.latent import LatentGenerator
from image_gans.networks.bernoulli import BernoulliConfig, BernoulliGenerator
from image_gans.networks.dcgan import DCGANConfig, DCGANGenerator
from seqgan_kit.errors import CheckpointError, SeqganKitError, UsageError, unknown

_FORMAT = 1
_CHUNK = 256  # pictures at a time: bounds the memory, changes no picture

GENERATORS: Mapping[str, tuple[type, Callable[[Any], nn.Module]]] = {
    "bernoulli": (BernoulliConfig, BernoulliGenerator),
    "dcgan": (DCGANConfig, DCGANGenerator),
}
"""Generators by the name in model.json: their config and what builds them from it."""


@dataclass(frozen=True)
class ImageModel:
    """A trained generator to draw from.

    It is in evaluation mode: batch norm uses the statistics gathered in training, so a picture depends on its
    latent vector alone, whatever else is drawn with it.
    """

    run_dir: Path
    generator: nn.Module
    description: Mapping[str, Any]
    """What model.json says."""

    @torch.no_grad()
    def images(self, n: int, *, temperature: float = 1.0, seed: int = 0) -> Tensor:
        """[n,C,H,W] in [-1,1]. The first pictures of a seed are the same for every n."""
        if n < 1:
            raise UsageError(f"cannot draw {n} pictures; ask for at least 1.")
        if temperature < 0:
            raise UsageError(
                f"temperature {temperature} is negative; it scales the latent vectors, from 0 (one picture) "
                "over 1 (as trained) upwards."
            )
        generator = cast(LatentGenerator, self.generator)
        # On the CPU and one by one, so that a seed means the same everywhere and for every n.
        rng = torch.Generator().manual_seed(seed)
        z = torch.cat([generator.latents(1, rng) for _ in range(n)]) * temperature
        return torch.cat([generator(rows) for rows in z.split(_CHUNK)])

    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        out: Path | None = None,
    ) -> Path:
        """Draws ``n`` pictures into one PNG grid and returns its path.

        Args:
            n: how many.
            temperature: scales the latent vectors: below 1 more typical and less varied pictures.
            top_k: for text only; refused.
            top_p: for text only; refused.
            seed: the same seed gives the same pictures.
            out: where to; ``samples/seed-<seed>.png`` of the run unless given.
        """
        if top_k is not None or top_p is not None:
            raise UsageError(
                "top-k and top-p choose among tokens, and this run makes pictures; use the temperature "
                "to trade variety for typical pictures."
            )
        path = Path(out) if out is not None else self.run_dir / "samples" / f"seed-{seed}.png"
        return save_grid(self.images(n, temperature=temperature, seed=seed), path)


def save_image_model(
    folder: Path, generator: nn.Module, about: Mapping[str, Any] | None = None
) -> None:
    """Writes model.json and generator.safetensors.

    Args:
        folder: a run's ``model`` folder.
        generator: one of :data:`GENERATORS`, with its ``config``.
        about: anything else worth knowing about it, in JSON's types (data, method, channels' meaning).
    """
    config = getattr(generator, "config", None)
    names = [name for name, (kind, _) in GENERATORS.items() if isinstance(config, kind)]
    if not names:
        raise UsageError(
            f"no image model of {type(generator).__name__} can be written: its config is of no kind in "
            f"image_gans.export.GENERATORS ({', '.join(GENERATORS)}). Add it there."
        )
    folder.mkdir(parents=True, exist_ok=True)
    # safetensors wants plain memory order, and channels-last is none.
    tensors = {name: t.detach().cpu().contiguous() for name, t in generator.state_dict().items()}
    description = {
        "kind": "image",
        "format": _FORMAT,
        "generator": {"name": names[0], "config": asdict(cast(Any, config))},
        **(about or {}),
    }
    _replace(folder / "generator.safetensors", save(tensors))
    _replace(folder / "model.json", (json.dumps(description, indent=2) + "\n").encode())


def load_image_model(run_dir: Path, device: torch.device | str = "cpu") -> ImageModel:
    """The model in ``run_dir/model``, ready to draw from."""
    folder = Path(run_dir) / "model"
    description = _read_description(folder / "model.json")
    generator = _build(description.get("generator"), folder / "model.json")
    path = folder / "generator.safetensors"
    try:
        generator.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: the model was not written to its end.") from None
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} does not hold this model's weights: {reason}") from error
    generator.to(device).eval().requires_grad_(False)
    return ImageModel(Path(run_dir), generator, description)


def _read_description(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} is missing: that run has no trained model yet. Let it end, or resume it."
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON ({error}).") from error
    kind = description.get("kind") if isinstance(description, dict) else None
    if kind != "image":
        raise CheckpointError(f"{path} describes a model of kind {kind!r}, not an image model.")
    if description.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path} has format {description.get('format')!r}; this version reads {_FORMAT}."
        )
    return cast(dict[str, Any], description)


def _build(entry: Any, path: Path) -> nn.Module:
    """A generator with fresh weights from its name and config."""
    entry = entry if isinstance(entry, dict) else {}
    name = str(entry.get("name"))
    if name not in GENERATORS:
        raise CheckpointError(f"{path}: {unknown('image generator', name, GENERATORS)}")
    config, generator = GENERATORS[name]
    try:
        return generator(config(**entry["config"]))
    except (SeqganKitError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} has a config that does not fit {name}: {error}") from error


def _replace(path: Path, content: bytes) -> None:
    """Writes beside ``path`` and renames, so that nobody reads half a file."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)

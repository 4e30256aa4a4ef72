"""``sk.load``: a trained model from a run, a folder or the HuggingFace hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind
from seqgan_kit.errors import UsageError, unknown

if TYPE_CHECKING:
    from torch import nn

    from seqgan_kit.face.image_model import TrainedImageModel
    from seqgan_kit.face.text_model import TrainedTextModel

HUB = "hub:"


class HasFolder(Protocol):
    """An object with a run's folder: the result of ``sk.run``, or a loaded model."""

    @property
    def folder(self) -> Path:
        """The folder."""


def load(
    source: str | Path | HasFolder,
    *,
    generator: nn.Module | Callable[..., nn.Module] | None = None,
    discriminator: nn.Module | Callable[..., nn.Module] | None = None,
) -> TrainedTextModel | TrainedImageModel:
    """Load a trained model, ready to sample from.

    Only safetensors and JSON files are read; their checksums are compared, and no code is imported from them.

    Args:
        source: a run, its folder, a folder written by ``save_pretrained``, or ``"hub:user/name"`` (with
            ``@revision`` after it for a branch, tag or commit).
        generator: for a generator of a class of your own: the class, or a function that builds one. For text
            it is called as ``generator(vocabulary, length, bos=, eos=, pad=)``, for images without arguments.
        discriminator: the same for a discriminator of a class of your own, called as
            ``discriminator(vocabulary, length, pad=)``. Text models only.
    """
    folder = _folder(source)
    kind = model_kind(existing_run(folder))
    options: dict[str, Any] = {} if generator is None else {"generator": generator}
    loaded: Any = find_loader(kind)
    if kind == "text":
        from seqgan_kit.face.text_model import TrainedTextModel

        return TrainedTextModel(folder, loaded(folder, **options), discriminator)
    if kind == "image":
        from seqgan_kit.face.image_model import TrainedImageModel

        if discriminator is not None:
            raise UsageError(
                "image models are saved without their discriminator: leave discriminator= out."
            )
        return TrainedImageModel(folder, loaded(folder, **options))
    raise unknown("model kind", kind, ("text", "image"))


def _folder(source: str | Path | HasFolder) -> Path:
    if not isinstance(source, str | Path):
        return source.folder
    if isinstance(source, str) and source.startswith(HUB):
        from seqgan_kit.sharing.hub import downloaded

        name, _, revision = source.removeprefix(HUB).partition("@")
        return downloaded(name, revision or None)
    return Path(source)

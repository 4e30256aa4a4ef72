"""A saved model that edits a label of images: the same face at another age."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from image_gans.evaluation.image_parts import ImageParts
from image_gans.evaluation.translated_files import Translated, translate_files
from image_gans.latent.attribute_editor import MOVES, AttributeEditor
from image_gans.latent.editing import transferred
from image_gans.latent.exploring import Explorer
from image_gans.metrics.recogniser import Recogniser
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.translators.image_encoder import CodeEncoder
from seqgan_kit.errors import CheckpointError


@dataclass(frozen=True)
class EditingModel(ImageParts):
    """A model of parts with the verb ``edit``, in evaluation mode."""

    def __post_init__(self) -> None:
        generator, recogniser = self.parts["generator"], self.parts["recogniser"]
        encoder: Any = self.parts["encoder"]
        fit = isinstance(generator, ConditionalGenerator) and isinstance(recogniser, Recogniser)
        if fit:
            told = cast(ConditionalGenerator, generator).config
            known = cast(Recogniser, recogniser).config.label_names
            named = dict(zip(told.conditions.names, told.conditions.classes, strict=True))
            fit = (
                len(named) == 1 and named.items() <= {n: tuple(c) for n, c in known.items()}.items()
            )
            fit = fit and isinstance(encoder, CodeEncoder) and encoder.config.latent == told.latent
        if not fit:
            raise CheckpointError(
                f"the model in {self.run_dir} cannot edit: its generator, encoder and recogniser are not of "
                "one latent space and one label. Its files must come from one run."
            )

    @property
    def editor(self) -> AttributeEditor:
        """The editor of the model's parts."""
        parts: Any = self.parts
        return AttributeEditor(parts["generator"], parts["encoder"], parts["recogniser"])

    def edit(
        self,
        images: Tensor,
        condition: str | None = None,
        *,
        given: str | None = None,
        moves: int = MOVES,
        carry: bool = False,
    ) -> Tensor:
        """Return images [N,C,H,W] in [-1,1] with their label changed and their identity kept.

        Args:
            images: [N,C,H,W] in [-1,1].
            condition: what to show, such as ``age=old``. Without it, each result [C,H,(1+A)W] is a strip: the
                image, then its edits to all A classes.
            given: what the images show, such as ``age=kitten``; by default what the recogniser names.
            moves: largest number of steps of L-BFGS for each image.
            carry: whether to add the change to the given image, in place of returning G's own image.
        """
        self.need("edit")
        editor = self.editor
        told = editor.estimated(images) if given is None else self._told(given, images)
        codes = editor.codes(images, told, "identity", moves)
        before = editor.drawn(codes, told) if carry else None

        def edited(asked: Tensor) -> Tensor:
            after = editor.drawn(codes, asked)
            return after if before is None else transferred(images, before, after)

        if condition is not None:
            return edited(self._told(condition, images))
        every = range(len(editor.conditions.classes[0]))
        return torch.cat([images, *(edited(torch.full_like(told, number)) for number in every)], 3)

    def rebuild(self, images: Tensor) -> Tensor:
        """Return what the model draws of images [N,C,H,W], without a change."""
        self.need("rebuild")
        editor = self.editor
        told = editor.estimated(images)
        return editor.drawn(editor.codes(images, told, "identity"), told)

    def act_on_files(
        self,
        verb: str,
        images: Path,
        out: Path,
        *,
        strict: bool,
        condition: str | None = None,
        given: str | None = None,
        carry: bool = False,
    ) -> Translated:
        """Edit or rebuild an image file or all images in a folder; write PNG files.

        Args:
            verb: edit or rebuild.
            images: a file or a folder.
            out: the folder to write to, with the sub-folders of ``images``.
            strict: stop at an unreadable image instead of counting it.
            condition, given, carry: as for :meth:`edit`.
        """
        size, channels = self.input_shape(verb)
        for text in (condition, given):
            if text is not None:
                self.editor.conditions.wishes(text)
        act = partial(self.edit, condition=condition, given=given, carry=carry)
        chosen = act if verb == "edit" else self.rebuild
        return translate_files(chosen, images, out, size, channels, strict=strict)

    def explore(self) -> Explorer:
        """Return an explorer of the latent space; the encoder tells no label, so it is not used."""
        return cast(Explorer, self.sampler.explore())

    def _told(self, condition: str, images: Tensor) -> Tensor:
        """Return the conditions [N,1] that a text names."""
        number = self.editor.conditions.wishes(condition)[0]
        return torch.full((len(images), 1), number, device=images.device)

"""Build the players of a game of captions and images."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from image_gans.networks.captions.caption_discriminator import (
    CaptionDiscriminator,
    CaptionJudgeShape,
    build_caption_discriminator,
)
from image_gans.networks.captions.caption_encoder import (
    CaptionEncoder,
    CaptionEncoderConfig,
    CaptionEncoderShape,
)
from image_gans.networks.captions.caption_painter import CaptionPainter, build_painter
from image_gans.networks.captions.caption_refiner import (
    CaptionRefiner,
    CaptionRefinerConfig,
    RefinementShape,
)
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.dcgan_networks import DCGANConfig
from image_gans.networks.translators.image_encoder import CodeEncoder
from seqgan_kit.data.images.captioned import CaptionedImages
from seqgan_kit.data.images.image_config import ImageData


class CaptionPlayers(NamedTuple):
    """Encoders of captions and images, and the networks of one stage or two."""

    caption_encoder: CaptionEncoder
    image_encoder: CodeEncoder
    generator: CaptionPainter | CaptionRefiner
    """Of the last stage."""
    discriminator: CaptionDiscriminator
    """Of the last stage."""
    sketcher: CaptionPainter | None = None
    """Generator of stage I, if there is a stage II."""
    sketch_discriminator: CaptionDiscriminator | None = None
    """Discriminator of stage I, if there is a stage II."""


def build_caption_players(
    choice: NetworkChoice,
    data: ImageData,
    captioned: CaptionedImages,
    captions: CaptionEncoderShape,
    judge: CaptionJudgeShape,
    refinement: RefinementShape,
) -> CaptionPlayers:
    """Return the players for images of the data's size and channels.

    Args:
        choice: settings of generator and discriminator; the width is the image encoder's too.
        data: settings with the size and the channels of the images.
        captioned: the words.
        captions: size of the caption encoder and of the condition.
        judge: how the discriminators compare images and captions.
        refinement: size of stage II, and whether there is one.
    """
    words, length = captioned.words, captioned.length
    shape = CaptionEncoderConfig(
        words, length, captions.features, captions.hidden, captions.embedding
    )
    features, condition = captions.features, captions.condition
    pictures = DCGANConfig(data.size, data.channels, features, choice.width)
    encoders = CaptionEncoder(shape), CodeEncoder(pictures)
    last = build_caption_discriminator(choice, data, features, judge)
    if refinement.factor == 1:
        return CaptionPlayers(*encoders, build_painter(choice, data, features, condition), last)
    small = replace(data, size=max(1, data.size // refinement.factor))
    config = CaptionRefinerConfig(small.size, data.channels, features, condition, refinement)
    return CaptionPlayers(
        *encoders,
        CaptionRefiner(config),
        last,
        build_painter(choice, small, features, condition),
        build_caption_discriminator(choice, small, features, judge),
    )

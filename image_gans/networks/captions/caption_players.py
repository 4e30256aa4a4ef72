"""Build the players of a game of captions and images."""

from __future__ import annotations

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
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.dcgan_networks import DCGANConfig
from image_gans.networks.translators.image_encoder import CodeEncoder
from seqgan_kit.data.images.captioned import CaptionedImages
from seqgan_kit.data.images.image_config import ImageData


class CaptionPlayers(NamedTuple):
    """Encoders of captions and images, generator and discriminator."""

    caption_encoder: CaptionEncoder
    image_encoder: CodeEncoder
    generator: CaptionPainter
    discriminator: CaptionDiscriminator


def build_caption_players(
    choice: NetworkChoice,
    data: ImageData,
    captioned: CaptionedImages,
    captions: CaptionEncoderShape,
    judge: CaptionJudgeShape,
) -> CaptionPlayers:
    """Return the players for images of the data's size and channels.

    Args:
        choice: settings of generator and discriminator; the width is the image encoder's too.
        data: settings with the size and the channels of the images.
        captioned: the words.
        captions: size of the caption encoder and of the condition.
        judge: how the discriminator compares images and captions.
    """
    words, length = captioned.words, captioned.length
    shape = CaptionEncoderConfig(
        words, length, captions.features, captions.hidden, captions.embedding
    )
    pictures = DCGANConfig(data.size, data.channels, captions.features, choice.width)
    return CaptionPlayers(
        CaptionEncoder(shape),
        CodeEncoder(pictures),
        build_painter(choice, data, captions.features, captions.condition),
        build_caption_discriminator(choice, data, captions.features, judge),
    )

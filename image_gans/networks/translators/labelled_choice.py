"""Builders of an encoder, a generator and a discriminator of one size; the generator is told labels."""

from __future__ import annotations

from image_gans.conditions import LabelledCorpus
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import (
    ConditionalGenerator,
    ConditionSettings,
    build_conditional_networks,
)
from image_gans.networks.translators.code_networks import encoder_shape
from image_gans.networks.translators.image_encoder import CodeEncoder, LabelledEncoder
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.data.images.image_config import ImageData


def build_encoded_networks(
    choice: NetworkChoice,
    data: ImageData,
    labelled: LabelledCorpus,
    settings: ConditionSettings,
) -> tuple[LabelledEncoder, ConditionalGenerator, Discriminator]:
    """Return an encoder that is told labels too, generator and discriminator; the encoder has DCGAN's layers,
    or those of ``mlp``."""
    generator, discriminator = build_conditional_networks(choice, data, labelled, settings)
    encoder = LabelledEncoder(encoder_shape(choice, data), labelled.conditions)
    return encoder, generator, discriminator


def build_inverted_networks(
    choice: NetworkChoice,
    data: ImageData,
    labelled: LabelledCorpus,
    settings: ConditionSettings,
) -> tuple[ConditionalGenerator, Discriminator, CodeEncoder]:
    """Return generator, discriminator, and an encoder of images alone into the generator's noise."""
    generator, discriminator = build_conditional_networks(choice, data, labelled, settings)
    return generator, discriminator, CodeEncoder(encoder_shape(choice, data))

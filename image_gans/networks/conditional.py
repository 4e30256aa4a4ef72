"""Conditional generators: add labels to any generator.

    z [N,d], labels y [N,K] -> [z | e_1(y_1) | ... | e_K(y_K)] -> a generator of as many latent dimensions,
                                                                 or of z's where labels reach its norms alone

e_k is a learnt embedding or a one-hot vector. An image depends on the joined vector alone, so paths
through latent space can also change the labels.

With ``skip_noise`` the noise is cut into equal parts: the first goes into the inner generator's first layer,
and each of its residual blocks reads one of the others beside the labels, in its conditional norms (Brock et
al. 2019, "Large scale GAN training for high fidelity natural image synthesis", appendix B.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.conditions import Conditions, LabelledCorpus
from image_gans.networks.blocks.label_vectors import label_vectors, total_width
from image_gans.networks.blocks.norms import BY_REFERENCE
from image_gans.networks.blocks.residual_blocks import GeneratorBlock
from image_gans.networks.choice import NetworkChoice, block_count, build_networks
from seqgan_kit.core.bounds import Units, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
@bounded
class ConditionSettings:
    """Settings of conditioning: the labels and how G receives them."""

    condition: tuple[str, ...] = ()
    """Labels to condition on (default: all that the images have)."""
    embedding: Units = 8
    """Dimensions of the learnt embedding of a label's class; 0: one-hot vectors, so that a
    conditional norm has a scale and a shift of its own for each class, as in the papers."""
    conditional_norm: bool = False
    """Let labels also set the scale and shift of G's batch norms."""
    labels_in_input: bool = True
    """Join the labels' vectors to G's noise; without it they reach the conditional norms alone."""
    skip_noise: bool = False
    """resnet: cut the noise into equal parts for G's first layer and each block's conditional norms."""

    def __post_init__(self) -> None:
        if self.skip_noise and not self.conditional_norm:
            raise UsageError(
                "skip_noise gives parts of the noise to the conditional norms, and conditional_norm is off. "
                "Turn it on too."
            )
        if not (self.labels_in_input or self.conditional_norm):
            raise UsageError(
                "labels_in_input and conditional_norm are both off, so G would not be told any label. "
                "Turn one on."
            )


@dataclass(frozen=True)
class ConditionalConfig:
    """Settings that a conditional generator adds to its inner generator."""

    conditions: Conditions
    """Labels and classes."""
    latent: int
    """Dimensions of the noise z."""
    embedding: int = 8
    """Dimensions of each label's learnt vector; 0 for one-hot vectors."""
    conditional_norm: bool = False
    """Whether labels also set the scale and shift of batch norms."""
    labels_in_input: bool = True
    """Whether the inner generator sees the labels together with the noise."""
    skip_noise: bool = False
    """Whether each residual block of the inner generator reads a part of the noise of its own."""
    combinations: int = 1
    """Number of distinct label combinations in the training data."""

    def __post_init__(self) -> None:
        if isinstance(self.conditions, Mapping):  # read from a file
            object.__setattr__(self, "conditions", Conditions(**self.conditions))


class ConditionalGenerator(nn.Module):
    """A generator from noise and labels to images, through an inner generator.

    It keeps the label combinations of the training data with their counts, so that samples without a
    condition follow the joint distribution of the labels.
    """

    def __init__(self, config: ConditionalConfig, inner: nn.Module):
        super().__init__()
        self.config, self.inner = config, inner
        self.embeddings = label_vectors(config.conditions, config.embedding)
        width, labels = total_width(config.conditions, config.embedding), len(self.embeddings)
        one_hot = not config.embedding
        # norms[i] is told the labels, and the part of the noise of its block where it has one
        self.norms, self.blocks = list[ConditionalBatchNorm](), list[int]()
        if config.skip_noise:
            found = [part for part in inner.modules() if isinstance(part, GeneratorBlock)]
            self.part = noise_part(config.latent, len(found))
            for number, block in enumerate(found):
                self.norms += condition_norms(block, width + self.part, one_hot)
                self.blocks += [number] * (len(self.norms) - len(self.blocks))
        elif config.conditional_norm:
            self.norms = condition_norms(inner, width, one_hot)
        self.register_buffer("seen", torch.zeros(config.combinations, labels, dtype=torch.long))
        self.register_buffer("counts", torch.ones(config.combinations))

    def forward(self, latents: Tensor) -> Tensor:
        """[N,d+K*embedding], noise and labels' vectors joined -> [N,C,H,W]."""
        noise, labels = latents[:, : self.config.latent], latents[:, self.config.latent :]
        told = [labels] * len(self.norms)
        if self.config.skip_noise:
            noise, *parts = noise.split(self.part, 1)
            told = [torch.cat([parts[block], labels], 1) for block in self.blocks]
        with _told(self.norms, told):
            told_too = self.config.labels_in_input
            return cast(Tensor, self.inner(torch.cat([noise, labels], 1) if told_too else noise))

    def join(self, noise: Tensor, labels: Tensor) -> Tensor:
        """[N,d], [N,K] -> [N,d+K*embedding]."""
        told = [table(labels[:, i]).to(noise) for i, table in enumerate(self.embeddings)]
        return torch.cat([noise, *told], 1)

    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        """[n,d] standard normal; drawn where ``rng`` lives, returned where the parameters live."""
        z = torch.randn(n, self.config.latent, generator=rng, device=rng.device)
        return z.to(next(self.inner.parameters()))

    def labels(
        self, n: int, rng: torch.Generator, wanted: Mapping[int, int] | None = None
    ) -> Tensor:
        """[n,K] as in the training data, given the ``wanted`` classes by the places of their labels.

        Draws from the label rows that match the most wanted classes: all of them if the data have such rows.
        """
        seen, counts = cast(Tensor, self.seen), cast(Tensor, self.counts)
        agreeing = torch.zeros(len(seen), device=seen.device)
        for place, number in (wanted or {}).items():
            agreeing += seen[:, place] == number
        weights = torch.where(agreeing == agreeing.max(), counts, 0).to(rng.device)
        labels = seen[
            torch.multinomial(weights, n, replacement=True, generator=rng).to(seen.device)
        ]
        for place, number in (wanted or {}).items():
            labels[:, place] = number
        return labels

    def latents(
        self, n: int, rng: torch.Generator, wanted: Mapping[int, int] | None = None
    ) -> Tensor:
        """[n,d+K*embedding]: noise, and labels as :meth:`labels` draws them."""
        return self.join(self.noise(n, rng), self.labels(n, rng, wanted))

    def draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        """[N,C,H,W] of these labels [N,K]."""
        return cast(Tensor, self(self.join(self.noise(len(labels), rng), labels)))

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """[n,C,H,W] with labels as in the training data."""
        return cast(Tensor, self(self.latents(n, rng)))


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose scale and shift are linear in the labels' vectors (de Vries et al. 2017, "Modulating
    early visual processing by language"); at the start scale 1 and shift 0.

    For one-hot vectors the map is a table with a row for each class (Dumoulin et al. 2017, "A learned
    representation for artistic style"; Miyato and Koyama 2018), and the rows of several labels are added.
    """

    def __init__(self, norm: nn.BatchNorm2d, width: int, one_hot: bool = False):
        super().__init__()
        self.norm = nn.BatchNorm2d(norm.num_features, norm.eps, norm.momentum, affine=False)
        self.modulate = nn.Linear(width, 2 * norm.num_features, bias=not one_hot)
        for parameter in self.modulate.parameters():
            nn.init.zeros_(parameter)
        self.told: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W]."""
        assert self.told is not None
        scale, shift = self.modulate(self.told)[:, :, None, None].chunk(2, 1)
        return cast(Tensor, self.norm(x) * (1 + scale) + shift)


def condition_norms(
    network: nn.Module, width: int, one_hot: bool = False
) -> list[ConditionalBatchNorm]:
    """Replace every batch norm of the network by a conditional norm; return the new norms."""
    placed = []
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                placed.append(ConditionalBatchNorm(child, width, one_hot))
                setattr(parent, name, placed[-1])
    if not placed:
        raise UsageError(
            "conditional_norm has nothing to work on: this generator has no batch norm. Choose a network "
            "with batch norm, or leave conditional_norm off; labels reach the input anyway."
        )
    return placed


@contextmanager
def _told(norms: list[ConditionalBatchNorm], vectors: list[Tensor]) -> Iterator[None]:
    """Give each norm its vectors of the current images."""
    for norm, told in zip(norms, vectors, strict=True):
        norm.told = told
    try:
        yield
    finally:
        for norm in norms:
            norm.told = None


def noise_part(latent: int, blocks: int) -> int:
    """Return the dimensions of each part of the noise: of the first layer's and of each block's."""
    if not blocks:
        raise UsageError("skip_noise needs a generator of residual blocks: --network resnet.")
    parts = blocks + 1
    if latent % parts:
        raise UsageError(
            f"skip_noise cuts the noise into {parts} equal parts, for the first layer and {blocks} blocks, "
            f"and latent is {latent}. Give a multiple of {parts}, such as {max(1, latent // parts) * parts}."
        )
    return latent // parts


def build_conditional_networks(
    choice: NetworkChoice,
    data: ImageData,
    labelled: LabelledCorpus,
    settings: ConditionSettings,
) -> tuple[ConditionalGenerator, Discriminator]:
    """Return the conditional generator, and a discriminator without labels (methods add them).

    Args:
        choice: settings of the pair of networks.
        data: settings with the size and the channels of the images.
        labelled: the labels, and which of them occur together.
        settings: how the generator receives the labels.
    """
    if choice.generator_norm in BY_REFERENCE:
        raise UsageError(
            f"--generator-norm {choice.generator_norm} keeps a fixed batch of latent vectors, and those of a "
            "conditional generator hold embedded labels that go on learning. Use --generator-norm batch."
        )
    told = total_width(labelled.conditions, settings.embedding) if settings.labels_in_input else 0
    noise = choice.latent
    if settings.skip_noise:
        noise = noise_part(noise, block_count(choice, data))
    inner, discriminator = build_networks(replace(choice, latent=noise + told), data)
    seen, counts = labelled.rows.unique(dim=0, return_counts=True)
    config = ConditionalConfig(
        labelled.conditions,
        choice.latent,
        settings.embedding,
        settings.conditional_norm,
        settings.labels_in_input,
        settings.skip_noise,
        len(seen),
    )
    generator = ConditionalGenerator(config, inner)
    cast(Tensor, generator.seen).copy_(seen)
    cast(Tensor, generator.counts).copy_(counts)
    return generator, discriminator

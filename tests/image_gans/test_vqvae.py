"""The VQ-VAE's loss in closed form, its straight-through gradient, and its codebook.

One-dimensional vectors z = a x, a codebook {-1, 1}, a decoder G(q) = b q.
"""

import pytest
import torch
from torch import Tensor, nn

from image_gans.evaluation.translation.quantised_scores import perplexity
from image_gans.methods.translation.vqvae import QuantisedGame, VQVAEMethod, build
from image_gans.networks.translators.quantised_networks import (
    CodeMapConfig,
    CodeMapNetworks,
    MapDecoder,
    MapEncoder,
    build_quantised_autoencoder,
)
from image_gans.networks.translators.vector_quantiser import QuantiserConfig, VectorQuantiser
from seqgan_kit.core.game import Move
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

A, B = 0.5, 0.7
X = torch.tensor([0.8, -0.4, 1.6, 1.0]).view(1, 1, 2, 2)


class Scaled(nn.Module):
    def __init__(self, by: float):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, x: Tensor) -> Tensor:
        return self.by * x


def game(commitment: float = 0.25, decay: float = 0.9) -> QuantisedGame:
    book = VectorQuantiser(QuantiserConfig(codes=2, dimensions=1, decay=decay, restart_below=0.0))
    book.vectors.copy_(torch.tensor([[-1.0], [1.0]]))
    book.sums.copy_(book.vectors)
    return build(Scaled(A), book, Scaled(B), VQVAEMethod(commitment=commitment))


def move() -> Move:
    return Move("reconstruction", 0, 1, torch.Generator().manual_seed(0))


def test_the_loss_is_the_error_of_the_decoded_codes_plus_the_commitment() -> None:
    z, codes = A * X, torch.tensor([1.0, -1.0, 1.0, 1.0]).view_as(X)
    error, commitment = (B * codes - X).square().mean(), (z - codes).square().mean()
    loss = game(commitment=0.25).reconstruction_loss({"real": X}, move())
    assert torch.allclose(loss.total, error + 0.25 * commitment)
    assert torch.allclose(loss.logs["commitment"], commitment)  # type: ignore[arg-type]


def test_the_decoders_gradient_passes_the_codebook_unchanged() -> None:
    """d error / d a = mean 2 (b q - x) b x, as if q were z; the commitment adds mean 2 (z - q) x."""
    played = game(commitment=0.25)
    played.reconstruction_loss({"real": X}, move()).total.backward()
    codes = torch.tensor([1.0, -1.0, 1.0, 1.0]).view_as(X)
    through = (2 * (B * codes - X) * B * X).mean()
    commitment = (2 * (A * X - codes) * X).mean()
    assert torch.allclose(played.players["encoder"].by.grad, through + 0.25 * commitment)  # type: ignore[arg-type]


def test_an_update_moves_the_codebook_and_rebuilding_does_not() -> None:
    """N <- 0.9 + 0.1 n, m <- 0.9 m + 0.1 sum of z, e = m / N."""
    played = game(decay=0.9)
    before = played.quantiser.vectors.clone()
    played.rebuild(X)
    assert torch.equal(played.quantiser.vectors, before)
    played.reconstruction_loss({"real": X}, move())
    up = (0.9 + 0.1 * A * (0.8 + 1.6 + 1.0)) / (0.9 + 0.1 * 3)
    down = (-0.9 + 0.1 * A * -0.4) / (0.9 + 0.1)
    assert torch.allclose(played.quantiser.vectors, torch.tensor([[down], [up]]), atol=1e-6)


def test_processes_share_the_codebook() -> None:
    assert game().private_players() == ()


def test_perplexity_counts_codes_in_use() -> None:
    assert perplexity(torch.zeros(3, 2, 2, dtype=torch.int64)) == pytest.approx(1.0)
    assert perplexity(torch.arange(8).view(2, 2, 2)) == pytest.approx(8.0)


def test_networks_reduce_an_image_to_a_quarter_and_back_and_every_parameter_learns() -> None:
    shape = CodeMapConfig(16, 3, dimensions=5, width=4, blocks=1)
    encoder, decoder, x = MapEncoder(shape), MapDecoder(shape), torch.rand(2, 3, 16, 16)
    z = encoder(x)
    assert z.shape == (2, 5, 4, 4)
    out = decoder(z)
    assert out.shape == x.shape
    out.square().sum().backward()
    learning = [*encoder.named_parameters(), *decoder.named_parameters()]
    assert [name for name, p in learning if p.grad is None or not p.grad.any()] == []
    with pytest.raises(UsageError, match="this encoder takes images"):
        encoder(torch.zeros(1, 1, 16, 16))


@pytest.mark.parametrize("seed", range(3))
def test_vectors_and_images_differ_before_any_update(seed: int) -> None:
    """Else the decoder learns one image for all vectors, and never leaves it where tanh is flat."""
    torch.manual_seed(seed)
    encoder, _, decoder = build_quantised_autoencoder(
        CodeMapNetworks(width=32), QuantiserConfig(codes=8, dimensions=8), ImageData(size=16)
    )
    with torch.no_grad():
        z = encoder(torch.randn(16, 3, 16, 16))
        images = decoder(torch.randn(16, 8, 4, 4))
    assert 0.25 < z.std((0, 2, 3)).mean() < 2  # torch's own weights give 0.06
    assert images.std((0, 2, 3)).mean() > 0.25


def test_decoded_values_beyond_the_range_are_cut_off_and_keep_their_gradient() -> None:
    decoder = MapDecoder(CodeMapConfig(16, 1, dimensions=2, width=4, blocks=1))
    last = decoder.layers[-1]
    last.bias.data.fill_(-50.0)
    images = decoder(torch.randn(2, 2, 4, 4))
    assert (images == -1).all()
    images.sum().backward()
    assert last.bias.grad.item() == images.numel()

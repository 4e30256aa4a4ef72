"""Black-and-white images: their probabilities in closed form, and a game that learns which pixels are
white."""

import itertools

import torch
from torch import Tensor, nn

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.methods.boundary_seeking_images import BoundarySeekingImagesMethod, build, phases
from image_gans.networks.bernoulli import (
    BernoulliConfig,
    BernoulliGenerator,
    bernoulli_discriminator,
    bit_log_probs,
    draw_bits,
)
from image_gans.schedule import ImageTraining
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Epochs, Move, check_phases

SHAPE = BernoulliConfig(size=16, latent=4, width=4)


def test_probabilities_of_all_pictures_of_three_pixels():
    """prod_p sigma(l)^b (1 - sigma(l))^(1-b); they sum to 1 over the eight images of each z."""
    logits = torch.tensor([[0.3, -1.2, 2.0], [40.0, 0.0, -40.0]], dtype=torch.float64)
    bits = torch.tensor(list(itertools.product([False, True], repeat=3))).expand(2, 8, 3)
    log_probs = bit_log_probs(logits, bits)
    chance = logits.sigmoid().unsqueeze(1)
    wanted = torch.where(bits, chance, 1 - chance)[0].prod(1)
    torch.testing.assert_close(log_probs[0].exp(), wanted)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(2, dtype=torch.float64))
    assert log_probs.isfinite().all()


def test_the_slope_of_a_pictures_probability():
    """d log g / d l = bit - sigma(l)."""
    logits = torch.randn(2, 1, 4, 4, requires_grad=True)
    bits = torch.rand(2, 5, 1, 4, 4) < 0.5
    weights = torch.rand(2, 5)
    (slope,) = torch.autograd.grad((weights * bit_log_probs(logits, bits)).sum(), logits)
    each = bits.float() - logits.detach().sigmoid().unsqueeze(1)
    torch.testing.assert_close(slope, (weights.view(2, 5, 1, 1, 1) * each).sum(1))


def test_pixels_are_drawn_with_their_probabilities(rng):
    logits = 2 * torch.randn(2, 1, 4, 4)
    bits = draw_bits(logits, 8000, rng)
    assert bits.shape == (2, 8000, 1, 4, 4)
    chance = logits.sigmoid()
    error = (chance * (1 - chance) / 8000).sqrt()
    assert ((bits.float().mean(1) - chance).abs() < 4.5 * error).all()
    first, second = bits[0].flatten(1).float().T[:2]
    together = (first * second).mean() - first.mean() * second.mean()
    assert together.abs() < 5 * 0.25 / 8000**0.5, "each pixel by itself"


def test_a_group_shares_its_latent_vector(rng):
    generator = BernoulliGenerator(SHAPE).eval()
    nn.init.normal_(generator.body.layers[-1].weight, 0.0, 2.0)
    pictures, log_probs = generator.draw_groups(3, 400, rng)
    assert pictures.shape == (3, 400, 1, 16, 16)
    assert set(pictures.unique().tolist()) == {-1.0, 1.0}
    assert not pictures.requires_grad
    z = generator.latents(3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(bit_log_probs(generator.logits(z), pictures > 0), log_probs)
    # forward gives the mean image of each latent vector
    assert ((pictures.mean(1) - generator(z)).abs() < 5 / 400**0.5).all()
    assert generator.sample(5, rng=rng).shape == (5, 1, 16, 16)


def test_a_pictures_verdict_is_its_own(rng):
    discriminator = bernoulli_discriminator(SHAPE).train()
    pictures = BernoulliGenerator(SHAPE).sample(6, rng=rng)
    alone = torch.cat([discriminator(picture[None]).score for picture in pictures])
    torch.testing.assert_close(discriminator(pictures).score, alone)


def test_one_phase_in_turns():
    (phase,) = phases(ImageTraining(epochs=3, discriminator_moves=2))
    assert phase.rounds == Epochs(3)
    assert [(turn.players, turn.moves) for turn in phase.turns] == [
        (("discriminator",), 2),
        (("generator",), 1),
    ]
    game = build(
        BernoulliGenerator(SHAPE), bernoulli_discriminator(SHAPE), BoundarySeekingImagesMethod()
    )
    check_phases(game, (phase,), {"train": object()})


class LeftHalf(nn.Module):
    """One feature: how much whiter the left half is than the right, in tenths of a pixel's contrast."""

    def forward(self, pictures: Tensor) -> Tensor:
        left, right = pictures.flatten(0, 1).unflatten(2, (2, 8)).sum((1, 3)).unbind(1)
        return (left - right).unsqueeze(1) / 10


def test_the_generator_draws_what_the_discriminator_prefers(rng):
    """Training from uniform pixels leads to a white left half and a black right half."""
    generator = BernoulliGenerator(SHAPE)
    discriminator = Discriminator(LeftHalf(), 1, score=nn.Identity())
    game = build(generator, discriminator, BoundarySeekingImagesMethod(samples=16))
    optimizer = torch.optim.Adam(generator.parameters(), lr=3e-2)
    batch, sizes = {"real": torch.zeros(8, 1)}, []
    for step in range(60):
        loss = game.generator_loss(batch, Move("adversarial", step, 60, rng))
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        sizes.append(float(loss.logs["effective_sample_size"]))
    left, right = game.sample(50, rng=rng).unflatten(3, (2, 8)).mean((0, 1, 2, 4))
    assert left > 0.3
    assert right < -0.3
    assert all(1 <= size <= 16 for size in sizes)
    assert sizes[-1] > sizes[0], (
        "the surer G is, the more alike are the samples of one latent vector"
    )


def test_the_model_comes_back_from_its_files(tmp_path):
    generator = BernoulliGenerator(SHAPE).eval()
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    z = generator.latents(3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(model.generator(z), generator(z))
    assert model.images(2).abs().max() <= 1

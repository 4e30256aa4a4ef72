"""The DCGAN as a game: its phases, and that the losses are those of the paper."""

from dataclasses import replace

import pytest
import torch

from image_gans.methods.dcgan import DCGANMethod, phases
from image_gans.methods.dcgan import build as build_from_players
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator, dcgan_discriminator
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.game import Epochs, Move, check_phases
from seqgan_kit.errors import UsageError

NETWORKS = DCGANConfig(size=16, width=2, latent=5)


def build(method: DCGANMethod, *techniques: Techniques) -> AdversarialGame:
    players = DCGANGenerator(NETWORKS), dcgan_discriminator(NETWORKS)
    return build_from_players(*players, method, *techniques)


def move(seed: int = 0) -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(seed))


def test_one_phase_discriminator_first_each_with_its_own_learning_rate():
    (phase,) = phases(
        ImageTraining(epochs=3, discriminator_moves=2, discriminator_learning_rate=5e-5)
    )
    assert phase.rounds == Epochs(3)
    assert [turn.players for turn in phase.turns] == [("discriminator",), ("generator",)]
    assert [turn.moves for turn in phase.turns] == [2, 1]
    rates = [turn.optimizer.learning_rate for turn in phase.turns]
    assert rates == [5e-5, 2e-4]
    assert all(turn.optimizer.betas == (0.5, 0.999) for turn in phase.turns)
    check_phases(build(DCGANMethod()), (phase,), {"train": object()})


def test_the_losses_are_those_of_the_docstring():
    torch.manual_seed(0)
    game = build(DCGANMethod(label_smoothing=0.1))
    generator, discriminator = game.players["generator"], game.players["discriminator"]
    real = torch.rand(8, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        fake = generator.sample(8, rng=torch.Generator().manual_seed(0))
        real_probability = discriminator(real).score.double().sigmoid()
        fake_probability = discriminator(fake).score.double().sigmoid()
    wanted = (
        -(0.9 * real_probability.log() + 0.1 * (1 - real_probability).log()).mean()
        - (1 - fake_probability).log().mean()
    )
    loss = game.discriminator_loss({"real": real}, move())
    assert loss.total.item() == pytest.approx(wanted.item(), rel=1e-5)
    loss = game.generator_loss({"real": real}, move())
    assert loss.total.item() == pytest.approx(-fake_probability.log().mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    "name", ["minimax", "max_likelihood", "least_squares", "hinge", "boundary_seeking"]
)
def test_every_objective_can_be_chosen(name):
    game = build(DCGANMethod(objective=name))
    assert game.objective.name == name
    batch = {"real": torch.rand(4, 3, 16, 16)}
    assert game.discriminator_loss(batch, move()).total.isfinite()
    assert game.generator_loss(batch, move()).total.isfinite()


def test_boundary_seeking_pulls_scores_to_the_boundary():
    """E[s^2]/2."""
    game = build(DCGANMethod("boundary_seeking"))
    with torch.no_grad():
        fake = game.players["generator"].sample(8, rng=torch.Generator().manual_seed(0))
        wanted = game.discriminate(fake).score.double().square().mean().item() / 2
    loss = game.generator_loss({"real": torch.rand(8, 3, 16, 16)}, move())
    assert loss.total.item() == pytest.approx(wanted, rel=1e-3)


def test_r1_joins_ds_loss_and_needs_a_d_without_batch_norm():
    """w/2 E[||grad s(x)||^2], measured by autograd sample by sample."""
    with pytest.raises(UsageError, match="r1 needs a discriminator without batch norm"):
        build(DCGANMethod(), Techniques(r1_weight=10.0))
    shape = replace(NETWORKS, discriminator_norm="layer")
    players = DCGANGenerator(shape), dcgan_discriminator(shape)
    game = build_from_players(*players, DCGANMethod(), Techniques(r1_weight=6.0))
    plain = build_from_players(*players, DCGANMethod())
    real = torch.rand(4, 3, 16, 16, requires_grad=True)
    slopes = [
        torch.autograd.grad(players[1](row[None]).score.sum(), row)[0].square().sum()
        for row in real.detach().requires_grad_().unbind()
    ]
    loss = game.discriminator_loss({"real": real.detach()}, move())
    without = plain.discriminator_loss({"real": real.detach()}, move())
    wanted = 3.0 * torch.stack(slopes).mean().item()
    assert loss.logs["r1"].item() == pytest.approx(wanted, rel=1e-4)
    assert (loss.total - without.total).item() == pytest.approx(wanted, rel=1e-3)


def test_wrong_choices_are_refused():
    with pytest.raises(UsageError, match="Did you mean 'hinge'"):
        build(DCGANMethod(objective="hinges"))
    with pytest.raises(UsageError, match="does not apply to hinge"):
        build(DCGANMethod(objective="hinge", label_smoothing=0.1))

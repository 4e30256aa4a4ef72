"""R3GAN: losses by hand, its schedules, and the network's first state, filters and second derivatives."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from image_gans.methods.modern import r3gan
from image_gans.methods.modern.r3gan import R3GANMethod
from image_gans.networks.blocks.resampling import doubled, halved
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.networks.modern_resnet import (
    ModernBlock,
    ModernConfig,
    ModernGenerator,
    ModernTrunk,
)
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.game import Move
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.penalties import gradient_norms
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

REAL = torch.linspace(-1, 1, 4 * 3 * 256).view(4, 3, 16, 16)
DATA = ImageData(size=16)
NETWORKS = NetworkChoice("modern", width=4, latent=5, growth=2)


def game_of(method: R3GANMethod, **choice: object) -> AdversarialGame:
    torch.manual_seed(0)
    return r3gan.build(*build_networks(replace(NETWORKS, **choice), DATA), method)


def at(progress: float) -> Move:
    return Move("adversarial", int(10 * progress), 11, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("settings", "progress", "gamma"),
    [
        ({}, 0.0, 0.8),
        ({}, 1.0, 0.2),
        ({}, 0.5, 0.5),
        ({"r1": False}, 0.0, 0.8),
        ({"r2": False}, 0.0, 0.8),
        ({"objective": "gan"}, 0.0, 0.8),
    ],
)
def test_the_losses_are_those_of_the_equations(settings, progress, gamma):
    method = R3GANMethod(gamma=0.8, final_gamma=0.2, **settings)
    game = game_of(method)
    fake = game.sample(4, rng=at(0).rng).detach()
    judge = lambda x: game.discriminate(x).score  # noqa: E731
    loss = game.discriminator_loss({"real": REAL}, at(progress))
    real_score, fake_score = judge(REAL), judge(fake)
    if method.objective == "pairs":
        expected = F.softplus(fake_score - real_score).mean()
        for_g = F.softplus(real_score - fake_score).mean()
    else:
        expected = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
        for_g = F.softplus(-fake_score).mean()
    for used, x in ((method.r1, REAL), (method.r2, fake)):
        expected = expected + used * gamma / 2 * (gradient_norms(judge, x) ** 2).mean()
    torch.testing.assert_close(loss.total, expected, rtol=1e-4, atol=1e-6)
    assert loss.logs["gamma"] == pytest.approx(gamma)
    torch.testing.assert_close(game.generator_loss({"real": REAL}, at(0)).total, for_g)


def test_loss_and_penalties_share_one_pass_of_the_discriminator():
    networks = build_networks(NETWORKS, DATA)
    game = r3gan.build(*networks, R3GANMethod(), Techniques(augmentation="scheduled"))
    passes = []
    game.discriminator.trunk.register_forward_hook(lambda *call: passes.append(len(call[2])))
    loss = game.discriminator_loss({"real": REAL}, at(1.0))
    assert passes == [2 * len(REAL)]
    assert {"r1", "r2", "gamma", "score_gap"} <= set(loss.logs)


def test_rates_and_second_betas_follow_half_a_cosine():
    (phase,) = r3gan.phases(ImageTraining(betas=(0.0, 0.9)), R3GANMethod())
    for turn in phase.turns:
        assert [turn.optimizer.betas_at(p) for p in (0, 0.5, 1)] == [
            (0.0, pytest.approx(0.9)),
            (0.0, pytest.approx(0.945)),
            (0.0, pytest.approx(0.99)),
        ]
        assert turn.optimizer.rate_at(1.0, 100) == pytest.approx(2e-4 / 4)
    assert Optimizer(1e-3, betas=(0.5, 0.9)).betas_at(1.0) == (0.5, 0.9)


def test_the_trainer_sets_the_second_beta(new_run):
    method = R3GANMethod()
    training = ImageTraining(betas=(0.0, 0.9), batch_size=2, epochs=2)
    run = new_run("r3gan")
    feed = run.feed({"real": REAL}, 2)
    trainer = Trainer(run, game_of(method), r3gan.phases(training, method), feed)
    seen = []
    step = torch.optim.Adam.step
    torch.optim.Adam.step = lambda self, *a: (  # type: ignore[method-assign]
        seen.append(self.param_groups[0]["betas"][1]),
        step(self, *a),
    )[1]
    try:
        trainer.fit()
    finally:
        torch.optim.Adam.step = step  # type: ignore[method-assign]
    assert seen[0] == pytest.approx(0.9)
    # The last of four rounds begins after three quarters.
    assert seen[-1] == pytest.approx(
        Optimizer(1.0, betas=(0.0, 0.9), final_second_beta=0.99).betas_at(0.75)[1]
    )
    assert seen == sorted(seen)


def test_a_block_starts_as_the_identity_and_learns():
    block = ModernBlock(16, 2, depth=4)
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(block(x), x)
    assert block.mix.groups == 2
    block(x).square().sum().backward()
    assert block.narrow.weight.grad.abs().sum() > 0
    deviation = (block.widen.weight.std() / (2 / 16) ** 0.5).item()
    assert deviation == pytest.approx(4**-0.25, rel=0.15)


def test_resampling_filters_keep_means_and_lines():
    """Linear functions of the place stay linear; the highest frequency is halved away."""
    line = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 2, 8, 8)
    inner = doubled(line)[0, 0, 5, 1:-1]
    torch.testing.assert_close(inner.diff(), torch.full((13,), 0.5))
    torch.testing.assert_close(halved(line)[0, 0, 1, 1:-1], torch.tensor([2.5, 4.5]))
    checks = (-1.0) ** torch.arange(8.0).view(1, 1, 1, 8).expand(1, 2, 8, 8)
    assert halved(checks)[..., 1:-1].abs().max() < 1e-6


@pytest.mark.parametrize("size", [16, 64])
def test_shapes_and_the_variance_at_the_start(size):
    config = ModernConfig(size, 3, latent=16, width=16, growth=4, blocks=2)
    rng = torch.Generator().manual_seed(0)
    images = ModernGenerator(config).sample(8, rng=rng)
    assert images.shape == (8, 3, size, size)
    assert 0.1 < images.std() < 2
    trunk = ModernTrunk(config)
    # Images of few frequencies, since the filters remove noise.
    features = trunk(F.interpolate(torch.randn(8, 3, 4, 4), size))
    assert features.shape == (8, trunk.features)
    assert 0.1 < features.std() < 10
    assert config.depth == 2 * len(config.widths)


def test_what_does_not_fit_is_refused():
    players = build_networks(NetworkChoice("dcgan", width=2), DATA)
    with pytest.raises(UsageError, match="without batch normalisation"):
        r3gan.build(*players, R3GANMethod())
    players = build_networks(NetworkChoice("modern", width=2), DATA, packing=2)
    with pytest.raises(UsageError, match="R3GAN does not go with --packing"):
        r3gan.build(*players, R3GANMethod(), Techniques(packing=2))
    with pytest.raises(UsageError, match="width cannot be 0"):
        ModernConfig(width=0)
    with pytest.raises(UsageError, match="Did you mean 'pairs'"):
        game_of(R3GANMethod(objective="pair"))  # type: ignore[arg-type]

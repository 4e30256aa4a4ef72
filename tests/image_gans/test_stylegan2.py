"""StyleGAN2: path lengths of linear maps, the mean gradient of lazy penalties, and their Adam."""

import pytest
import torch
import torch.nn.functional as F

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.methods.modern import stylegan2
from image_gans.methods.modern.stylegan2 import PathLengths, StyleGAN2Method, path_lengths
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.game import Move, Phase
from seqgan_kit.core.penalties import gradient_norms
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

REAL = torch.linspace(-1, 1, 8 * 3 * 256).view(8, 3, 16, 16)
DATA = ImageData(size=16)


def game_of(
    method: StyleGAN2Method, techniques: Techniques = NO_TECHNIQUES, **choice: object
) -> AdversarialGame:
    torch.manual_seed(0)
    shape = {"network": "style", "width": 4, "latent": 5, "mapping": 2} | choice
    networks = build_networks(NetworkChoice(**shape), DATA)  # type: ignore[arg-type]
    return stylegan2.build(*networks, method, techniques)


def move(seed: int = 0) -> Move:
    return Move("adversarial", 0, 11, torch.Generator().manual_seed(seed))


def test_path_lengths_of_a_linear_generator_are_exact():
    """g(w_1..w_L) = A (w_1 + ... + w_L): the gradient of <g, y> is A'y in each layer, so the length is
    ||A'y||, and E ||A'y||^2 = ||A||_F^2 / (H W) for normal noise."""
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(3 * 16, 6, generator=rng, dtype=torch.float64)
    styles = torch.randn(4000, 2, 6, generator=rng, dtype=torch.float64).requires_grad_()
    images = (styles.sum(1) @ a.t()).view(4000, 3, 4, 4)
    noise = torch.randn(images.shape, generator=rng, dtype=torch.float64)
    lengths = path_lengths(images, styles, noise)
    torch.testing.assert_close(lengths, (noise.flatten(1) / 4 @ a).norm(dim=1))
    expected = a.square().sum() / 16
    assert lengths.square().mean().item() == pytest.approx(expected.item(), rel=0.05)


def test_the_penalty_moves_lengths_towards_their_mean():
    running = PathLengths(0.25)
    deviations = running.deviations(torch.tensor([2.0, 6.0]))
    assert deviations.tolist() == [1.0, 5.0]  # the mean is a quarter of 4
    assert running.deviations(torch.tensor([1.0])).tolist() == [0.0]


def test_the_losses_are_those_of_the_equations():
    method = StyleGAN2Method(r1_gamma=0.3, r1_every_rounds=7, path_length_every_rounds=3)
    game = game_of(method)
    judge = lambda x: game.discriminate(x).score  # noqa: E731
    fake = game.draw(8, {}, move().rng).detach()
    loss = game.discriminator_loss({"real": REAL}, move()).total
    expected = F.softplus(-judge(REAL)).mean() + F.softplus(judge(fake)).mean()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        game.generator_loss({"real": REAL}, move()).total, F.softplus(-judge(fake)).mean()
    )
    r1 = game.loss("r1_loss", {"real": REAL}, move())
    torch.testing.assert_close(
        r1.total, 7 * 0.15 * (gradient_norms(judge, REAL) ** 2).mean(), rtol=1e-4, atol=0
    )
    lengths = game.loss("path_length_loss", {"real": REAL}, move())
    torch.testing.assert_close(lengths.total, 3 * lengths.logs["path_length_penalty"])
    torch.testing.assert_close(
        game.players["path_lengths"].mean, 0.01 * lengths.logs["path_length"].detach()
    )


def played(phase: Phase, rounds: int) -> list[str]:
    return [
        turn.loss
        for number in range(rounds)
        for turn in phase.turns
        for _ in range(turn.moves_in(number, 1))
    ]


def test_the_mean_gradient_of_lazy_penalties_is_that_of_penalties_in_every_round():
    """Over k rounds, k main gradients and one of k times the penalty sum to k gradients of main + penalty."""
    every = 4
    method = StyleGAN2Method(r1_gamma=50.0, r1_every_rounds=every, path_length_weight=0.0)
    game = game_of(method)
    (phase,) = stylegan2.phases(ImageTraining(), method)
    losses = [name for name in played(phase, every) if name != "generator_loss"]
    assert losses == ["discriminator_loss", "r1_loss"] + ["discriminator_loss"] * (every - 1)
    parameters = list(game.discriminator.parameters())

    def gradient(total: torch.Tensor) -> torch.Tensor:
        found = torch.autograd.grad(total, parameters, materialize_grads=True)
        return torch.cat([g.flatten() for g in found])

    lazy = sum(gradient(game.loss(name, {"real": REAL}, move()).total) for name in losses) / every
    main = game.discriminator_loss({"real": REAL}, move()).total
    judge = lambda x: game.discriminate(x).score  # noqa: E731
    whole = gradient(main + 25.0 * (gradient_norms(judge, REAL) ** 2).mean())
    torch.testing.assert_close(lazy, whole, rtol=1e-3, atol=1e-5)
    assert (whole - gradient(game.discriminator_loss({"real": REAL}, move()).total)).norm() > 1e-3


def test_a_lazy_penalty_shares_adam_with_the_main_turn(new_run, monkeypatch):
    method = StyleGAN2Method(r1_every_rounds=3, path_length_every_rounds=2)
    training = ImageTraining(2e-3, 2e-3, betas=(0.5, 0.99), batch_size=4, epochs=3)
    run = new_run("stylegan2")
    phases = stylegan2.phases(training, method)
    trainer = Trainer(run, game_of(method), phases, run.feed({"real": REAL}, 4))
    main, r1, for_g, _ = phases[0].turns
    assert main.optimizer == r1.optimizer
    assert main.optimizer.learning_rate == pytest.approx(2e-3 * 3 / 4)
    assert main.optimizer.betas == (pytest.approx(0.5**0.75), pytest.approx(0.99**0.75))
    assert for_g.optimizer.betas[1] == pytest.approx(0.99 ** (2 / 3))
    followed = []
    monkeypatch.setattr(
        trainer.state.averages, "follow", lambda game, names: followed.append(names)
    )
    trainer.fit()
    assert [names[0] for names in followed] == 6 * ["discriminator", "generator"]
    assert len(trainer.state.stepper.state_dict()["optimizers"]) == 2
    # 6 rounds: 6 main moves and 2 of R1; 6 and 3 of the path length.
    assert trainer.state.stepper.state_dict()["moves"] == [8, 9]


def test_without_penalties_adam_is_as_set():
    method = StyleGAN2Method(r1_gamma=0.0, path_length_weight=0.0)
    (phase,) = stylegan2.phases(ImageTraining(betas=(0.0, 0.99)), method)
    assert [turn.loss for turn in phase.turns] == ["discriminator_loss", "generator_loss"]
    assert {turn.optimizer.betas for turn in phase.turns} == {(0.0, 0.99)}


def test_an_exported_generator_reproduces_and_is_truncated(tmp_path):
    generator = game_of(StyleGAN2Method()).generator
    for layer in generator.layers:
        layer.noise_strength.data.fill_(0.3)
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    z = generator.latents(3, torch.Generator().manual_seed(5))
    torch.testing.assert_close(model.generator(z), generator(z))
    images = model.images(4, seed=1)
    torch.testing.assert_close(model.images(2, seed=1), images[:2])
    torch.testing.assert_close(model.truncated(1.0).images(4, seed=1), images)
    spread = [model.truncated(psi).images(8).var(0).mean().item() for psi in (0.2, 0.8)]
    assert spread[0] < spread[1]
    with pytest.raises(UsageError, match="0 to 1"):
        model.truncated(2.0)
    with pytest.raises(UsageError, match="change nothing: this generator normalises its latent"):
        model.images(2, temperature=0.5)


def test_augmentation_reaches_the_penalty():
    game = game_of(StyleGAN2Method(), Techniques(augmentation="diffaugment"))
    first, second = (game.loss("r1_loss", {"real": REAL}, move(seed)).total for seed in (0, 1))
    assert not torch.equal(first, second)
    assert torch.equal(first, game.loss("r1_loss", {"real": REAL}, move(0)).total)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="choose --network style"):
        game_of(StyleGAN2Method(), network="dcgan", mapping=8)
    with pytest.raises(UsageError, match="StyleGAN2 does not go with --packing"):
        game_of(StyleGAN2Method(), Techniques(packing=2))
    with pytest.raises(UsageError, match="--r1-weight: it has R1 itself, with --r1-gamma"):
        game_of(StyleGAN2Method(), Techniques(r1_weight=1.0))

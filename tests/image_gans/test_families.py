"""GAN, WGAN, WGAN-GP, LSGAN and relativistic GANs: losses by hand, order of updates, refused settings."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from image_gans.methods import (
    acgan,
    dcgan,
    gan,
    lsgan,
    projection,
    relativistic,
    sagan,
    sngan,
    wgan,
    wgan_gp,
)
from image_gans.methods.modern import biggan
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Epochs, Move, check_phases
from seqgan_kit.core.training.cursor import rounds_of
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

SIZE = 16
REAL = torch.linspace(-1, 1, 8 * 3 * SIZE * SIZE).view(8, 3, SIZE, SIZE)
BATCH = {"real": REAL}


def players(norm: str = "none", **choice: object) -> tuple[nn.Module, Discriminator]:
    """Independent of batch mates, so that losses can be computed by hand from scores."""
    chosen = NetworkChoice(width=2, latent=5, discriminator_norm=norm, **choice)  # type: ignore[arg-type]
    return build_networks(chosen, ImageData(size=SIZE))


def move(seed: int = 0) -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(seed))


def losses(game: AdversarialGame) -> tuple[float, float, Tensor, Tensor]:
    """D's loss, G's loss, and the scores of reals and of the fakes that both saw, with D made to err."""
    generator, discriminator = game.players["generator"], game.players["discriminator"]
    with torch.no_grad():
        discriminator.score.weight.mul_(20)
        fake = generator.sample(8, rng=move().rng)
        real_scores = discriminator(REAL).score.double()
        fake_scores = discriminator(fake).score.double()
    first = game.discriminator_loss(BATCH, move()).total.item()
    return first, game.generator_loss(BATCH, move()).total.item(), real_scores, fake_scores


def log_d(scores: Tensor) -> Tensor:
    return scores.sigmoid().log()


GAN_LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "minimax": lambda s: log_d(-s),
    "non_saturating": lambda s: -log_d(s),
    "max_likelihood": lambda s: -s.exp(),
}


@pytest.mark.parametrize("name", GAN_LOSSES)
def test_gan_losses_by_hand(name):
    game = gan.build(*players(), gan.GANMethod(name, label_smoothing=0.1))
    of_d, of_g, real, fake = losses(game)
    wanted = -(0.9 * log_d(real) + 0.1 * log_d(-real)).mean() - log_d(-fake).mean()
    assert of_d == pytest.approx(wanted.item(), rel=1e-4)
    assert of_g == pytest.approx(GAN_LOSSES[name](fake).mean().item(), rel=1e-4)


@pytest.mark.parametrize("build", [wgan.build, wgan_gp.build])
def test_wasserstein_losses_by_hand(build):
    method = wgan.WGANMethod() if build is wgan.build else wgan_gp.WGANGPMethod()
    game = build(*players(), method)
    of_d, of_g, real, fake = losses(game)
    gap = (fake.mean() - real.mean()).item()
    logs = game.discriminator_loss(BATCH, move()).logs
    assert logs["score_gap"].item() == pytest.approx(-gap, rel=1e-4)
    assert "discriminator_accuracy" not in logs
    if build is wgan_gp.build:
        gap += logs["gradient_penalty"].item()
        assert logs["gradient_penalty"] > 0
    assert of_d == pytest.approx(gap, rel=1e-4)
    assert of_g == pytest.approx(-fake.mean().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("method", "targets"),
    [
        (lsgan.LSGANMethod(), (0, 1, 1)),
        (lsgan.LSGANMethod("boundary"), (0, 1, 0.5)),
        (lsgan.LSGANMethod("pearson"), (-1, 1, 0)),
        (lsgan.LSGANMethod(fake_target=1, real_target=0, generator_target=0.5), (1, 0, 0.5)),
        (lsgan.LSGANMethod("pearson", generator_target=1), (-1, 1, 1)),
    ],
)
def test_least_squares_by_hand(method, targets):
    a, b, c = targets
    of_d, of_g, real, fake = losses(lsgan.build(*players(), method))
    wanted = ((real - b) ** 2).mean() / 2 + ((fake - a) ** 2).mean() / 2
    assert of_d == pytest.approx(wanted.item(), rel=1e-4)
    assert of_g == pytest.approx((((fake - c) ** 2).mean() / 2).item(), rel=1e-4)


def test_boundary_targets_are_pearsons_on_another_scale():
    """With D' = 2D - 1 the losses with -1, 1, 0 are four times those with 0, 1, 1/2."""
    scores = torch.randn(9, dtype=torch.float64)
    boundary, pearson = (
        lsgan.build(*players(), lsgan.LSGANMethod(name)).objective
        for name in ("boundary", "pearson")
    )
    ours = boundary.discriminator(scores, scores.flip(0))
    theirs = pearson.discriminator(2 * scores - 1, 2 * scores.flip(0) - 1)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(4 * one, other)
    wanted = pearson.generator(2 * scores - 1, None)
    torch.testing.assert_close(4 * boundary.generator(scores, None), wanted)


INNER: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "cross_entropy": (lambda u: -log_d(u), lambda u: -log_d(-u)),
    "least_squares": (lambda u: (u - 1) ** 2 / 2, lambda u: (u + 1) ** 2 / 2),
    "hinge": (lambda u: (1 - u).clamp(min=0), lambda u: (1 + u).clamp(min=0)),
}


def test_relativistic_gans_take_r1():
    method = relativistic.RelativisticMethod()
    with pytest.raises(UsageError, match="r1 needs a discriminator without batch norm"):
        relativistic.build(*players("batch"), method, Techniques(r1_weight=10.0))


@pytest.mark.parametrize(
    ("training", "phases", "images", "rounds"),
    [
        (relativistic.PAPER, relativistic.phases, 50_000, 100_000),
        (biggan.PAPER, biggan.phases, 1_281_167, 140_000),
        (acgan.PAPER, acgan.phases, 13_000, 50_000),
        (sngan.PAPER, sngan.phases, 50_000, 100_000),
        (projection.PAPER, projection.phases, 1_281_167, 450_000),
        (sagan.PAPER, sagan.phases, 1_281_167, 1_000_000),
    ],
)
def test_a_papers_epochs_are_its_rounds(training, phases, images, rounds):
    (phase,) = phases(training)
    moves, batch = training.discriminator_moves, training.batch_size
    assert phase.rounds.count * images / batch / moves == pytest.approx(rounds, rel=0.002)


@pytest.mark.parametrize("inner", INNER)
def test_relativistic_average_losses_by_hand(inner):
    game = relativistic.build(*players(), relativistic.RelativisticMethod(inner))
    of_d, of_g, real, fake = losses(game)
    f, g = INNER[inner]
    wanted = f(real - fake.mean()).mean() + g(fake - real.mean()).mean()
    assert of_d == pytest.approx(wanted.item(), rel=1e-4)
    wanted = f(fake - real.mean()).mean() + g(real - fake.mean()).mean()
    assert of_g == pytest.approx(wanted.item(), rel=1e-4)


@pytest.mark.parametrize("inner", INNER)
def test_relativistic_pairs_by_hand(inner):
    game = relativistic.build(*players(), relativistic.RelativisticMethod(inner, "pairs"))
    of_d, of_g, real, fake = losses(game)
    f, _ = INNER[inner]
    assert of_d == pytest.approx(f(real - fake).mean().item(), rel=1e-4)
    assert of_g == pytest.approx(f(fake - real).mean().item(), rel=1e-4)


def test_moves_of_wgans_critic():
    """100 in the first 25 rounds and in every 500th, else 5."""
    (phase,) = wgan.phases(wgan.WGANMethod(), wgan.PAPER)
    critic, generator = phase.turns
    counts = [critic.moves_in(number, 1) for number in range(1200)]
    assert counts[:26] == [100] * 25 + [5]
    assert [n for n in range(26, 1200) if counts[n] != 5] == [500, 1000]
    assert {counts[500], counts[1000]} == {100}
    assert (critic.after_step, generator.after_step, generator.moves) == ("clip_weights", "", 1)
    assert (critic.optimizer.name, critic.optimizer.learning_rate) == ("rmsprop", 5e-5)
    plain = wgan.critic_moves(wgan.WGANMethod(long_rounds_first=0, long_round_every=0), 7)
    assert {plain(number) for number in range(1001)} == {7}


def test_epochs_of_wgan_count_its_long_rounds():
    training = ImageTraining(epochs=3, discriminator_moves=5, batch_size=2)
    method = wgan.WGANMethod(long_moves=20, long_rounds_first=2, long_round_every=0)
    (phase,) = wgan.phases(method, training)
    feed = TensorFeed({"real": torch.zeros(40, 1)}, 2, seed=0)
    assert rounds_of(phase, {"train": feed}) == 2 + (60 - 40) // 5


@pytest.mark.parametrize("norm", ["auto", "none"])
def test_wgan_clips_after_every_step_of_d_and_of_d_alone(norm, new_run):
    """Steps of 0.1 leave [-0.01, 0.01]; what is seen after a move was clipped after its step."""
    training = ImageTraining(
        discriminator_learning_rate=0.1,
        generator_learning_rate=0.1,
        optimizer="rmsprop",
        discriminator_moves=2,
        batch_size=4,
    )
    method = wgan.WGANMethod(long_rounds_first=0, long_round_every=0)
    game = wgan.build(*players(norm), method)
    (phase,) = wgan.phases(method, training)
    trainer = Trainer(new_run(), game, [phase], TensorFeed(BATCH, 4, seed=0))
    game.train()
    for turn in phase.turns:
        trainer._make_move(turn, Move(phase.name, 0, 1, trainer.state.rng), 0.0)
        sizes = [p.abs().max().item() for p in game.players["discriminator"].parameters()]
        assert max(sizes) == pytest.approx(0.01)
    assert max(p.abs().max() for p in game.players["generator"].parameters()) > 0.05


def test_the_first_step_of_rmsprop_is_ten_times_the_rate():
    """Its mean square starts at 0: after one gradient g it is 0.01 g^2, and g / (0.1 |g|) = 10."""
    (phase,) = wgan.phases(wgan.WGANMethod(), wgan.PAPER)
    weight = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = phase.turns[0].optimizer.build([weight])
    before = weight.detach().clone()
    weight.grad = torch.tensor([0.5, -40.0])
    optimizer.step()
    torch.testing.assert_close(
        before - weight.detach(), torch.tensor([5e-4, -5e-4]), rtol=1e-3, atol=0
    )


def test_batch_norm_under_a_penalty_is_refused_with_the_reason():
    with pytest.raises(
        UsageError, match=r"batch normalisation mixes samples\. Use layer or instance"
    ):
        wgan_gp.build(*players("auto"), wgan_gp.WGANGPMethod())
    with pytest.raises(UsageError, match="penalty_weight is 0; it must be above 0"):
        wgan_gp.WGANGPMethod(0)


def test_the_papers_settings():
    assert (wgan.PAPER.discriminator_moves, wgan.PAPER.batch_size) == (5, 64)
    settings = wgan_gp.PAPER
    assert (settings.betas, settings.discriminator_moves) == ((0.0, 0.9), 5)
    assert settings.generator_learning_rate == settings.discriminator_learning_rate == 1e-4
    assert wgan_gp.WGANGPMethod().penalty_weight == 10
    assert wgan.WGANMethod().clip == 0.01


BUILT: dict[str, Callable[[tuple[nn.Module, Discriminator]], AdversarialGame]] = {
    "gan": lambda both: gan.build(*both, gan.GANMethod()),
    "dcgan": lambda both: dcgan.build(*both, dcgan.DCGANMethod()),
    "wgan": lambda both: wgan.build(*both, wgan.WGANMethod()),
    "lsgan": lambda both: lsgan.build(*both, lsgan.LSGANMethod()),
    "relativistic": lambda both: relativistic.build(*both, relativistic.RelativisticMethod()),
    "wgan_gp": lambda both: wgan_gp.build(*both, wgan_gp.WGANGPMethod()),
}


@pytest.mark.parametrize("name", BUILT)
def test_no_normalised_batch_holds_reals_and_fakes(name):
    """With batch norm D is asked twice; without, once (and for the penalty), and the scores are the same."""
    norm = "layer" if name == "wgan_gp" else "auto"
    game = BUILT[name](players(norm))
    trunk = game.players["discriminator"].trunk
    seen: list[int] = []
    trunk.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    game.discriminator_loss(BATCH, move())
    assert seen == ([16, 8] if name == "wgan_gp" else [8, 8])
    game = BUILT[name](players("none"))
    together = game.discriminator_loss(BATCH, move()).total
    game.players["discriminator"].trunk.rows_are_independent = False
    torch.testing.assert_close(together, game.discriminator_loss(BATCH, move()).total)


@pytest.mark.parametrize("name", ["gan", "dcgan", "wgan", "lsgan", "relativistic"])
def test_generator_statistics_stand_still_in_ds_turn_and_when_sampled(name, new_run):
    training = ImageTraining(batch_size=4)
    game = BUILT[name](players("auto"))
    phase = dcgan.phases(training)[0]
    trainer = Trainer(new_run(), game, [phase], TensorFeed(BATCH, 4, seed=0))
    game.train()
    generator = game.players["generator"]

    def statistics() -> list[Tensor]:
        return [buffer.clone() for buffer in generator.buffers()]

    before = statistics()
    trainer._make_move(phase.turns[0], Move(phase.name, 0, 1, trainer.state.rng), 0.0)
    with torch.no_grad(), evaluating(game):
        game.sample(5, rng=trainer.state.rng)
    assert all(torch.equal(a, b) for a, b in zip(before, statistics(), strict=True))
    trainer._make_move(phase.turns[1], Move(phase.name, 0, 1, trainer.state.rng), 0.0)
    assert not all(torch.equal(a, b) for a, b in zip(before, statistics(), strict=True))


@pytest.mark.parametrize("moves", [1, 3])
def test_gan_plays_k_moves_of_d_for_one_of_g(moves):
    (phase,) = gan.phases(replace(gan.PAPER, discriminator_moves=moves))
    assert [turn.moves for turn in phase.turns] == [moves, 1]
    assert phase.rounds == Epochs(250)
    check_phases(BUILT["gan"](players()), (phase,), {"train": object()})


@pytest.mark.parametrize(
    ("build", "method", "message"),
    [
        (gan.build, lambda: gan.GANMethod("minmax"), "Did you mean 'minimax'"),
        (
            gan.build,
            lambda: gan.GANMethod(label_smoothing=1),
            "label_smoothing is 1; it must be 0 or more and below 1",
        ),
        (lsgan.build, lambda: lsgan.LSGANMethod("perason"), "Did you mean 'pearson'"),
        (
            lsgan.build,
            lambda: lsgan.LSGANMethod(real_target=0),
            "both 0, but must differ",
        ),
        (
            relativistic.build,
            lambda: relativistic.RelativisticMethod("hing"),
            "Did you mean 'hinge'",
        ),
        (
            relativistic.build,
            lambda: relativistic.RelativisticMethod("hinge", "pair"),
            "Did you mean 'pairs'",
        ),
    ],
)
def test_wrong_choices_are_refused(build, method, message):
    with pytest.raises(UsageError, match=message):
        build(*players(), method())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clip": 0}, "clip is 0; it must be above 0"),
        ({"long_moves": 0}, "long_moves is 0; it must be at least 1"),
        ({"long_round_every": -1}, "long_round_every is -1; it must be 0 or more"),
    ],
)
def test_wgans_settings_are_checked(settings, message):
    with pytest.raises(UsageError, match=message):
        wgan.WGANMethod(**settings)


def test_minimax_leaves_g_without_a_slope_where_d_is_sure_and_the_others_do_not():
    """The gradient of G's loss when D gives every fake -30: none by minimax, of full size non-saturating."""
    sizes = {}
    for name in GAN_LOSSES:
        torch.manual_seed(0)
        game = gan.build(*players(), gan.GANMethod(name))
        with torch.no_grad():
            game.players["discriminator"].score.bias.fill_(-30)
        loss = game.generator_loss(BATCH, move()).total
        slopes = torch.autograd.grad(loss, list(game.players["generator"].parameters()))
        sizes[name] = math.sqrt(sum(s.square().sum().item() for s in slopes))
    assert sizes["minimax"] < 1e-10 * sizes["non_saturating"]
    assert sizes["max_likelihood"] < 1e-10 * sizes["non_saturating"]
    assert sizes["non_saturating"] > 1e-4

"""BEGAN: the balance moves exactly as its equation says, and the losses are the paper's."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from image_gans.methods.began import (
    Balance,
    BEGANGame,
    BEGANMethod,
    build,
    global_measure,
    next_k,
    phases,
)
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import normalised
from seqgan_kit.errors import UsageError

DATA = ImageData(size=16)
METHOD = BEGANMethod()
CHOICE = NetworkChoice("autoencoder", width=4, latent=5)
TRAINING = ImageTraining(batch_size=8, epochs=2, generator_learning_rate=1e-3)


def game_of(method: BEGANMethod = METHOD, techniques: Techniques = NO_TECHNIQUES) -> BEGANGame:
    game = build(*build_networks(CHOICE, DATA), method, techniques)
    assert isinstance(game, BEGANGame)
    return game


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize(
    ("k", "real", "fake", "wanted"),
    [
        (0.2, 0.3, 0.1, 0.2 + 0.01 * (0.5 * 0.3 - 0.1)),
        (0.2, 0.3, 0.2, 0.2 + 0.01 * (0.5 * 0.3 - 0.2)),
        (0.2, 0.4, 0.2, 0.2),  # in balance
        (0.0, 0.1, 0.9, 0.0),
        (0.999, 1.0, 0.0, 1.0),
    ],
)
def test_k_follows_its_equation_and_stays_within_its_bounds(k, real, fake, wanted):
    result = next_k(scalar(k), scalar(real), scalar(fake), gamma=0.5, rate=0.01)
    assert result.item() == pytest.approx(wanted, abs=1e-12)


def test_k_stays_between_0_and_1_whatever_the_errors():
    k, rng = scalar(0.0), torch.Generator().manual_seed(0)
    reached = set()
    for _ in range(2000):
        real, fake = torch.rand(2, generator=rng, dtype=torch.float64) * 4
        k = next_k(k, real, fake, gamma=0.5, rate=0.5)
        assert 0 <= k <= 1
        reached.add(k.item())
    assert {0.0, 1.0} <= reached
    assert len(reached) > 10


def test_the_balance_is_reached():
    """A larger k makes D reconstruct fakes worse, so k converges to L(G(z)) = gamma L(x)."""
    k = scalar(0.0)
    for _ in range(5000):
        k = next_k(k, scalar(0.2), 0.3 * k, gamma=0.5, rate=0.01)
    assert 0.3 * k.item() == pytest.approx(0.5 * 0.2, abs=1e-6)


def test_the_global_measure():
    assert global_measure(scalar(0.3), scalar(0.1), 0.5).item() == pytest.approx(0.3 + 0.05)
    assert global_measure(scalar(0.3), scalar(0.25), 0.5).item() == pytest.approx(0.3 + 0.1)


def error(game: BEGANGame, x: Tensor) -> Tensor:
    """L(x) as the mean over images, channels and pixels."""
    return (x - game.players["discriminator"].trunk.reconstructed(x)).abs().mean()


def test_the_losses_are_those_of_the_docstring(move):
    game, real = game_of(), torch.rand(8, 3, 16, 16) * 2 - 1
    game.balance.k.fill_(0.3)
    with torch.no_grad():
        fake = game.sample(8, rng=torch.Generator().manual_seed(0))
        real_error, fake_error = error(game, real), error(game, fake)
    loss = game.discriminator_loss({"real": real}, move)
    assert loss.total.item() == pytest.approx((real_error - 0.3 * fake_error).item(), rel=1e-4)
    move.rng.manual_seed(0)
    loss = game.generator_loss({"real": real}, move)
    assert loss.total.item() == pytest.approx(fake_error.item(), rel=1e-4)
    assert game.balance.real_error.item() == pytest.approx(real_error.item(), rel=1e-4)
    assert game.balance.fake_error.item() == pytest.approx(fake_error.item(), rel=1e-4)


def test_with_k_0_fakes_do_not_matter_to_d(move):
    game, real = game_of().double(), torch.rand(8, 3, 16, 16).double() * 2 - 1
    parameters = list(game.players["discriminator"].parameters())
    gradients = torch.autograd.grad(game.discriminator_loss({"real": real}, move).total, parameters)
    wanted = torch.autograd.grad(error(game, real), parameters)
    torch.testing.assert_close(gradients, wanted, rtol=1e-10, atol=1e-12)


@dataclass(frozen=True)
class Config:
    run: RunSettings


def train(folder: Path, training: ImageTraining, *, resume: bool = False) -> BEGANGame:
    pictures = torch.randint(
        0, 256, (24, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    where = {"resume": folder} if resume else {"out": folder}
    settings = RunSettings(seed=3, quiet=True, device="cpu", **where)  # type: ignore[arg-type]
    with open_run("began", Config(settings)) as run:
        torch.manual_seed(3)
        game = game_of(BEGANMethod(balance_rate=0.1))
        feed = run.feed({"real": pictures}, training.batch_size, normalised)
        trained = Trainer(run, game, phases(training), feed).fit()
    assert isinstance(trained, BEGANGame)
    return trained


def test_a_run_moves_k_by_the_errors_that_it_met(tmp_path):
    game = train(tmp_path / "run", TRAINING)
    rows = [
        json.loads(row) for row in (tmp_path / "run" / "metrics.jsonl").read_text().split("\n")[:-1]
    ]
    rounds = [row["values"] for row in rows if row["kind"] == "train"]
    assert len(rounds) == 6
    k = 0.0
    for seen in rounds:
        step = 0.1 * (0.5 * seen["real_error"] - seen["fake_error"])
        k = min(1.0, max(0.0, k + step))
        assert seen["k"] == pytest.approx(k, rel=1e-4)
        assert seen["generator_loss"] == pytest.approx(seen["fake_error"], rel=1e-5)
        measure = seen["real_error"] + abs(0.5 * seen["real_error"] - seen["fake_error"])
        assert seen["m_global"] == pytest.approx(measure, rel=1e-4)
    assert k > 0
    assert game.balance.k.item() == pytest.approx(k, rel=1e-4)


def test_a_resumed_run_keeps_its_balance(tmp_path):
    """The balance has no parameters, so every process keeps its own; the checkpoint holds it."""
    whole = train(tmp_path / "whole", TRAINING)
    saving = replace(TRAINING, save_every_rounds=4)
    train(tmp_path / "cut", saving)
    *_, before, last = sorted((tmp_path / "cut" / "checkpoints").glob("move-*.pt"))
    last.unlink()  # as after a power cut
    assert before.stem.endswith("012")
    resumed = train(tmp_path / "cut", saving, resume=True)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_whose_turn_it_is():
    (phase,) = phases(TRAINING)
    assert [turn.players for turn in phase.turns] == [
        ("discriminator", "balance"),
        ("generator", "balance"),
        ("balance",),
    ]
    game = game_of()
    assert game.private_players() == ("balance",)
    assert set(dict(game.balance.named_buffers())) == {"k", "real_error", "fake_error"}
    assert Balance(BEGANMethod()).k == 0


def test_techniques_that_fit_and_those_that_do_not(move):
    game = game_of(techniques=Techniques(historical_averaging=0.1, instance_noise=0.1))
    real = torch.rand(4, 3, 16, 16)
    loss = game.generator_loss({"real": real}, move)
    assert game.balance.fake_error.item() == pytest.approx(loss.logs["generator_loss"].item())
    for techniques in (Techniques(unrolled_steps=2), Techniques(feature_matching=True)):
        with pytest.raises(UsageError, match="BEGAN does not go with --"):
            game_of(techniques=techniques)


def test_a_discriminator_that_rebuilds_nothing_is_refused():
    players = build_networks(NetworkChoice("dcgan", width=2), DATA)
    with pytest.raises(UsageError, match="choose --network autoencoder"):
        build(*players, BEGANMethod())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gamma": 1.5}, r"gamma is 1\.5; it must be 0 or more and at most 1"),
        ({"balance_rate": 0.0}, r"balance_rate is 0\.0; it must be above 0"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        BEGANMethod(**settings)

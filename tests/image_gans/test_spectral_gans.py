"""SNGAN and SAGAN as games: losses, what is normalised, and runs that resume exactly."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.methods import sagan, sngan
from image_gans.methods.sngan import SNGANMethod
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.schedule import ImageTraining, averages
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.discriminator import evaluating, frozen
from seqgan_kit.core.game import Epochs, Game
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Hooks, Trainer
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import normalised
from seqgan_kit.errors import UsageError

DATA = ImageData(size=16)
RESNET = NetworkChoice("resnet", width=8, latent=5, attention=8, discriminator_norm="spectral")
DCGAN = NetworkChoice("dcgan", width=2, latent=5, discriminator_norm="none")
TRAINING = ImageTraining(batch_size=8, epochs=2, evaluate_every_rounds=1, average_decay=0.9)


def normalised_weights(module: nn.Module) -> set[bool]:
    kinds = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
    return {is_parametrized(m, "weight") for m in module.modules() if isinstance(m, kinds)}


@pytest.mark.parametrize("choice", [RESNET, DCGAN], ids=["resnet", "dcgan"])
def test_sngan_normalises_any_discriminator_and_not_the_generator(choice):
    game = sngan.build(*build_networks(choice, DATA), SNGANMethod())
    assert normalised_weights(game.players["discriminator"]) == {True}
    assert normalised_weights(game.players["generator"]) == {False}
    both = sngan.build(*build_networks(choice, DATA), SNGANMethod(spectral_generator=True))
    assert normalised_weights(both.players["generator"]) == {True}


@pytest.mark.parametrize("method", ["sngan", "sagan"])
def test_a_layer_that_would_undo_the_bound_is_refused(method):
    players, techniques = build_networks(RESNET, DATA), Techniques(minibatch_kernels=3)
    build = partial(sngan.build, *players, SNGANMethod()) if method == "sngan" else None
    with pytest.raises(UsageError, match=r"does not go with --minibatch-kernels.*Lipschitz"):
        (build or partial(sagan.build, *players))(techniques)


@pytest.mark.parametrize("method", ["sngan", "sagan"])
def test_the_losses_are_the_hinge(method, move):
    players = build_networks(RESNET, DATA)
    game = sngan.build(*players, SNGANMethod()) if method == "sngan" else sagan.build(*players)
    generator, discriminator = game.players["generator"], game.players["discriminator"]
    real = torch.rand(8, 3, 16, 16) * 2 - 1
    with frozen(generator, discriminator):
        with torch.no_grad():
            fake = generator.sample(8, rng=torch.Generator().manual_seed(0))
            real_score, fake_score = discriminator(real).score, discriminator(fake).score
        wanted = (1 - real_score).clamp(min=0).mean() + (1 + fake_score).clamp(min=0).mean()
        loss = game.discriminator_loss({"real": real}, move).total
        assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
        move.rng.manual_seed(0)
        loss = game.generator_loss({"real": real}, move).total
        assert loss.item() == pytest.approx(-fake_score.mean().item(), rel=1e-4, abs=1e-5)


def test_the_papers_settings():
    (phase,) = sngan.phases(sngan.PAPER)
    discriminator, generator = phase.turns
    assert (discriminator.moves, generator.moves, phase.rounds) == (5, 1, Epochs(640))
    for turn in phase.turns:
        assert (turn.optimizer.learning_rate, turn.optimizer.betas) == (2e-4, (0.0, 0.9))
        assert turn.optimizer.rate_at(0.5, 10) == pytest.approx(1e-4)
    (phase,) = sagan.phases(sagan.PAPER)
    assert [turn.optimizer.learning_rate for turn in phase.turns] == [4e-4, 1e-4]
    assert [turn.moves for turn in phase.turns] == [1, 1]


def test_sagan_normalises_both_and_wants_attention_in_both():
    game = sagan.build(*build_networks(RESNET, DATA))
    assert normalised_weights(game) == {True}
    plain = build_networks(NetworkChoice("resnet", width=4, latent=5), DATA)
    with pytest.raises(UsageError, match=r"generator has no self-attention.*--attention 8"):
        sagan.build(*plain)
    with pytest.raises(UsageError, match="discriminator has no self-attention"):
        sagan.build(build_networks(RESNET, DATA)[0], plain[1])


@pytest.mark.parametrize("norm", ["batch", "layer", "instance"])
def test_other_norms_in_d_are_refused(norm):
    players = build_networks(NetworkChoice("dcgan", width=2, discriminator_norm=norm), DATA)
    with pytest.raises(UsageError, match=r"undoes that.*--discriminator-norm spectral"):
        sngan.build(*players, SNGANMethod())


def test_a_wrong_objective_is_named():
    with pytest.raises(UsageError, match="Did you mean 'hinge'"):
        sngan.build(*build_networks(DCGAN, DATA), SNGANMethod(objective="hinges"))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Config:
    run: RunSettings


class PowerCutError(Exception):
    pass


def train(folder: Path, *, rounds_before_cut: int = 0, resume: bool = False) -> Game:
    """Six rounds of SAGAN on 24 images, or a power cut before."""
    seen: list[int] = []

    def evaluate(game: Game, rng: torch.Generator) -> dict[str, float]:
        seen.append(len(game.sample(2, rng=rng)))
        if len(seen) == rounds_before_cut:
            raise PowerCutError("power cut")
        return {"drawn": 2.0}

    rng = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (24, 3, 16, 16), dtype=torch.uint8, generator=rng)
    where = {"resume": folder} if resume else {"out": folder}
    settings = RunSettings(seed=3, quiet=True, device="cpu", **where)  # type: ignore[arg-type]
    with open_run("sagan", Config(settings)) as run:
        torch.manual_seed(3)
        game = sagan.build(*build_networks(RESNET, DATA))
        feed = run.feed({"real": pictures}, TRAINING.batch_size, normalised)
        phases = sagan.phases(ImageTraining(**(vars(TRAINING) | {"save_every_rounds": 2})))
        return Trainer(run, game, phases, feed, Hooks(evaluate), averages(TRAINING)).fit()


def test_a_cut_and_resumed_run_ends_bit_for_bit_where_a_whole_one_ends(tmp_path):
    """The vectors of the power iterations, those of the average too, are in the checkpoint."""
    whole = train(tmp_path / "whole")
    with pytest.raises(PowerCutError, match="power cut"):
        train(tmp_path / "cut", rounds_before_cut=3)
    resumed = train(tmp_path / "cut", resume=True)
    vectors = [name for name in whole.state_dict() if name.endswith(("._u", "._v"))]
    assert {name.split(".")[1] for name in vectors} == {"generator", "discriminator"}
    assert whole.state_dict().keys() == resumed.state_dict().keys()
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_the_averaged_generator_is_exported_with_plain_weights(tmp_path):
    game = train(tmp_path / "run")
    generator = game.players["generator"]
    save_image_model(tmp_path / "run" / "model", generator)
    model = load_image_model(tmp_path / "run")
    z = torch.randn(3, 5)
    with torch.no_grad(), evaluating(generator):
        torch.testing.assert_close(model.generator(z), generator(z), rtol=1e-4, atol=1e-5)
    assert normalised_weights(model.generator) == {False}

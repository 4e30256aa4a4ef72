"""A DCGAN run that was killed and resumed ends exactly like an uninterrupted one."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.methods.dcgan import DCGANMethod, build, phases
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator, dcgan_discriminator
from image_gans.schedule import ImageTraining, averages
from seqgan_kit.core.game import Game
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Hooks, Trainer
from seqgan_kit.data.images.image_corpus import normalised
from seqgan_kit.errors import CheckpointError

TRAINING = ImageTraining(
    batch_size=8, epochs=2, evaluate_every_rounds=1, save_every_rounds=2, average_decay=0.9
)


@dataclass(frozen=True)
class Config:
    run: RunSettings


class PowerCutError(Exception):
    pass


def train(
    folder: Path, *, rounds_before_cut: int = 0, resume: bool = False, channels: int = 3
) -> Game:
    """Six rounds on 24 images, or a power cut before."""
    seen: list[int] = []

    def evaluate(game: Game, rng: torch.Generator) -> dict[str, float]:
        seen.append(len(game.sample(2, rng=rng)))
        if len(seen) == rounds_before_cut:
            raise PowerCutError("power cut")
        return {"drawn": 2.0}

    pictures = torch.randint(
        0,
        256,
        (24, channels, 16, 16),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0),
    )
    where = {"resume": folder} if resume else {"out": folder}
    settings = RunSettings(seed=3, quiet=True, device="cpu", **where)
    with open_run("dcgan", Config(settings)) as run:
        shape = DCGANConfig(size=16, channels=channels, width=2, latent=5)
        game = build(DCGANGenerator(shape), dcgan_discriminator(shape), DCGANMethod())
        feed = run.feed({"real": pictures}, TRAINING.batch_size, normalised)
        trainer = Trainer(
            run, game, phases(TRAINING), feed, Hooks(evaluate), averages=averages(TRAINING)
        )
        return trainer.fit()


def test_a_cut_and_resumed_run_ends_bit_for_bit_where_a_whole_one_ends(tmp_path):
    whole = train(tmp_path / "whole")
    with pytest.raises(PowerCutError, match="power cut"):
        train(tmp_path / "cut", rounds_before_cut=3)
    resumed = train(tmp_path / "cut", resume=True)
    assert whole.state_dict().keys() == resumed.state_dict().keys()
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_the_averaged_generator_is_what_is_exported(tmp_path):
    game = train(tmp_path / "run")
    save_image_model(tmp_path / "run" / "model", game.players["generator"])
    model = load_image_model(tmp_path / "run")
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        expected = game.players["generator"](model.generator.latents(3, rng))
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        torch.testing.assert_close(model.generator(model.generator.latents(3, rng)), expected)


def test_grey_pictures_do_not_go_into_a_run_of_coloured_ones_and_leave_it_as_it_was(tmp_path):
    with pytest.raises(PowerCutError, match="power cut"):
        train(tmp_path / "run", rounds_before_cut=3)
    before = (tmp_path / "run" / "config.json").read_text()
    message = r"generator's layers.*weight has shape \[2, 3, 4, 4\] there and \[2, 1, 4, 4\] here\. Resume"
    with pytest.raises(CheckpointError, match=message):
        train(tmp_path / "run", resume=True, channels=1)
    assert (tmp_path / "run" / "config.json").read_text() == before
    train(tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "config.json").read_text() != before

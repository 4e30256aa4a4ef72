"""``sk.Trainer``: without a folder, with one, and with callbacks."""

import os
import signal
import tempfile

import pytest
import torch
from torch import nn

import seqgan_kit as sk
from seqgan_kit.errors import Interrupted, UsageError


class Points(nn.Linear):
    def sample(self, n, *, rng):
        return self(torch.randn(n, 2, generator=rng))


def parts(rounds: int = 6):
    torch.manual_seed(0)
    critic = sk.Discriminator(nn.Linear(2, 4), features=4)
    game = sk.AdversarialGame(Points(2, 2), critic, sk.objectives.non_saturating())
    step = sk.Optimizer(1e-2)
    turns = (
        sk.Turn(("discriminator",), loss="discriminator_loss", optimizer=step),
        sk.Turn(("generator",), loss="generator_loss", optimizer=step),
    )
    feed = sk.TensorFeed({"real": torch.randn(32, 2)}, batch_size=8, seed=0)
    return game, [sk.Phase("play", turns, rounds=rounds, keep=True)], feed


def test_nothing_stays_on_disk_without_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    trainer = sk.Trainer(*parts(), quiet=True)
    game = trainer.fit()
    assert not game.training
    assert isinstance(trainer.player_after("play", "generator"), Points)
    del trainer
    assert [p.name for p in tmp_path.iterdir()] == ["temporary"]
    assert list((tmp_path / "temporary").glob("seqgan-kit-*")) == []


def test_out_keeps_a_run_that_resumes(tmp_path):
    whole = sk.Trainer(*parts(), out=tmp_path / "whole", quiet=True).fit()
    assert (tmp_path / "whole" / "report.html").is_file()
    stopped = sk.Trainer(*parts(), out=tmp_path / "part", callbacks=[stop_after(3)], quiet=True)
    with pytest.raises(Interrupted, match="Stopped by SIGTERM"):
        stopped.fit()
    del stopped
    with pytest.raises(UsageError, match="is not empty"):
        sk.Trainer(*parts(), out=tmp_path / "part")
    game = sk.Trainer(*parts(), out=tmp_path / "part", resume=True, quiet=True).fit()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, game.state_dict()[name]), name


def stop_after(rounds: int):
    def callback(report):
        if report.round == rounds:
            os.kill(os.getpid(), signal.SIGTERM)

    return callback


def test_fit_goes_on_after_an_interruption():
    trainer = sk.Trainer(*parts(), callbacks=[stop_after(2)], quiet=True)
    with pytest.raises(Interrupted, match=r"Call fit\(\) again to go on"):
        trainer.fit()
    resumed = trainer.fit()
    whole = sk.Trainer(*parts(), quiet=True).fit()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_callbacks_hear_of_every_round_and_leave_no_trace():
    heard = []

    def callback(report):
        heard.append((report.phase, report.round, report.rounds, set(report.values)))
        report.game.sample(3, rng=torch.Generator().manual_seed(0))
        torch.rand(5)

    watched = sk.Trainer(*parts(3), callbacks=[callback], quiet=True).fit()
    assert [entry[:3] for entry in heard] == [("play", 1, 3), ("play", 2, 3), ("play", 3, 3)]
    assert {"discriminator_loss", "generator_loss"} <= heard[0][3]
    alone = sk.Trainer(*parts(3), quiet=True).fit()
    for name, value in alone.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name


def test_wrong_names_are_found_before_training(tmp_path):
    game, _, feed = parts()
    turn = sk.Turn(("nobody",), loss="generator_loss", optimizer=sk.Optimizer(1e-2))
    with pytest.raises(UsageError, match="unknown player 'nobody'"):
        sk.Trainer(game, [sk.Phase("play", (turn,))], feed, out=tmp_path / "run")
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").glob("*.json"))

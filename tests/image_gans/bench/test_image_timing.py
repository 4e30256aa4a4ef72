"""The image bench: the compared loops do the same work, and its output."""

import re

import pytest
import torch
from torch import nn

from image_gans.bench.image_setting import ImageSetting
from image_gans.bench.image_timing import (
    FlopCount,
    bare_loop,
    difference,
    image_report,
    round_flops,
    trainer_of,
)
from seqgan_kit.cli.main import main
from seqgan_kit.cli.tools import all_benches

TINY = {"size": 16, "batch": 4, "width": 2, "device": "cpu"}


@pytest.mark.parametrize("method", ["dcgan", "wgan_gp", "pix2pix"])
def test_the_hand_written_loop_ends_where_the_trainer_ends(method):
    setting = ImageSetting(method, **TINY)
    with trainer_of(setting) as trainer:
        bare = bare_loop(setting, trainer)
        start = [p.detach().clone() for p in bare.players["generator"].parameters()]
        assert difference(trainer.game, bare) == 0
        for _ in range(3):
            trainer.play_round(trainer.phases[0], 100)
            bare.play_round()
        assert difference(trainer.game, bare) < 1e-5
        assert any(
            not torch.equal(a, b)
            for a, b in zip(start, bare.players["generator"].parameters(), strict=True)
        )
        bare.play_round()
        assert difference(trainer.game, bare) > 1e-4


def test_operations_are_those_of_the_closed_form():
    """A linear layer [N,a] -> [N,b] takes 2Nab forwards, and as many for each of its two gradients."""
    layer, x = nn.Linear(5, 7), torch.randn(3, 5, requires_grad=True)
    with FlopCount() as counter:
        layer(x).sum().backward()
    assert counter.total == 3 * 2 * 3 * 5 * 7
    convolution = nn.Conv2d(2, 3, 4, 2, padding=1)
    with FlopCount() as counter:
        convolution(torch.randn(5, 2, 8, 8))
    assert counter.total == 2 * 5 * 3 * 16 * (2 * 16)


def test_a_penalty_costs_operations():
    counts = []
    for method in ("dcgan", "wgan_gp"):
        setting = ImageSetting(method, **TINY)
        with trainer_of(setting) as trainer:
            counts.append(round_flops(bare_loop(setting, trainer)))
    assert counts[1] > 5 * counts[0]


def test_the_report_says_ratio_feeding_floor_and_difference():
    printed = image_report(ImageSetting(repeats=3, **TINY))
    assert "dcgan: 16x16 pixels, width 2, batch 4, a round is 1 of D and 1 of G" in printed
    assert len(re.findall(r"\d+ images/s", printed)) == 2
    assert re.search(
        r"trainer / bare, turn by turn +[\d.]+ +\(smallest [\d.]+, largest [\d.]+\)", printed
    )
    assert re.search(r"data feeding +[\d.]+ ms, [\d.]+ % of a round", printed)
    assert re.search(r"floor: [\d.]+ GFLOP at \d+ GFLOP/s", printed)
    assert float(re.search(r"differ by ([\d.e+-]+) of", printed)[1]) < 1e-6


def test_options_are_measured_beside_the_trainer(monkeypatch):
    monkeypatch.setattr(nn.Module, "compile", lambda module: None)
    printed = image_report(ImageSetting(repeats=2, options=True, **TINY))
    for name in ("channels in front", "bf16", "compile"):
        assert re.search(rf"trainer, {name} .* [\d.]+ of the trainer's time", printed)


def test_what_this_machine_cannot_do_is_said(monkeypatch):
    def no_compiler(module, *inputs):
        raise RuntimeError("no C++ compiler\nand more")

    monkeypatch.setattr(
        nn.Module, "compile", lambda module: setattr(module, "forward", no_compiler)
    )
    printed = image_report(ImageSetting(repeats=1, options=True, **TINY))
    assert "  trainer, compile: unavailable (no C++ compiler)" in printed
    assert "trainer, bf16 " in printed


def test_the_command_finds_it_and_measures_both_methods(capsys, monkeypatch):
    if "image" not in all_benches():
        pytest.skip("the package was installed before it had this entry point")
    words = "--size 16 --batch 2 --width 2 --repeats 1 --threads 1"
    assert main(["bench", "image", *words.split()]) == 0
    printed = capsys.readouterr().out
    assert "dcgan: 16x16" in printed
    assert "wgan_gp: 16x16" in printed
    assert "pix2pix: 16x16" in printed
    assert main(["bench", "image", "--method", "pix2pix", *words.split()]) == 0
    assert "dcgan" not in capsys.readouterr().out
    assert main(["bench", "image", "--method", "pixpix"]) == 2
    assert "'pixpix'" in capsys.readouterr().err
    assert main(["bench", "image", "--size", "20"]) == 2
    assert "size cannot be 20. Allowed: 16, 32, 64, 128, 256" in capsys.readouterr().err

"""The discriminator's bench: the plain network's maths, the count of operations, what it prints."""

import re

import pytest
import torch

from seqgan_kit.bench.discriminator_timing import step_flops
from seqgan_kit.bench.plain_textcnn import PlainTextCNN
from seqgan_kit.cli.main import main
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig


@pytest.mark.parametrize("pad", [None, 0])
def test_the_plain_network_computes_the_same(pad):
    torch.manual_seed(0)
    trunk = TextCNN(TextCNNConfig(embedding=8, filters=((1, 5), (4, 6), (12, 3))), 30, 12, pad=pad)
    score = torch.nn.Linear(trunk.features, 1)
    torch.nn.init.normal_(trunk.highway.both.bias)
    plain, tokens = PlainTextCNN(trunk, score).double().eval(), torch.randint(0, 30, (6, 12))
    trunk.double().eval()
    score.double()
    torch.testing.assert_close(plain(tokens), score(trunk(tokens)).squeeze(1))
    plain(tokens).sum().backward()
    score(trunk(tokens)).sum().backward()
    for name in ("embedding", "convolutions.0", "convolutions.1", "convolutions.2"):
        for kind, found in trunk.get_submodule(name).named_parameters():
            expected = plain.get_submodule(name).get_parameter(kind).grad
            torch.testing.assert_close(found.grad, expected)


def test_operations_are_counted_by_hand():
    """Two filters of width 3 at T=5: 3 windows. Per sequence, E=4: 72 multiply-adds forward, 24 for winners;
    highway 2 * 2 * 2."""
    trunk = TextCNN(TextCNNConfig(embedding=4, filters=((3, 2),)), 9, 5, pad=None)
    assert step_flops(trunk, 10, sparse=True) == 2 * 10 * (72 + 2 * 24 + 3 * 8)
    assert step_flops(trunk, 10, sparse=False) == 2 * 10 * (72 + 2 * 72 + 3 * 8)


def test_the_bench_shows_both_ways_their_ratio_and_the_floor(capsys):
    sizes = "--batch 2 --length 10 --vocabulary 20 --repeats 1 --threads 1"
    assert main(["bench", "discriminator", *sizes.split()]) == 0
    printed = capsys.readouterr().out
    assert "V=20, T=10, 2 reals and 2 fakes per step, 1 threads" in printed
    assert len(re.findall(r"\d+ sequences/s", printed)) == 2
    assert re.search(r"ratio +[\d.]+ +\(smallest [\d.]+, largest [\d.]+\)", printed)
    assert re.search(r"floor: [\d.]+ GFLOP \(plain: [\d.]+\) at \d+ GFLOP/s [\d.]+ ms", printed)
    assert float(re.search(r"differ by ([\d.e+-]+)", printed)[1]) < 1e-4

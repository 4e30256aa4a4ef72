"""The measurements, at sizes of seconds: what they print, and what they leave as it was."""

import re

import pytest
import torch

from seqgan_kit.cli.main import main

Capture = pytest.CaptureFixture[str]


def measured(capsys: Capture, words: str) -> str:
    threads = torch.get_num_threads()
    assert main(["bench", *words.split(), "--threads", "1"]) == 0
    assert torch.get_num_threads() == threads
    return capsys.readouterr().out


def test_seqgan_shows_the_step_its_parts_and_its_floor(capsys: Capture) -> None:
    sizes = "--batch 2 --length 6 --vocabulary 50 --rollouts 4 --repeats 2"
    printed = measured(capsys, f"seqgan {sizes}")
    for words in ("turn 2 of 2", "V=50, T=6, batch 2, N=4, 1 threads", "plain", "library", "ratio"):
        assert words in printed
    for stage in ("sampling", "rollouts", "discriminator", "update"):
        assert re.search(rf"of which {stage} +[\d.]+ (s|ms)", printed)
    assert re.search(r"floor: \d+ GFLOP", printed)
    difference, expected = map(float, re.findall(r"(0\.\d+)(?=;| expected)", printed))
    assert 0 < difference < 10 * expected


def test_seqgan_with_given_tokens_shows_the_unconditional_step_too(capsys: Capture) -> None:
    sizes = "--batch 2 --length 6 --vocabulary 50 --rollouts 4 --repeats 2 --given 3"
    printed = measured(capsys, f"seqgan {sizes}")
    assert "V=50, T=6, batch 2, N=4, S=3, 1 threads" in printed
    for name in ("unconditional, library", "rnn_search 32/32, library"):
        assert re.search(rf"{name} +[\d.]+ (s|ms)", printed)
    assert re.search(r"given tokens takes [\d.]+ times .* attention to the source [\d.]+", printed)
    difference, expected = map(float, re.findall(r"(0\.\d+)(?=;| expected)", printed))
    assert 0 < difference < 10 * expected


@pytest.mark.parametrize("name", ["mle", "sampling"])
def test_generator_benches_show_both_ways_and_their_ratio(name: str, capsys: Capture) -> None:
    sizes = "--batch 3 --length 4 --vocabulary 30 --hidden 5 --repeats 3"
    printed = measured(capsys, f"{name} {sizes}")
    assert "LSTM 5/5, V=30, T=4, batch 3" in printed
    assert len(re.findall(r"\d+ sequences/s", printed)) == 2
    assert re.search(r"ratio +[\d.]+ +\(smallest [\d.]+, largest [\d.]+\)", printed)


def test_rollouts_show_three_ways_and_the_floor(capsys: Capture) -> None:
    sizes = "--batch 3 --length 6 --vocabulary 30 --rollouts 2"
    printed = measured(capsys, f"rollouts {sizes}")
    for words in ("LSTM 32/32", "caches rebuilt", "Transformer, library", "ratio", "floor: "):
        assert words in printed
    assert "100.00% of the completions are the same" in printed


def test_beam_finds_what_a_plain_search_finds(capsys: Capture) -> None:
    sizes = "--sources 5 --length 6 --given 4 --vocabulary 150 --hidden 8 --beam 3"
    printed = measured(capsys, f"beam {sizes}")
    for words in ("K=3, rnn_search 8/8, V=150, S=4, T=6, 5 sources", "library", "ratio"):
        assert words in printed
    assert re.search(r"1,000 sources take [\d.]+ s; 100.00% of the rows", printed)


def test_variance_has_a_row_for_every_estimator(capsys: Capture) -> None:
    sizes = (
        "--batch 3 --length 4 --vocabulary 30 --hidden 5 --estimates 2 --reals 64 --mle-epochs 1"
    )
    printed = measured(capsys, f"variance {sizes} --discriminator-moves 2")
    number = r"([\d.e+-]+)"
    row = rf"N=(\d+) +(\w+) +(\w+) +{number} +{number} +{number} +{number}\n"
    rows = re.findall(row, printed + "\n")
    assert [(int(n), *names) for n, *names in (found[:3] for found in rows)] == [
        (16, "none", "none"),
        (16, "batch", "none"),
        (4, "batch", "none"),
        (1, "batch", "none"),
        (0, "batch", "none"),
        (4, "moving_average", "none"),
        (4, "leave_one_out", "none"),
        (4, "critic", "none"),
        (4, "self_critical", "none"),
        (0, "none", "none"),
        (0, "none", "rebar"),
        (0, "none", "relax"),
        (0, "batch", "rebar"),
        (0, "batch", "relax"),
    ]
    assert rows[0][-1] == "1.000"
    assert all(float(found[3]) > 0 for found in rows)
    assert "discriminator accuracy" in printed


@pytest.mark.parametrize("name", ["seqgan", "mle", "sampling", "rollouts", "variance"])
def test_every_bench_has_help_and_refuses_nonsense(name: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["bench", name, "--help"])
    assert f"usage: seqgan-kit bench {name}" in capsys.readouterr().out
    assert main(["bench", name, "--length", "1"]) == 2
    assert "--length: must be a whole number of 2 or more, got '1'" in capsys.readouterr().err
    assert main(["bench", name, "--lenght", "9"]) == 2
    assert f"See 'seqgan-kit bench {name} --help'" in capsys.readouterr().err


def test_lm_shows_rollouts_fine_tuning_and_the_memory_of_a_large_vocabulary(
    capsys: Capture,
) -> None:
    pytest.importorskip("accelerate")
    sizes = "--batch 1 --length 4 --vocabulary 50 --width 64 --layers 1 --rollouts 2 --repeats 1"
    others = "--tuned-rows 2 --updates 2 --likelihood-vocabulary 5000 --likelihood-tokens 3000"
    printed = measured(capsys, f"lm {sizes} {others}")
    for words in (
        "GPT-2 of width 64, 1 layers, V=50, T=4",
        "generate for every prefix",
        "one sweep",
    ):
        assert words in printed
    assert len(re.findall(r"ratio +[\d.]+ +\(smallest [\d.]+, largest [\d.]+\)", printed)) == 3
    assert len(re.findall(r"\d+ tokens/s", printed)) == 2
    assert len(re.findall(r"cross_entropy of all logits|a few rows at a time", printed)) == 2
    for peak in re.findall(r"([\d,]+) MiB more", printed):
        assert 0 <= int(peak.replace(",", "")) < 500

"""Runs with sources: resumed exactly, on two processes, and refused before training."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from seqgan_kit.cli.main import main
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL
from seqgan_kit.sequences.sequence_game import SequenceGame

RECIPE = Path(__file__).parents[3] / "recipes" / "seqgan.py"
SIZES = """
    smoke --generator rnn_search --rnn-search.embedding 6 --rnn-search.hidden 6 --rnn-search.dropout 0
    --score-samples 10 --evaluation-samples 10 --bleu no --device cpu --source-tokenizer word --quiet
    --baseline critic --rollouts 2 --negatives 24 --mle-epochs 1 --valid-share 0.1 --test-share 0.1
"""


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    pairs = [
        (f"{a} {b}", f"{b[0].upper()} , {a}") for a in "abcdefgh" for b in ("u", "v w", "x y z")
    ]
    for name, side in (("source", 0), ("target", 1)):
        (folder / name).write_text("".join(f"{pair[side]}\n" for pair in pairs * 3))
    return ["--text", str(folder / "target"), "--sources", str(folder / "source")]


def weights(run):
    return {
        f"{name}.{key}": value
        for name in ("generator", "discriminator")
        for key, value in load_file(run / "model" / f"{name}.safetensors").items()
    }


def evaluations_of(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        (row["phase"], row["move"], row["values"]) for row in rows if row["kind"] == "evaluation"
    ]


def command(texts, out, *words):
    return ["run", "seqgan", *SIZES.split(), *texts, "--batch-size", "8", "--out", str(out), *words]


def train(texts, out, *words):
    assert main(command(texts, out, *words)) == 0


def test_a_run_that_is_stopped_twice_ends_as_one_that_was_not(texts, tmp_path, monkeypatch):
    """Stopped while negatives are drawn after the sources of a batch, in the second and third of 4 rounds."""
    train(texts, tmp_path / "whole", "--rounds", "4")
    draw, drawn = SequenceGame.draw_negatives, []

    def draw_and_stop(game, batch, move):
        draw(game, batch, move)
        if move.phase == ADVERSARIAL:
            drawn.append(move)
            if len(drawn) in (5, 8):
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(SequenceGame, "draw_negatives", draw_and_stop)
    parts = tmp_path / "parts"
    resume = ["run", "seqgan", "--resume", str(parts)]
    for words in (command(texts, parts, "--rounds", "4"), resume):
        with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
            main(words)
    assert main(resume) == 0
    found, expected = weights(parts), weights(tmp_path / "whole")
    assert found.keys() == expected.keys()
    assert all(value.equal(expected[name]) for name, value in found.items())
    assert evaluations_of(parts) == evaluations_of(tmp_path / "whole")


def test_two_processes_follow_one_and_finish(texts, tmp_path):
    """Pretraining on two batches of 4 is that on one of 8; then both processes play a round."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", str(RECIPE)]
    options = [
        *SIZES.split(),
        *texts,
        "--batch-size",
        "4",
        "--rounds",
        "1",
        "--out",
        str(tmp_path / "two"),
    ]
    done = subprocess.run(
        [*torchrun, *options],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    train(texts, tmp_path / "one", "--rounds", "1")
    two, one = (evaluations_of(tmp_path / name) for name in ("two", "one"))
    assert two[0][2]["nll_valid"] == pytest.approx(one[0][2]["nll_valid"], rel=1e-5)
    assert [phase for phase, *_ in two] == [phase for phase, *_ in one]

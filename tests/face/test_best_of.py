"""The best of several lines from Python and on the command line."""

from functools import partial

import numpy as np
import pytest

import seqgan_kit as sk
from seqgan_kit.cli.main import main
from seqgan_kit.errors import UsageError


def test_python_and_the_command_line_keep_the_same_lines(text_run, capsys):
    best = text_run.model.sample(6, best_of=4, seed=2)
    assert main(["sample", str(text_run.folder), "-n", "6", "--best-of", "4", "--seed", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == best
    # A model draws one row after the other, so these are the samples that were chosen from.
    drawn = text_run.model.sample(24, seed=2)
    scores = np.reshape(text_run.model.discriminator.score(drawn), (6, 4))
    assert best == [drawn[4 * i + j] for i, j in enumerate(scores.argmax(1))]


def test_the_table_has_rows_of_the_best_samples(text_file, tmp_path):
    run = sk.run(
        "seqgan",
        "smoke",
        text=text_file,
        out=tmp_path / "run",
        score_samples=20,
        best_of=(3,),
        quiet=True,
    )
    assert "SeqGAN best of 3" in run.scores
    with pytest.raises(UsageError, match="this method has none"):
        sk.run("mle", "smoke", text=text_file, out=tmp_path / "mle", best_of=(3,), quiet=True)


@pytest.mark.parametrize("method", ["rankgan", "dpgan"])
def test_a_discriminator_that_judges_no_line_by_itself_is_refused_and_not_saved(
    method, text_file, tmp_path
):
    """RankGAN's ranks a line among others, and DPGAN's is a language model."""
    run = partial(sk.run, method, "smoke", text=text_file, rounds=1, score_samples=20, quiet=True)
    with pytest.raises(UsageError, match="none that scores sentences by themselves"):
        run(out=tmp_path / "best", best_of=(3,))
    model = run(out=tmp_path / "run").model
    with pytest.raises(UsageError, match="has none that judges texts by itself"):
        _ = model.discriminator


def test_images_have_no_best_line(image_run, capsys):
    assert main(["sample", str(image_run.folder), "--best-of", "4"]) == 2
    assert "--best-of is for models that write text" in capsys.readouterr().err

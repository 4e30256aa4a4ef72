"""``seqgan-kit evaluate``: files and runs, stored results, and every error message."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from seqgan_kit import __version__
from seqgan_kit.cli.main import main
from seqgan_kit.core.runs.settings import to_dict
from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.text.load_text import TextCorpus, TextData, load_text
from seqgan_kit.evaluation.corpora.held_out import likelihood_of_test
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, load_corpus
from seqgan_kit.evaluation.text_export import save_text_model
from seqgan_kit.metrics.text.bleu import bleu
from seqgan_kit.report.evaluation_table import print_evaluation
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.generators.tempered import tempered

Capture = pytest.CaptureFixture[str]
PLAIN = ("--encoder", "none")
FILES = ("samples.txt", "--refs", "test.txt", "--train", "train.txt", *PLAIN)


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture(scope="module")
def captions() -> list[str]:
    return CatWorld().sample_many(1000, np.random.default_rng(0))


@pytest.fixture
def folder(tmp_path: Path, captions: list[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with samples, test and training text."""
    write(tmp_path / "samples.txt", captions[:100])
    write(tmp_path / "test.txt", captions[100:300])
    write(tmp_path / "train.txt", captions[300:700])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluated(capsys: Capture, *words: str) -> tuple[dict[str, Any], str]:
    """Return the JSON on standard output, and the messages on standard error."""
    assert main(["evaluate", *words, "--format", "json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def mistake(capsys: Capture, *words: str) -> str:
    assert main(["evaluate", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_files_are_scored_and_the_record_lies_beside_them(folder: Path, capsys: Capture) -> None:
    record, said = evaluated(capsys, *FILES)
    texts = [
        [line.split() for line in Path(f"{n}.txt").read_text().splitlines()]
        for n in ("samples", "test")
    ]
    assert record["rows"][0]["values"]["bleu3"] == pytest.approx(bleu(*texts)[3])
    assert [row["name"] for row in record["rows"]] == ["samples", "real text"]
    assert record == json.loads(Path("samples.txt.evaluation.json").read_text())
    assert said == "wrote samples.txt.evaluation.json\n"
    assert record["version"] == __version__


def test_a_second_call_computes_nothing(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very same inputs; another option or another line in a file is another evaluation."""
    first, _ = evaluated(capsys, *FILES)
    with monkeypatch.context() as patch:
        patch.setattr("seqgan_kit.evaluation.evaluate_text.evaluate_sentences", None)
        again, said = evaluated(capsys, *FILES)
    assert again == first
    assert said == (
        "samples.txt.evaluation.json already holds this evaluation; nothing was computed "
        "(--again recomputes it).\n"
    )
    assert "holds this" not in evaluated(capsys, *FILES, "--lowercase")[1]
    assert "holds this" not in evaluated(capsys, *FILES)[1]
    assert "holds this" not in evaluated(capsys, *FILES, "--again")[1]
    with Path("test.txt").open("a", encoding="utf-8") as file:
        file.write("one more cat\n")
    assert "holds this" not in evaluated(capsys, *FILES)[1]


def test_text_fits_eighty_columns(folder: Path, capsys: Capture) -> None:
    assert main(["evaluate", *FILES]) == 0
    record = json.loads(Path("samples.txt.evaluation.json").read_text())
    for width in (80, 120):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        print_evaluation(record, Console(file=out, width=width, highlight=False))
        out.seek(0)
        lines = out.read().splitlines()
        assert max(map(len, lines)) <= width
        text = "\n".join(lines)
        for column in record["columns"]:
            assert f"   {column['label']} " in text
        assert "! Few samples: 100 say little" in text
    out = capsys.readouterr().out
    assert "samples.txt: 100 samples and real text" in out
    assert "beside the test text" in out


def test_standard_input_gzip_and_several_files(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lines by other ways; from standard input nothing is written unless asked."""
    expected, _ = evaluated(capsys, *FILES)
    lines = Path("train.txt").read_text().splitlines()
    write(Path("a.txt"), lines[:150])
    Path("b.txt.gz").write_bytes(gzip.compress("\n".join(lines[150:]).encode()))
    content = Path("samples.txt").read_bytes()
    before = set(folder.iterdir())
    for out in ((), ("--out", "x.json")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        words = ("-", "--refs", "test.txt", "--train", "a.txt", "b.txt.gz", *PLAIN, *out)
        record, _ = evaluated(capsys, *words)
        assert record == expected
    assert set(folder.iterdir()) - before == {folder / "x.json"}


def test_characters_and_held_out_text(folder: Path, capsys: Capture, captions: list[str]) -> None:
    write(folder / "more.txt", captions[700:900])
    record, _ = evaluated(
        capsys, *FILES, "--tok", "char", "--held-out", "more.txt", "--sample", "50"
    )
    assert "tok:char|" in record["columns"][0]["signature"]
    assert any("50 held-out sentences instead of samples" in note for note in record["notes"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "RUN, SAMPLES or FOLDER is missing"),
        (("samples.txt",), "add --refs FILE"),
        (("sample.txt", "--refs", "test.txt"), "Did you mean 'samples.txt'"),
        (("samples.txt", "--refs", "empty.txt"), "empty.txt holds no text"),
        (("-", "--refs", "-"), "standard input ('-') is named more than once"),
        ((*FILES, "--temperature", "0.5"), "--temperature applies to runs only"),
        ((*FILES, "--top-k", "5"), "--top-k applies to runs only"),
        ((*FILES, "--sample", "1"), "must be a whole number of 2 or more"),
        ((*FILES, "--sample", "101"), "--sample 101: there are only 100 samples"),
        ((*FILES, "--lm", "knesser-ney"), "Did you mean 'kneser-ney'"),
        ((*FILES, "--out", "no/x.json"), "no such folder: no"),
        ((*FILES, "--out", "."), ". is a folder"),
        (
            ("samples.txt", "--refs", "test.txt", "--train", "train.txt", "--encoder", "owm"),
            "no such encoder",
        ),
        ((".",), "is not a run directory"),
    ],
)
def test_mistakes(words: tuple[str, ...], message: str, folder: Path, capsys: Capture) -> None:
    Path("empty.txt").write_text("\n")
    assert message in mistake(capsys, *words)


def make_run(folder: Path, corpus: TextCorpus, data: dict[str, Any]) -> None:
    """A run directory with an untrained LSTM."""
    torch.manual_seed(0)
    tokens = corpus.tokenizer
    generator = LSTMGenerator(
        LSTMConfig(embedding=8, hidden=8),
        tokens.vocabulary_size,
        corpus.length,
        bos=tokens.bos,
        eos=tokens.eos,
        pad=tokens.pad,
    )
    save_text_model(folder / "model", generator, tokens)
    config = {"versions": {"seqgan_kit": __version__}, "recipe": "mle", "config": data}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.fixture
def run(
    folder: Path, captions: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, TextCorpus]:
    """A run on the folder's text: 40 lines held out for validation."""
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(folder / "cache"))
    write(folder / "valid.txt", captions[700:740])
    data = TextData(text=str(folder))
    corpus = load_text(data)
    make_run(folder / "run", corpus, {"data": to_dict(data), "oracle": to_dict(OracleData())})
    return folder / "run", corpus


def test_a_run_is_scored_with_its_model(run: tuple[Path, TextCorpus], capsys: Capture) -> None:
    """Its likelihood of the test text, with perplexity; at a temperature that of the tempered model."""
    from seqgan_kit.evaluation.text_export import load_text_model

    run_dir, corpus = run
    model = load_text_model(run_dir)
    for temperature in (1.0, 0.5):
        words = (str(run_dir), *PLAIN, "--sample", "30", "--temperature", str(temperature))
        record, _ = evaluated(capsys, *words)
        values = record["rows"][0]["values"]
        expected = likelihood_of_test(tempered(model.generator, temperature), corpus)  # type: ignore[arg-type]
        assert values["nll_test"] == pytest.approx(expected["nll_test"].value, rel=1e-6)
        assert values["perplexity"] == pytest.approx(
            np.exp(expected["nll_test_token"].value), rel=1e-5
        )
        assert f"temperature {temperature:g}" in record["notes"][0]
        assert any("30 held-out sentences" in note for note in record["notes"])
    assert (run_dir / "evaluation.json").is_file()
    signatures = {column["key"]: column["signature"] for column in record["columns"]}
    assert "tok:word|" in signatures["bleu2"]


def test_a_run_stores_its_evaluation_until_something_changes(
    run: tuple[Path, TextCorpus], capsys: Capture, folder: Path
) -> None:
    words = (str(run[0]), *PLAIN, "--sample", "30", "--lm", "none")
    first, _ = evaluated(capsys, *words)
    again, said = evaluated(capsys, *words)
    assert again == first
    assert "already holds this evaluation" in said
    assert "holds this" not in evaluated(capsys, *words, "--seed", "1")[1]
    write(folder / "test.txt", ["a cat sat"] * 3)
    assert "holds this" not in evaluated(capsys, *words, "--seed", "1")[1]


def test_cut_off_draws_have_no_likelihood(run: tuple[Path, TextCorpus], capsys: Capture) -> None:
    words = (str(run[0]), *PLAIN, "--sample", "30", "--top-k", "3", "--lm", "none")
    record, _ = evaluated(capsys, *words)
    assert "nll_test" not in record["rows"][0]["values"]
    assert "top-k 3; likelihoods are left out" in record["notes"][0]


def test_other_text_may_take_the_place_of_a_runs_own(
    run: tuple[Path, TextCorpus], capsys: Capture, folder: Path, captions: list[str]
) -> None:
    """The model's own tokenizer reads it; lines that it could not write are left out."""
    write(folder / "other.txt", [*captions[900:950], "cat " * 500])
    words = (str(run[0]), "--refs", "other.txt", *PLAIN, "--sample", "30", "--lm", "none")
    record, _ = evaluated(capsys, *words)
    signatures = {column["key"]: column["signature"] for column in record["columns"]}
    assert signatures["nll_test"].startswith("nll|sentence|refs:50|")


def test_a_run_of_the_cat_world_has_exact_measures(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validity and coverage in both rows, divergences in the model's; real text is fresh from the world."""
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path / "cache"))
    data = TextData()
    corpus, _ = load_corpus(data, OracleData())
    make_run(tmp_path / "run", corpus, {"data": to_dict(data), "oracle": to_dict(OracleData())})
    words = (str(tmp_path / "run"), *PLAIN, "--sample", "40", "--lm", "none")
    record, _ = evaluated(capsys, *words)
    samples, real = (row["values"] for row in record["rows"])
    assert {"validity", "coverage", "forward_kl", "jensen_shannon", "nll_test"} <= set(samples)
    assert samples["validity"] == 0
    assert real["validity"] == 1
    assert any("40 held-out sentences" in note for note in record["notes"])
    assert any("entropy of the world" in note for note in record["notes"])


def test_a_run_of_an_oracle_has_likelihoods_alone(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = OracleData("seed:1", 4, 20, 4, oracle_rows=50, oracle_held_out=20)
    corpus, _ = load_corpus(TextData(), oracle)
    make_run(tmp_path / "run", corpus, {"data": to_dict(TextData()), "oracle": to_dict(oracle)})
    record, _ = evaluated(capsys, str(tmp_path / "run"), "--sample", "40")
    values = record["rows"][0]["values"]
    assert {"nll_oracle", "nll_test", "reverse_kl", "perplexity"} <= set(values)
    assert "bleu2" not in values
    assert "tokens are numbers" in " ".join(record["notes"])
    refused = mistake(
        capsys, str(tmp_path / "run"), "--refs", str(tmp_path / "run" / "config.json")
    )
    assert "leave out --refs and --train" in refused


def test_mistakes_with_runs(run: tuple[Path, TextCorpus], capsys: Capture, folder: Path) -> None:
    run_dir = str(run[0])
    assert "leave out --tok and --lowercase" in mistake(capsys, run_dir, "--lowercase")
    assert "leave out --held-out" in mistake(capsys, run_dir, "--held-out", "test.txt")
    write(folder / "train.txt", ["another text", "of other words"] * 5)
    assert "is not the training text of" in mistake(capsys, run_dir, *PLAIN)
    (folder / "train.txt").unlink()
    assert "has no train.txt" in mistake(capsys, run_dir, *PLAIN)
    (run[0] / "model" / "model.json").unlink()
    assert "no trained model" in mistake(capsys, run_dir, *PLAIN)

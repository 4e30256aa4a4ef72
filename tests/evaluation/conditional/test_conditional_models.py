"""Models that write after something: saved and loaded, asked from Python and the command line, scored."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import seqgan_kit as sk
from seqgan_kit.cli.main import main
from seqgan_kit.data.pairs.load_pairs import load_pairs
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.text.source_vocabulary import ClassTokenizer, SourceVocabulary
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.tokenizers import WordTokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.conditional.answer_scores import (
    HeldOutPairs,
    held_out_pairs,
    pair_columns,
    text_scores_of,
)
from seqgan_kit.evaluation.conditional.answering import SourceAccount, check_prompt, generate
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, load_corpus
from seqgan_kit.evaluation.pretrained import start_from
from seqgan_kit.evaluation.text_export import TextModel, load_text_model, save_text_model
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice, build_generator
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig

RECIPES = Path(__file__).parents[3] / "recipes"
GERMAN = [
    f"{zahl} {tier}" for zahl in ("ein", "zwei", "drei") for tier in ("hund", "vogel", "esel")
]
ENGLISH = [
    f"{number} {animal} ."
    for number in ("a", "two", "three")
    for animal in ("dog", "bird", "donkey")
]
CHOICE = GeneratorChoice("rnn_search", LSTMConfig(8, 12), rnn_search=RNNSearchConfig(8, 12, 0.0))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    for name, lines in (("de", GERMAN), ("en", ENGLISH)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines * 2))
    data = TextData(text=str(folder / "en"), valid_share=0.0, test_share=0.0)
    data = TextData(**{**vars(data), "test_text": str(folder / "en")})
    given = PairData(sources=str(folder / "de"), test_sources=str(folder / "de"))
    return load_corpus(data, OracleData(), given)[0]


@pytest.fixture(scope="module")
def run_dir(corpus, tmp_path_factory):
    """A run whose model has learned all nine pairs."""
    torch.manual_seed(0)
    ids = corpus.tokenizer
    generator = build_generator(
        CHOICE, ids.vocabulary_size, corpus.length, bos=1, eos=2, pad=0, given=corpus.given
    )
    learn = torch.optim.Adam(generator.parameters(), 2e-2)
    for _ in range(120):
        learn.zero_grad()
        (-generator.sequence_log_prob(corpus.train).mean()).backward()
        learn.step()
    folder = tmp_path_factory.mktemp("run")
    save_text_model(folder / "model", generator.eval(), ids)
    return folder


def test_a_saved_model_answers_as_the_one_in_memory(run_dir, corpus):
    model = load_text_model(run_dir)
    assert model.generator.given == corpus.given
    assert json.loads((run_dir / "model" / "model.json").read_text())["given"] == 2
    assert generate(model, GERMAN, beam=4) == [[line] for line in ENGLISH]
    three = generate(model, GERMAN[:2], beam=4, n_best=3)
    assert [len(set(lines)) for lines in three] == [3, 3]
    assert [lines[0] for lines in three] == ENGLISH[:2]


def test_samples_are_grouped_by_source_and_repeatable(run_dir):
    model, rng = load_text_model(run_dir), torch.Generator()
    first = generate(model, GERMAN[:3], n_best=20, rng=rng.manual_seed(1))
    assert first == generate(model, GERMAN[:3], n_best=20, rng=rng.manual_seed(1))
    for lines, wanted in zip(first, ENGLISH, strict=False):
        assert lines.count(wanted) > 15
    assert generate(model, [], beam=2) == []


def test_a_loaded_run_answers_from_python(run_dir):
    model = sk.load(run_dir)
    assert model.generate(GERMAN[:4], beam=5) == [[line] for line in ENGLISH[:4]]
    assert model.generate(GERMAN[:2], n_best=2, seed=4) == model.generate(
        GERMAN[:2], n_best=2, seed=4
    )
    with pytest.raises(UsageError, match="the beam is 0; it must be at least 1"):
        model.generate(GERMAN, beam=0)


def sample(capsys, *words):
    code = main(["sample", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_every_given_line_has_an_answer_in_its_place(run_dir, tmp_path, capsys, monkeypatch):
    given = tmp_path / "given.txt"
    given.write_text("".join(f"{line}\n" for line in reversed(GERMAN)))
    assert sample(capsys, run_dir, "--given", given, "--beam", 3)[1] == ENGLISH[::-1]
    code, out, _ = sample(
        capsys, run_dir, "--given", given, "--beam", 3, "--out", tmp_path / "answers"
    )
    assert (code, out) == (0, [])
    assert (tmp_path / "answers").read_text().splitlines() == ENGLISH[::-1]
    monkeypatch.setattr("sys.stdin", io.StringIO("zwei esel\nein hund"))
    assert sample(capsys, run_dir, "--given", "-", "--beam", 1)[1] == ["two donkey .", "a dog ."]
    assert len(sample(capsys, run_dir, "--given", given, "--beam", 4, "--n-best", 4)[1]) == 36
    assert len(sample(capsys, run_dir, "--prompt", "ein hund", "-n", 5)[1]) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--prompt", "ein wal"], "the prompt 'ein wal' has 'wal', outside the model's vocabulary"),
        (["--prompt", " "], "has no word of the model's vocabulary"),
        (["--prompt", "ein hund", "--given", "x"], "--given and --prompt both say what is given"),
        (["--given", "nowhere.txt"], "no such file: nowhere.txt"),
        (["--beam", "2"], "--beam and --n-best go with --given or --prompt"),
        (
            ["--prompt", "ein hund", "--beam", "2", "--n-best", "3"],
            "the 3 best of a beam of 2 rows",
        ),
        (["--prompt", "ein hund", "--beam", "2", "--top-k", "3"], "--top-k is for samples"),
        (["--prompt", "ein hund", "--beam", "2", "--best-of", "3"], "--best-of is for samples"),
        (["--prompt", "ein hund", "--best-of", "3"], "was saved without a discriminator"),
        (["--prompt", "ein hund", "--length-penalty", "2"], "--length-penalty goes with --beam"),
        ([], "on the command line, --given FILE or --prompt TEXT"),
    ],
)
def test_what_cannot_be_answered_is_said(run_dir, capsys, words, message):
    code, out, err = sample(capsys, run_dir, *words)
    assert (code, out) == (2, [])
    assert message in err
    assert "Traceback" not in err


def test_a_beam_of_no_rows_is_refused_by_the_command_line(run_dir, capsys):
    code, _, err = sample(capsys, run_dir, "--prompt", "ein hund", "--beam", "0")
    assert code == 2
    assert "--beam" in err


def test_an_unconditional_run_takes_no_source(corpus, tmp_path, capsys):
    plain = build_generator(
        GeneratorChoice(lstm=LSTMConfig(4, 4)),
        corpus.tokenizer.vocabulary_size,
        4,
        bos=1,
        eos=2,
        pad=0,
    )
    save_text_model(tmp_path / "model", plain, corpus.tokenizer)
    assert load_text_model(tmp_path).generator.given == 0
    code, _, err = sample(capsys, tmp_path, "--prompt", "ein hund")
    assert code == 2
    assert "this run writes without a source, so --given and --prompt do not apply" in err


def test_another_number_of_given_tokens_is_no_start(run_dir, corpus):
    longer = build_generator(
        CHOICE, corpus.tokenizer.vocabulary_size, corpus.length, bos=1, eos=2, pad=0, given=7
    )
    with pytest.raises(UsageError, match="writes after 2 given tokens and this run's after 7"):
        start_from(str(run_dir), longer, corpus.tokenizer)


def test_a_table_has_corpus_bleu_and_chrf_of_the_answers(run_dir, corpus):
    scorer = TextScorer(corpus, None, TextScoreSettings(score_samples=18, evaluation_samples=18))
    record = scorer.record(
        "x", scorer.rows({"G": load_text_model(run_dir).generator}, 0, quiet=True)
    )
    values = record["rows"][0]["values"]
    assert values["chrf"] == pytest.approx(100.0)
    assert values["ter"] == 0
    assert {"corpus_bleu", "chrf", "ter"} <= {column["key"] for column in record["columns"]}
    assert values["nll_test_token"] < 0.1


def test_scores_use_every_reference_of_a_source():
    pairs = HeldOutPairs(torch.zeros(2, 1), [["a b c d", "e f g h"], ["i j k l"]])
    assert text_scores_of(["e f g h", "i j k l"], pairs)["corpus_bleu"].value == pytest.approx(100)
    worse = text_scores_of(["e f g h", "x"], pairs)
    assert worse["corpus_bleu"].value < 60
    # Four edits; TER divides by the mean length of a source's references, 4 + 4.
    assert worse["ter"].value == pytest.approx(100 * 4 / 8)
    signs = {entry["key"]: entry["signature"] for entry in pair_columns(pairs, "beam:3")}
    assert signs["ter"].startswith("ter|nrefs:var|case:lc|tok:tercom|")
    assert "|beam:3|refs:3|hyps:2|" in signs["corpus_bleu"]


def test_references_of_a_source_are_gathered(tmp_path):
    rows = [{"context": ["a"], "responses": ["b", "c"]}, {"context": ["d"], "responses": ["e"]}]
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in rows))
    found = held_out_pairs(
        load_pairs(TextData(text=str(tmp_path)), PairData(source_column="context")), 10
    )
    assert found is not None
    assert found.references == [["b", "c"], ["e"]]
    assert len(found.given) == 2


def test_every_class_has_a_row_and_its_name_is_a_prompt(tmp_path):
    lines = [f"{'very good' if i % 2 else 'bad'},word{i % 7} again {i % 5}" for i in range(60)]
    (tmp_path / "train.csv").write_text("class,text\n" + "".join(f"{line}\n" for line in lines))
    corpus = load_pairs(TextData(text=str(tmp_path), column="text"), PairData(label_column="class"))
    generator = build_generator(
        GeneratorChoice(lstm=LSTMConfig(4, 4)),
        corpus.tokenizer.vocabulary_size,
        corpus.length,
        bos=1,
        eos=2,
        pad=0,
        given=1,
        source_vocabulary=corpus.given_vocabulary.size,
    )
    scorer = TextScorer(corpus, None, TextScoreSettings(score_samples=20, evaluation_samples=20))
    record = scorer.record("x", scorer.rows({"G": generator}, 0, quiet=True))
    names = [row["name"] for row in record["rows"]]
    assert names == ["G", "G after bad", "G after very good", "real data"]
    assert any("its own test lines" in note for note in record["notes"])
    own = corpus.source_vocabulary
    save_text_model(tmp_path / "model", generator, corpus.tokenizer, source_vocabulary=own)
    model = load_text_model(tmp_path)
    check_prompt(model, " very  good ")
    assert len(generate(model, ["bad", "very good"], n_best=2)) == 2
    for ask in (lambda: check_prompt(model, "very"), lambda: generate(model, ["bad", "good"])):
        with pytest.raises(
            UsageError, match=r"unknown class '(very|good)'.*Allowed: bad, very good"
        ):
            ask()


def test_an_oracle_has_no_sources():
    with pytest.raises(UsageError, match="an oracle's rows are written from nothing"):
        load_corpus(TextData(), OracleData("seed:88"), PairData(prompt_words=2))


def test_a_run_with_two_vocabularies_is_trained_saved_and_asked(tmp_path, capsys):
    """The same words on both sides: no id of a source is one of the text, in the model and in its D."""
    for name, lines in (("de", ENGLISH), ("en", GERMAN)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines * 12))
    words = "--source-tokenizer word --generator rnn_search --rnn-search.hidden 6 --rnn-search.embedding 6"
    texts = f"--text {tmp_path / 'en'} --sources {tmp_path / 'de'} --test-share 0.2"
    words += " --discriminator pair_cnn --objective bleu"
    options = f"run seqgan smoke {texts} {words} --rounds 1 --out {tmp_path / 'run'} --device cpu"
    assert main(options.split()) == 0
    out = capsys.readouterr().out
    assert "the sources have a vocabulary of their own: 11 tokens (word tokenizer)" in out
    assert f"seqgan-kit sample {tmp_path / 'run'} --given FILE --beam 5" in out
    model = sk.load(tmp_path / "run")
    assert model.generator.readable == model.generator.vocabulary + 8
    assert len(model.generate(ENGLISH[:2], beam=2)) == 2
    scores = model.discriminator.score(GERMAN[:2], sources=ENGLISH[:2])
    assert scores.shape == (2,)
    assert (model.log_prob(GERMAN[:2], sources=ENGLISH[:2]) < 0).all()
    assert len(model.complete("ein", 3, source="a dog .")) == 3
    for ask in (lambda: model.log_prob(GERMAN), lambda: model.complete("ein")):
        with pytest.raises(UsageError, match="writes after sources: give a list of"):
            ask()
    assert sample(capsys, tmp_path / "run", "--prompt", "a dog", "--beam", 1)[0] == 0
    code, _, err = sample(capsys, tmp_path / "run", "--prompt", "ein hund")
    assert code == 2
    assert "'ein', 'hund', outside the model's vocabulary" in err


@pytest.mark.parametrize(
    "recipe",
    [path for path in RECIPES.glob("*.py") if "PairData()" in path.read_text()],
    ids=lambda path: path.stem,
)
def test_every_discriminator_of_pairs_reads_the_ids_of_sources(recipe):
    assert "tokenizer.vocabulary_size" not in recipe.read_text(), "corpus.vocabulary has them all"


def test_answers_come_as_lines_arrive_and_in_order(run_dir):
    """The first answer is there before the second line is sent; lines that wait are answered together."""
    command = [
        sys.executable,
        "-m",
        "seqgan_kit",
        "sample",
        str(run_dir),
        "--given",
        "-",
        "--beam",
        "2",
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1
    ) as asked:
        asked.stdin.write(f"{GERMAN[4]}\n")
        asked.stdin.flush()
        assert asked.stdout.readline() == f"{ENGLISH[4]}\n"
        asked.stdin.write("".join(f"{line}\n" for line in GERMAN[:3]) + "ein hund wal zwei esel")
        asked.stdin.close()
        assert asked.stdout.read().splitlines() == [*ENGLISH[:3], "two donkey ."]
        err = asked.stderr.read()
    assert "note: 1 of 5 sources are longer than the 2 tokens that the model reads" in err
    assert "note: 1 of 13 source tokens are outside the model's vocabulary" in err


def test_a_line_that_is_no_class_is_named(tmp_path):
    vocabulary = SourceVocabulary(ClassTokenizer(["good", "bad"]), 7)
    generator = build_generator(
        GeneratorChoice(lstm=LSTMConfig(4, 4)),
        7,
        4,
        bos=1,
        eos=2,
        pad=0,
        given=1,
        source_vocabulary=3,
    )
    tokenizer = WordTokenizer(["a", "b", "c"])
    account = SourceAccount(TextModel(generator, tokenizer, vocabulary))
    account.count(["good", "bad"])
    with pytest.raises(UsageError, match=r"line 3: unknown class 'ba'. Did you mean 'bad'\?"):
        account.count(["ba"])

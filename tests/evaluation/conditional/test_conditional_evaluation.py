"""``evaluate`` of runs that write after sources or classes, against sacrebleu and by hand."""

import io
import json
from itertools import zip_longest

import pytest
import sacrebleu
from rich.console import Console

import seqgan_kit as sk
from seqgan_kit.cli.main import main
from seqgan_kit.evaluation.conditional.evaluate_classes import ClassJudge
from seqgan_kit.report.evaluation_table import print_evaluation

TOPICS = [
    f"{a} {b}"
    for a in ("red", "blue", "old", "new")
    for b in ("cat", "dog", "bird", "car", "house")
]


def replies(topic, number):
    return [f"i like the {topic} .", f"what a {topic} !", f"a {topic} ?"][:number]


def train(folder, *words):
    sizes = "--lstm.embedding 8 --lstm.hidden 12 --batch-size 8 --score-samples 20 --evaluation-samples 20"
    command = f"run mle smoke --text {folder} --out {folder / 'run'} --device cpu --quiet {sizes}"
    assert main([*command.split(), *words]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory):
    """A run on conversations: three references of each source of the test split."""
    folder = tmp_path_factory.mktemp("dialogue")
    for split, number in (("train", 1), ("valid", 1), ("test", 3)):
        rows = [{"context": ["hello", t], "responses": replies(t, number)} for t in TOPICS * 2]
        unique = rows[: len(TOPICS)] if split == "test" else rows
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in unique))
    return train(folder, "--source-column", "context", "--column", "responses")


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    lines = [
        f"{kind},{line}"
        for t in TOPICS
        for kind, line in zip(("like", "so so"), replies(t, 2), strict=True)
    ]
    for split in ("train", "valid", "test"):
        (folder / f"{split}.csv").write_text("class,text\n" + "".join(f"{x}\n" for x in lines))
    return train(folder, "--label-column", "class", "--column", "text")


def evaluate(capsys, run, *words):
    code = main(["evaluate", str(run), *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def record_of(capsys, run, *words):
    code, out, err = evaluate(capsys, run, "--format", "json", "--again", *words)
    assert code == 0, err
    return json.loads(out)


def test_answers_are_scored_as_sacrebleu_scores_them(dialogue, capsys):
    record = record_of(capsys, dialogue, "--beam", 3)
    rows = {row["name"]: row["values"] for row in record["rows"]}
    assert list(rows) == ["greedy", "beam 3", "samples", "references"]
    lines = [x for [x] in sk.load(dialogue).generate([f"hello | {t}" for t in TOPICS], beam=3)]
    streams = list(zip_longest(*(replies(t, 3) for t in TOPICS)))
    for key, score in (
        ("corpus_bleu", sacrebleu.corpus_bleu(lines, streams, force=True).score),
        ("chrf", sacrebleu.corpus_chrf(lines, streams).score),
        ("ter", sacrebleu.corpus_ter(lines, streams).score),
    ):
        assert rows["beam 3"][key] == pytest.approx(score)
    people = sacrebleu.corpus_bleu([replies(t, 1)[0] for t in TOPICS], streams[1:], force=True)
    assert rows["references"]["corpus_bleu"] == pytest.approx(people.score)
    assert rows["references"]["different"] == 1
    assert rows["references"]["duplicates"] == 0
    assert 0 < rows["samples"]["different"] <= 1
    assert {"nll_test_token", "perplexity"} <= rows["samples"].keys()
    assert "nll_test" not in rows["greedy"]
    signs = {entry["key"]: entry["signature"] for entry in record["columns"]}
    assert "ter|nrefs:3|case:lc|" in signs["ter"]
    assert record["title"] == "answers to 20 sources (test)"


def test_the_table_names_what_is_better_and_what_is_wrong(dialogue, capsys):
    code, out, _ = evaluate(capsys, dialogue, "--sample", 15, "--top-k", 2, "--again")
    assert code == 0
    assert "answers to 15 sources" in out
    assert "TER" in out
    assert "Few sources: corpus scores of 15 answers say little" in out
    assert "perplexity" not in out
    code, _, err = evaluate(capsys, dialogue, "--sample", 15, "--top-k", 2)
    assert "already holds this evaluation" in err


def test_other_test_pairs_are_named_as_for_training(dialogue, tmp_path, capsys):
    rows = [{"context": ["hello", t], "responses": replies(t, 2)} for t in TOPICS[:4]]
    rows[0]["responses"].append("a " + "very " * 40 + "long reply")
    other = tmp_path / "other.jsonl"
    other.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    record = record_of(capsys, dialogue, "--test-text", other)
    assert record["title"] == f"answers to 4 sources ({other})"
    assert any("1 references are longer than the model's rows" in note for note in record["notes"])
    key = record["key"]
    other.write_text(json.dumps(rows[1]) + "\n" + json.dumps(rows[2]) + "\n")
    assert record_of(capsys, dialogue, "--test-text", other)["key"] != key


def test_classes_have_rows_beside_real_ones(classes, capsys):
    record = record_of(capsys, classes, "--sample", 40)
    names = [row["name"] for row in record["rows"]]
    assert names == ["like", "like, real text", "so so", "so so, real text"]
    rows = {row["name"]: row["values"] for row in record["rows"]}
    assert rows["so so, real text"]["own_class"] == 1
    assert rows["like, real text"]["length"] == 6
    assert rows["like"]["nll_test_token"] > 0
    code, out, _ = evaluate(capsys, classes, "--sample", 40)
    assert code == 0
    assert "own class" in out


def test_a_judge_of_classes_reads_words_not_names():
    judge = ClassJudge({"a": [["x", "y"], ["x", "z"]], "b": [["u", "v"], ["u", "w"]]})
    assert judge.share([["x", "y"], ["x", "z"], ["u", "w"]], "a").value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--refs", "{other}"], "name it with --test-text"),
        (["--test-sources", "{other}"], "--test-sources goes with --test-text: give both files"),
        (
            ["--test-text", "{other}", "--test-sources", "{other}"],
            "this run has no file of sources",
        ),
        (["--test-text", "{other}.nowhere"], "nowhere"),
        (["--test-text", "{other}"], "plain text"),
        (["--beam", "0"], "--beam"),
        (["--encoder", "none"], "--encoder and --lm do not apply to answers"),
    ],
)
def test_what_does_not_fit_a_conditional_run_is_said(dialogue, tmp_path, capsys, words, message):
    (tmp_path / "other.txt").write_text("a line\n")
    asked = [word.format(other=tmp_path / "other.txt") for word in words]
    code, _, err = evaluate(capsys, dialogue, "--again", *asked)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_other_samples_take_no_beam(tmp_path, capsys):
    (tmp_path / "x.txt").write_text("a\nb\n")
    code, _, err = evaluate(capsys, tmp_path / "x.txt", "--refs", tmp_path / "x.txt", "--beam", "2")
    assert code == 2
    assert "--beam applies to runs only" in err


def test_evaluators_read_each_decoding_and_people(dialogue, capsys):
    code, out, err = evaluate(
        capsys,
        dialogue,
        "--adversary-sources",
        12,
        "--format",
        "json",
        "--out",
        dialogue / "a.json",
    )
    assert code == 0, err
    record = json.loads(out)
    for row in record["rows"]:
        assert {"adver_suc", "reply_vs_random"} <= set(row["values"])
        assert 0 <= row["values"]["adver_suc"] <= 1
    assert [c["group"] for c in record["columns"] if c["key"] == "adver_suc"] == [
        "evaluators trained apart"
    ]
    assert any("human against random replies" in note for note in record["notes"])
    code, _, err = evaluate(
        capsys, dialogue, "--adversary-sources", 2, "--test-text", dialogue.parent / "test.jsonl"
    )
    assert code == 2
    assert "leave --test-text out" in err


def test_classes_have_no_evaluators(classes, capsys):
    code, _, err = evaluate(capsys, classes, "--adversary-sources", 2)
    assert code == 2
    assert "this run has classes" in err


def test_many_rows_lie_below_each_other():
    names = [f"class {i}" for i in range(6)]
    rows = [{"name": name, "values": {"own_class": 0.25}, "errors": {}} for name in names]
    entry = {"key": "own_class", "label": "own class", "better": "as real", "digits": 3}
    text = io.StringIO()
    record = {"title": "x", "columns": [entry | {"signature": "s"}], "rows": rows}
    print_evaluation(record, Console(file=text, width=80, highlight=False))
    lines = text.getvalue().splitlines()
    assert [line.split() for line in lines if "class 3" in line] == [["class", "3", "0.250"]]

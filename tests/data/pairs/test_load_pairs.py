"""Pairs of texts: both sides are filtered in step, every reason is counted, mistakes are said beforehand."""

import csv
import json

import pytest

from seqgan_kit.data.pairs.load_pairs import encode_source, load_pairs
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.sources.library import quiet_datasets
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.tokenizer import EOS, PAD
from seqgan_kit.errors import DataError, UsageError

GERMAN = ["ein hund", "eine rote katze", "", "zwei hunde laufen", "ein kind", "ein haus"]
ENGLISH = ["a dog", "a red cat", "lost", "two dogs run", "", "a house"]
KEEP = {"valid_share": 0.0, "test_share": 0.0}


def write(folder, **files):
    for name, lines in files.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return {name: str(folder / name) for name in files}


def load(paths, given=None, **options):
    return load_pairs(
        TextData(text=paths["en"], **KEEP | options), given or PairData(sources=paths["de"])
    )


def test_parallel_files_are_filtered_in_step(tmp_path):
    corpus = load(write(tmp_path, de=GERMAN, en=ENGLISH), max_tokens=2)
    assert corpus.train_lines == ["a dog", "a house"]
    assert corpus.sources["train"] == ["ein hund", "ein haus"]
    account = corpus.account.splits["train"]
    assert (account.read, account.kept) == (6, 2)
    assert (account.empty, account.empty_sources, account.too_long) == (1, 1, 2)
    assert "dropped 1 empty and 2 too long and 1 without a source" in corpus.account.lines()[1]
    words = corpus.tokenizer
    assert corpus.given == 2
    assert corpus.length == 3
    assert corpus.train[0].tolist() == [*words.encode("ein hund"), *words.encode("a dog"), EOS]
    assert words.encode("haus house") == sorted(set(words.encode("haus house")))


def test_the_first_training_pairs_are_used_and_the_tokenizer_knows_all(tmp_path):
    paths = write(tmp_path, de=GERMAN, en=ENGLISH)
    corpus, whole = load(paths, train_lines=2), load(paths)
    assert corpus.pairs("train") == [("ein hund", "a dog"), ("eine rote katze", "a red cat")]
    assert corpus.train.tolist() == whole.train[:2].tolist()
    assert corpus.tokenizer.to_dict() == whole.tokenizer.to_dict()
    assert "note: the first 2 of 4 training lines are used." in corpus.account.lines()
    assert load(paths, train_lines=4).account == whole.account


def test_long_sources_are_cut_or_left_out_and_counted(tmp_path):
    paths = write(tmp_path, de=["eins", "eins zwei drei vier", "zwei"], en=["one", "more", "two"])
    cut = load(paths, PairData(sources=paths["de"], source_tokens=2))
    assert cut.account.splits["train"].cut_sources == 1
    assert cut.train[1, :2].tolist() == cut.tokenizer.encode("drei vier")
    assert cut.train[0, 1] == PAD
    dropped = load(paths, PairData(sources=paths["de"], source_tokens=2, long_sources="drop"))
    assert dropped.train_lines == ["one", "two"]
    assert dropped.account.splits["train"].long_sources == 1
    given = encode_source(cut.given_vocabulary, "eins zwei drei", 2)
    assert given.tolist() == cut.tokenizer.encode("zwei drei")


def test_a_file_that_ends_first_is_named_with_the_line(tmp_path):
    paths = write(tmp_path, de=GERMAN[:4], en=ENGLISH)
    with pytest.raises(DataError, match=r"line 5 of .*en has no partner: .*de ends after 4 lines"):
        load(paths)


def test_a_conversation_with_several_answers_is_a_pair_for_each(tmp_path):
    rows = [
        {"context": ["hello .", "hi !"], "responses": ["who is it ?", "it is me ."]},
        {"context": ["bye"], "responses": ["see you ."]},
    ]
    (tmp_path / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    given = PairData(source_column="context")
    corpus = load_pairs(TextData(text=str(tmp_path), **KEEP), given)
    assert corpus.sources["train"] == ["hello . | hi !", "hello . | hi !", "bye"]
    assert corpus.train_lines == ["who is it ?", "it is me .", "see you ."]


@pytest.mark.parametrize("kind", ["word", "bpe", "unigram"])
def test_a_vocabulary_is_learned_from_both_sides(kind, tmp_path):
    lines = {
        "de": ["der hund läuft"] * 5 + ["die katze"] * 5,
        "en": ["the dog runs"] * 5 + ["a cat"] * 5,
    }
    corpus = load(write(tmp_path, **lines), tokenizer=kind, vocabulary=40)
    for line in ("der hund läuft", "the dog runs"):
        assert corpus.tokenizer.decode(corpus.tokenizer.encode(line)) == line


def labelled(folder, rows):
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("class", "text"), *rows])
    return TextData(text=str(folder / "train.csv"), column="text", **KEEP)


def test_a_class_has_a_token_that_no_word_has(tmp_path):
    rows = [("very  good", "i like bad very_good it"), ("bad", "i do not"), ("bad", "never again")]
    corpus = load_pairs(labelled(tmp_path, rows), PairData(label_column="class"))
    assert corpus.classes == ("bad", "very good")
    assert corpus.given == 1
    words = corpus.tokenizer.vocabulary_size
    assert corpus.train[:, 0].tolist() == [words + 2, words + 1, words + 1]
    assert corpus.train[:, 1:].max() == words - 1
    assert corpus.vocabulary == words + 3
    assert corpus.given_vocabulary.decode([words + 2]) == "very good"
    assert any("one of 2 classes" in line for line in corpus.account.lines())


def test_sources_with_a_vocabulary_of_their_own_share_no_id_but_padding(tmp_path):
    lines = {
        "de": ["in der hand", "der wind war in warm", "gut"] * 4,
        "en": ["in hand", "wind", "war"] * 4,
    }
    paths = write(tmp_path, **lines)
    given = PairData(sources=paths["de"], source_vocabulary=9, source_tokens=4)
    corpus = load(paths, given)
    sources, words = corpus.given_vocabulary, corpus.tokenizer.vocabulary_size
    read, written = corpus.train[:, : corpus.given], corpus.train[:, corpus.given :]
    assert words <= read[read != PAD].min()
    assert read.max() < corpus.vocabulary == words + 9 - 3
    assert written.max() < words
    assert sources.decode(read[0].tolist()) == "in der hand"
    assert (
        set(sources.encode("in hand wind war")) & set(corpus.tokenizer.encode("in hand wind war"))
        == set()
    )
    assert sources.encode("unseen") == [sources.unknown] == [words]
    assert any("source tokens of train" in line for line in corpus.account.lines())
    assert encode_source(sources, "der wind war in warm", 4).tolist() == read[1].tolist()
    apart = load(paths, PairData(sources=paths["de"], source_tokenizer="char"))
    assert apart.given_vocabulary.tokenizer.kind == "char"
    assert apart.given == len("der wind war in warm")


def test_a_class_that_training_lacks_is_refused(tmp_path):
    data = labelled(tmp_path, [("good", "yes"), ("bad", "no")])
    (tmp_path / "test.csv").write_text("class,text\nugly,perhaps\n")
    data = TextData(text=str(tmp_path), column="text", **KEEP)
    with pytest.raises(DataError, match=r"the class 'ugly', which no training line has.*bad, good"):
        load_pairs(data, PairData(label_column="class"))


def test_prompts_are_the_first_words_of_a_line(tmp_path):
    paths = write(tmp_path, en=["a black cat sleeps", "a dog", "the red bird sings now"])
    corpus = load(paths, PairData(prompt_words=2))
    assert corpus.sources["train"] == ["a black", "the red"]
    assert corpus.train_lines == ["cat sleeps", "bird sings now"]
    assert corpus.account.splits["train"].empty == 1


def test_no_source_is_on_both_sides_of_a_cut(tmp_path):
    pairs = [(f"wort {i % 40}", f"word {i}") for i in range(200)]
    paths = write(tmp_path, de=[a for a, _ in pairs], en=[b for _, b in pairs])
    corpus = load(paths, valid_share=0.2, test_share=0.2)
    train, valid, test = (set(corpus.sources[split]) for split in ("train", "valid", "test"))
    assert not train & (valid | test)
    assert not valid & test
    assert len(corpus.train) + len(corpus.valid) + len(corpus.test) == 200
    assert corpus.feed(4, seed=0).next_batch()["real"].shape == (4, corpus.given + corpus.length)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"sources": "x", "prompt_words": 2},
            "--sources and --prompt-words both say what is given",
        ),
        ({"valid_sources": "x"}, "go with --sources"),
        ({"source_tokens": 0}, "source_tokens"),
        ({"label_column": "x", "source_tokenizer": "word"}, "a class has a token of its own"),
        ({"prompt_words": 2, "source_vocabulary": 50}, "a prompt shares the text's vocabulary"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        PairData(**options)


def test_what_is_wrong_with_files_is_said(tmp_path):
    paths = write(tmp_path, de=["", " "], en=["a", "b"])
    with pytest.raises(DataError, match="no pair of two texts: of 2 pairs 2 have an empty source"):
        load(paths)
    with pytest.raises(DataError, match=r"pair 1 of .* has an empty source; leave --strict out"):
        load(paths, strict=True)
    with pytest.raises(DataError, match="has no columns"):
        load(paths, PairData(source_column="context"))
    with pytest.raises(DataError, match="give --valid-sources"):
        load(paths, valid_text=paths["en"])


TALKS = [
    {"context": ["hello .", f"hi {i}"], "responses": [f"who is {i} ?", f"it is {i} ."]}
    for i in range(12)
]


def talk_files(folder, kind):
    """The same conversations as a file of each kind, and what names it."""
    if kind == "jsonl":
        path = folder / "talks.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in TALKS))
        return str(path)
    datasets = quiet_datasets(online=False)
    table = datasets.Dataset.from_list(TALKS)
    if kind == "parquet":
        table.to_parquet(folder / "talks.parquet")
        return str(folder / "talks.parquet")
    (folder / "hub").mkdir()
    table.to_parquet(folder / "hub" / "train.parquet")
    return f"hub:{folder / 'hub'}"


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "hub"])
def test_turns_and_references_are_read_from_every_kind_of_table(kind, tmp_path, monkeypatch):
    cache = tmp_path / "hf-cache"
    monkeypatch.setattr(quiet_datasets(online=False).config, "HF_DATASETS_CACHE", cache)
    data = TextData(text=talk_files(tmp_path, kind), column="responses", **KEEP)
    corpus = load_pairs(data, PairData(source_column="context"))
    assert corpus.sources["train"][:2] == ["hello . | hi 0", "hello . | hi 0"]
    assert corpus.train_lines[:2] == ["who is 0 ?", "it is 0 ."]
    assert len(corpus.train) == 24


def test_fields_of_a_record_are_columns(tmp_path):
    rows = [{"id": i, "translation": {"de": f"satz {i}", "en": f"line {i}"}} for i in range(5)]
    (tmp_path / "t.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    data = TextData(text=str(tmp_path / "t.jsonl"), column="translation.en", **KEEP)
    corpus = load_pairs(data, PairData(source_column="translation.de"))
    assert corpus.sources["train"][1] == "satz 1"
    assert corpus.train_lines[1] == "line 1"
    with pytest.raises(DataError, match=r"no column 'translation.fr'.*translation.de"):
        load_pairs(data, PairData(source_column="translation.fr"))


def test_two_columns_of_a_csv_file_are_pairs(tmp_path):
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("de", "en"), ("ein hund", "a dog"), ("", "lost"), ("zwei", "two")]
        )
    data = TextData(text=str(tmp_path / "t.csv"), **KEEP)
    corpus = load_pairs(data, PairData(source_column="de"))
    assert list(zip(corpus.sources["train"], corpus.train_lines, strict=True)) == [
        ("ein hund", "a dog"),
        ("zwei", "two"),
    ]
    assert corpus.account.splits["train"].empty_sources == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"context": ["a", 3], "responses": ["b"]},
            r"column 'context' .* holds 3, which is not text",
        ),
        ({"context": [["a"]], "responses": ["b"]}, r"holds \['a'\], which is not text"),
        ({"context": "a", "responses": []}, "1 an empty target"),
        ({"context": "a"}, "nothing is written from it"),
    ],
)
def test_cells_that_are_no_text_are_named(row, message, tmp_path):
    (tmp_path / "t.jsonl").write_text(f"{json.dumps(row)}\n")
    with pytest.raises(DataError, match=message):
        load_pairs(
            TextData(text=str(tmp_path / "t.jsonl"), **KEEP), PairData(source_column="context")
        )


def test_a_source_vocabulary_that_is_too_small_names_its_own_flag(tmp_path):
    paths = write(tmp_path, de=["ein hund läuft"] * 9, en=["a dog"] * 9)
    given = PairData(sources=paths["de"], source_tokenizer="bpe", source_vocabulary=6)
    with pytest.raises(DataError, match=r"vocabulary of the sources: .*Raise --source-vocabulary"):
        load(paths, given)


def test_sources_without_a_text_are_refused(tmp_path):
    paths = write(tmp_path, de=["ein hund"])
    with pytest.raises(DataError, match="belongs to a text of its own: give the file with --text"):
        load_pairs(TextData(), PairData(sources=paths["de"]))

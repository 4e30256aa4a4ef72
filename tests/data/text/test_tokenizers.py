import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgan_kit.data.text.tokenizer import BOS, EOS, PAD, UNK, split_edges
from seqgan_kit.data.text.tokenizers import (
    CharTokenizer,
    WordTokenizer,
    load_tokenizer,
    train_tokenizer,
)
from seqgan_kit.errors import DataError, UsageError

LINES = [
    "a black cat sits on a mat.",
    "a white cat, half asleep, sees 3.5 mice!",
    "春眠不觉晓 处处闻啼鸟",
    "le chaton naïf déjà vu",
    "the cat's wide-eyed 👩‍👧 😀",
    "(a “quoted” cat...)",
]
KINDS = ("word", "char", "unigram", "bpe", "smiles", "abc")


@pytest.mark.parametrize("kind", KINDS)
def test_known_lines_come_back_and_survive_saving(kind, tmp_path):
    tokenizer = train_tokenizer(kind, LINES)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = load_tokenizer(tmp_path / "tokenizer.json")
    for line in LINES:
        ids = tokenizer.encode(line)
        assert UNK not in ids
        assert min(ids) > UNK
        assert max(ids) < tokenizer.vocabulary_size
        assert tokenizer.decode(ids) == tokenizer.normalise(line)
        assert again.encode(line) == ids
        assert again.decode(ids) == tokenizer.decode(ids)
    assert again.to_dict() == json.loads(json.dumps(tokenizer.to_dict()))


@pytest.mark.parametrize("kind", ["char", "unigram", "bpe", "smiles", "abc"])
def test_round_trip_is_exact_to_the_last_space(kind):
    lines = [*LINES, "  two  spaces   between  ", "tab\tand café (decomposed: cafe\u0301)"]
    tokenizer = train_tokenizer(kind, lines)
    assert [tokenizer.decode(tokenizer.encode(line)) for line in lines] == lines


@pytest.mark.parametrize("kind", KINDS)
def test_decoding_stops_at_the_end_and_skips_marks(kind):
    tokenizer = train_tokenizer(kind, LINES)
    ids = tokenizer.encode(LINES[0])
    row = [BOS, *ids, EOS, *tokenizer.encode(LINES[1]), PAD, PAD]
    assert tokenizer.decode(row) == tokenizer.normalise(LINES[0])
    assert tokenizer.decode([EOS, *ids]) == ""


def test_words_are_cut_at_their_edges_only():
    assert WordTokenizer(()).words("“Don't,” she said... wide-eyed (3.5%).") == [
        *("“", "Don't", ",", "”", "she", "said", ".", ".", "."),
        *("wide-eyed", "(", "3.5", "%", ")", "."),
    ]
    assert split_edges("...") == (".", ".", ".")
    assert split_edges("cat") == ("cat",)


def test_keeping_punctuation_cuts_at_spaces_only():
    kept = train_tokenizer("word", ["C#4 F# (x) ,"], punctuation="keep")
    assert kept.words("C#4 F# (x) ,") == ["C#4", "F#", "(x)", ","]
    assert kept.decode(kept.encode("F# (x)")) == "F# (x)"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_word_normal_form_is_stable_and_lossless_in_words(line):
    tokenizer = train_tokenizer("word", [line])
    normal = tokenizer.normalise(line)
    assert tokenizer.normalise(normal) == normal
    assert "".join(normal.split()) == "".join(line.split())
    assert tokenizer.decode(tokenizer.encode(line)) == normal.replace("\ufffd", "<unk>")


def test_vocabulary_is_cut_by_count_then_by_size_in_a_fixed_order():
    lines = ["d c b a", "c b a", "b a", "a"]
    assert train_tokenizer("word", lines).vocabulary[4:] == ("a", "b", "c", "d")
    assert train_tokenizer("word", lines, min_count=2).vocabulary[4:] == ("a", "b", "c")
    assert train_tokenizer("word", lines, vocabulary=6).vocabulary[4:] == ("a", "b")
    assert train_tokenizer("word", ["b a", "a b"]).vocabulary[4:] == ("a", "b")


def test_what_is_not_known_becomes_unk_and_shows():
    word = train_tokenizer("word", ["a cat"])
    assert word.encode("a dog <unk>") == [word.encode("a")[0], UNK, UNK]
    assert word.decode(word.encode("a dog")) == "a <unk>"
    assert word.words(word.decode(word.encode("a dog"))) == ["a", "<unk>"]
    char = train_tokenizer("char", ["abc"])
    assert char.decode(char.encode("abxc")) == "ab\ufffdc"
    bpe = train_tokenizer("bpe", ["abc abc"])
    assert UNK in bpe.encode("ж")


def test_unk_in_the_training_text_is_the_special_token():
    tokenizer = train_tokenizer("word", ["the <unk> sat", "<unk> <unk>"])
    assert tokenizer.vocabulary[4:] == ("sat", "the")
    assert tokenizer.encode("<unk> sat")[0] == UNK


@pytest.mark.parametrize("kind", KINDS[:4])
def test_lowercase_is_part_of_the_tokenizer(kind):
    tokenizer = load_tokenizer(train_tokenizer(kind, LINES, lowercase=True).to_dict())
    assert tokenizer.encode("A BLACK CAT") == tokenizer.encode("a black cat")
    assert UNK not in tokenizer.encode("A BLACK CAT")


def test_metrics_see_words_under_subwords_and_characters_in_unspaced_scripts():
    tokenizer = train_tokenizer("unigram", LINES)
    assert tokenizer.words("A cat, asleep") == ["A", "cat", ",", "asleep"]
    assert tokenizer.words("春眠不") == ["春", "眠", "不"]
    assert CharTokenizer(()).words("a b") == ["a", " ", "b"]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_subwords_are_the_same_every_time_and_respect_the_size(kind):
    lines = [f"{a}{b} {b}{a}" for a in ("cat", "dog", "bird") for b in ("house", "box", "tree")] * 9
    first, second = (train_tokenizer(kind, lines, vocabulary=30) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert first.vocabulary_size == 30


def test_a_subword_vocabulary_below_the_alphabet_is_explained():
    with pytest.raises(
        DataError, match=r"vocabulary of 8 is too small: the text has \d+ different"
    ):
        train_tokenizer("bpe", LINES, vocabulary=8)


def test_mistakes_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"unknown tokenizer 'wrod'. Did you mean 'word'"):
        train_tokenizer("wrod", LINES)
    with pytest.raises(UsageError, match="the vocabulary is 4; it must be above 4"):
        train_tokenizer("word", LINES, vocabulary=4)
    with pytest.raises(UsageError, match="unknown punctuation rule"):
        WordTokenizer((), punctuation="drop")
    with pytest.raises(DataError, match=r'kind is "pickle"; allowed is "word" or'):
        load_tokenizer({"kind": "pickle"})
    with pytest.raises(DataError, match=r"the file .* does not exist"):
        load_tokenizer(tmp_path / "none.json")
    with pytest.raises(DataError, match="has 1 duplicate tokens"):
        WordTokenizer(("a", "a"))
    (tmp_path / "half.json").write_text('{"kind": "wo')
    with pytest.raises(DataError, match="is not JSON"):
        load_tokenizer(tmp_path / "half.json")


WORD = {"kind": "word", "lowercase": False, "punctuation": "split", "words": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": None}, "kind is null; allowed is"),
        ({"kind": ["word"]}, "kind is a list of 1"),
        ({"words": None}, "words is null; allowed is a list"),
        ({"words": "ab"}, 'words is "ab"'),
        ({"words": ["a", 3]}, r"words\[1\] is 3; allowed is text"),
        ({"words": ["a", ""]}, r"words\[1\] is \"\""),
        ({"words": ["a", "a"]}, "has 1 duplicate tokens"),
        ({"lowercase": "no"}, 'lowercase is "no"; allowed is true or false'),
        ({"punctuation": "drop"}, 'punctuation is "drop"; allowed is "split" or "keep"'),
        ({"kind": "char"}, "characters is missing"),
        ({"kind": "char", "characters": ["ab"]}, r"characters\[0\] is \"ab\""),
        ({"kind": "bpe"}, "model is missing"),
        ({"kind": "bpe", "model": "!"}, "model is .* a sentencepiece model in base64"),
        ({"kind": "bpe", "model": "Z2FyYmFnZQ=="}, "has no valid sentencepiece model"),
        ({"kind": "number"}, "vocabulary is missing"),
        ({"kind": "number", "vocabulary": 1}, "vocabulary is 1; allowed is a whole number from 2"),
        ({"kind": "number", "vocabulary": 10**12}, "vocabulary is 1000000000000"),
    ],
)
def test_damaged_tokenizers_are_refused_in_a_sentence(tmp_path, change, message):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(WORD | change))
    with pytest.raises(DataError, match=message):
        load_tokenizer(path)

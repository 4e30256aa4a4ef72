import json
import os
import unicodedata

import pytest
import torch

from seqgan_kit.data.cache import cache_dir
from seqgan_kit.data.sources import resolve as sources
from seqgan_kit.data.sources.splits import assign, fraction, split_of
from seqgan_kit.data.text import load_text as text_module
from seqgan_kit.data.text.encoding import pad_rows
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.data.text.tokenizer import EOS, PAD, UNK
from seqgan_kit.errors import DataError, UsageError

WORDS = ["black", "white", "orange", "grey", "tabby", "sleepy", "tiny", "big", "fluffy", "happy"]
LINES = [f"a {a} cat and a {b} cat sit." for a in WORDS for b in WORDS]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "cats.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_rows_are_tokens_then_eos_then_pad():
    assert pad_rows([[5, 6], [7], []], 4).tolist() == [
        [5, 6, EOS, PAD],
        [7, EOS, PAD, PAD],
        [EOS, PAD, PAD, PAD],
    ]
    assert pad_rows([], 3).shape == (0, 3)


def test_a_file_becomes_tensors_that_read_back_as_its_lines(corpus):
    loaded = load_text(TextData(text=str(corpus)))
    tensors = (loaded.train, loaded.valid, loaded.test)
    split_lines = (loaded.train_lines, loaded.valid_lines, loaded.test_lines)
    read_back = []
    for tensor, lines in zip(tensors, split_lines, strict=True):
        assert tensor.dtype == torch.int64
        assert tensor.shape == (len(lines), 10)
        assert [loaded.tokenizer.decode(row) for row in tensor] == lines
        read_back += lines
    assert sorted(read_back) == sorted(line.replace(".", " .") for line in LINES)
    assert min(map(len, tensors)) > 0
    assert (loaded.train == EOS).sum(1).eq(1).all()


def test_splits_are_disjoint_and_do_not_depend_on_order_or_company(tmp_path):
    first = load_text(TextData(text=write(tmp_path / "a.txt", *LINES, *LINES)))
    second = load_text(TextData(text=write(tmp_path / "b.txt", *reversed(LINES), "a new cat.")))
    assert not set(first.train_lines) & {*first.valid_lines, *first.test_lines}
    assert set(first.test_lines) == set(second.test_lines) - {"a new cat ."}


def test_the_hash_rule_is_uniform_and_gives_each_split_its_share():
    rows = [f"row {i}" for i in range(20_000)]
    places = assign(rows, {"valid": 0.05, "test": 0.1})
    share = {
        s: sum(p == s for p in places.values()) / len(rows) for s in ("train", "valid", "test")
    }
    assert share["valid"] == pytest.approx(0.05, abs=0.005)
    assert share["test"] == pytest.approx(0.10, abs=0.007)
    assert sum(map(fraction, rows)) / len(rows) == pytest.approx(0.5, abs=0.01)
    assert places["row 7"] == split_of("row 7", {"valid": 0.05, "test": 0.1})


@pytest.mark.parametrize("n", [3, 4, 7])
def test_no_split_of_a_tiny_corpus_is_empty(tmp_path, n):
    loaded = load_text(TextData(text=write(tmp_path / "tiny.txt", *LINES[: n + 1])))
    assert min(len(loaded.train), len(loaded.valid), len(loaded.test)) >= 1
    assert len(loaded.train) + len(loaded.valid) + len(loaded.test) == n + 1


def test_own_valid_and_test_files_and_folders_are_used(tmp_path, corpus):
    other = write(tmp_path / "other.txt", "a green cat.", LINES[0])
    loaded = load_text(TextData(text=str(corpus), test_text=other, valid_share=0))
    assert len(loaded.train) == len(LINES)
    assert len(loaded.valid) == 0
    assert loaded.test_lines[0] == "a green cat ."
    assert UNK in loaded.test[0]
    assert any(
        "1 line of test also occur in the training lines" in note for note in loaded.account.notes
    )
    for name in ("train", "val", "test"):
        write(tmp_path / f"{name}.txt", *(f"{name} {line}" for line in LINES[:5]))
    loaded = load_text(TextData(text=str(tmp_path)))
    assert [len(loaded.train), len(loaded.valid), len(loaded.test)] == [5, 5, 5]
    assert loaded.valid_lines[0].startswith("val ")


def test_the_tokenizer_learns_from_training_lines_alone(tmp_path, corpus):
    other = write(tmp_path / "other.txt", "zebra zebra zebra")
    tokenizer = load_text(TextData(text=str(corpus), test_text=other)).tokenizer
    assert tokenizer.encode("zebra") == [UNK]


def test_the_first_training_lines_are_used_and_the_tokenizer_knows_all(corpus):
    whole = load_text(TextData(text=str(corpus)))
    for _ in range(2):  # The second comes from the cache.
        few = load_text(TextData(text=str(corpus), train_lines=3))
        assert few.train.tolist() == whole.train[:3].tolist()
        assert few.train_lines == whole.train_lines[:3]
        assert few.test.tolist() == whole.test.tolist()
        assert few.tokenizer.to_dict() == whole.tokenizer.to_dict()
        assert f"note: the first 3 of {len(whole.train):,} training lines are used." in (
            few.account.lines()
        )


def test_the_account_counts_every_line(tmp_path):
    long = "a very very very very very long line about a cat"
    source = write(tmp_path / "mixed.txt", *LINES, "", "   ", long)
    cfg = TextData(text=source, max_tokens=9, min_count=30, valid_share=0, test_share=0)
    loaded = load_text(cfg)
    train = loaded.account.splits["train"]
    assert (train.read, train.empty, train.too_long, train.kept) == (103, 2, 1, 100)
    # a, cat, sit, and, "." are common; each of the ten adjectives occurs 20 times.
    assert loaded.tokenizer.vocabulary_size == 4 + 5
    assert loaded.account.cut_from_vocabulary == 10
    assert (train.tokens, train.unknown_tokens) == (900, 200)
    printed = "\n".join(loaded.account.lines())
    assert (
        "word tokenizer: 9 tokens (4 special), 10 rarer ones replaced by <unk>; longest line 9 tokens"
        in printed
    )
    assert "train: 100 of 103 lines; dropped 2 empty and 1 too long" in printed
    assert "200 (22.22%) became <unk>" in printed


def test_words_of_lines_left_out_are_not_in_the_vocabulary(tmp_path):
    source = write(tmp_path / "a.txt", *LINES, "unseen " * 20)
    loaded = load_text(TextData(text=source, max_tokens=9))
    assert loaded.tokenizer.encode("unseen") == [UNK]


def test_a_few_very_long_lines_are_pointed_out(tmp_path):
    source = write(tmp_path / "a.txt", *LINES, "cat " * 500)
    notes = load_text(TextData(text=source, valid_share=0, test_share=0)).account.notes
    assert any("--max-tokens 9" in note for note in notes)


def test_many_unknown_words_are_pointed_out(tmp_path):
    """Music in ABC: most bars are words that no other line has."""
    tunes = write(tmp_path / "tunes.abc", *(f"A{i}B c{i}d | e{i}f a" for i in range(200)))
    hint = "has no unknown words"
    assert any(hint in note for note in load_text(TextData(text=tunes)).account.notes)
    chars = load_text(TextData(text=tunes, tokenizer="char"))
    assert not any(hint in note for note in chars.account.notes)
    plain = write(
        tmp_path / "plain.txt",
        *(f"{a} {b} {c}" for a in "abcdef" for b in "abcdef" for c in "abcdef"),
    )
    assert not any(hint in note for note in load_text(TextData(text=plain)).account.notes)


def test_unspaced_text_as_words_is_pointed_out_and_works_as_characters(tmp_path):
    poems = [f"春眠不觉晓{c}处处闻啼鸟" for c in "天地玄黄宇宙洪荒日月盈昃"]
    source = write(tmp_path / "poems.txt", *poems)
    assert any("--tokenizer char" in n for n in load_text(TextData(text=source)).account.notes)
    loaded = load_text(TextData(text=source, tokenizer="char", valid_share=0, test_share=0))
    assert [loaded.tokenizer.decode(row) for row in loaded.train] == poems
    assert loaded.train.shape == (12, 12)


def test_accents_are_one_character_however_typed(tmp_path):
    composed = [f"café numéro {i}" for i in range(6)]
    source = write(tmp_path / "a.txt", *(unicodedata.normalize("NFD", line) for line in composed))
    loaded = load_text(TextData(text=source, tokenizer="char", valid_share=0, test_share=0))
    assert loaded.train_lines == composed


def test_windows_line_ends_and_a_byte_order_mark_are_no_tokens(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(LINES).encode() + b"\r\n")
    loaded = load_text(TextData(text=str(path), valid_share=0, test_share=0))
    assert loaded.train_lines == [line.replace(".", " .") for line in LINES]


@pytest.mark.parametrize("kind", ["word", "char", "unigram", "bpe"])
def test_the_second_time_comes_from_the_cache_and_is_equal(corpus, monkeypatch, kind):
    cfg = TextData(text=str(corpus), tokenizer=kind, vocabulary=60)
    first = load_text(cfg)
    monkeypatch.setattr(text_module, "encode_corpus", lambda *a, **k: pytest.fail("encoded again"))
    second = load_text(cfg)
    assert torch.equal(first.train, second.train)
    assert second.train.dtype == torch.int64
    assert first.test_lines == second.test_lines
    assert first.account == second.account
    assert first.tokenizer.to_dict() == second.tokenizer.to_dict()


def test_the_cache_follows_content_and_options(corpus):
    before = load_text(TextData(text=str(corpus), valid_share=0, test_share=0))
    stat = corpus.stat()
    corpus.write_text(corpus.read_text().replace("orange", "purple"))
    os.utime(corpus, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # same time, same length
    after = load_text(TextData(text=str(corpus), valid_share=0, test_share=0))
    assert "purple" in " ".join(after.train_lines)
    assert "purple" not in " ".join(before.train_lines)
    assert load_text(TextData(text=str(corpus), min_count=30)).tokenizer.vocabulary_size == 9


def test_the_account_names_this_checkouts_files_whoever_filled_the_cache(monkeypatch, tmp_path):
    for checkout in ("one", "other"):
        (tmp_path / checkout / "catworld").mkdir(parents=True)
        for split in ("train", "valid", "test"):
            path = tmp_path / checkout / "catworld" / f"{split}.txt"
            path.write_text("a cat sits.\n" * 9, encoding="utf-8")
        monkeypatch.setattr(sources, "data_dir", lambda checkout=checkout: tmp_path / checkout)
        lines = load_text(TextData()).account.lines()
        assert f"[{tmp_path / checkout / 'catworld' / 'train.txt'}]" in " ".join(lines)


def test_a_damaged_or_unwritable_cache_only_costs_time(corpus, monkeypatch, tmp_path):
    cfg = TextData(text=str(corpus))
    first = load_text(cfg)
    for file in cache_dir().glob("*/*"):
        file.write_bytes(file.read_bytes()[:50])
    assert torch.equal(load_text(cfg).train, first.train)
    assert [p for p in cache_dir().iterdir() if p.name.startswith(".")] == []
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path / "file"))
    assert torch.equal(load_text(cfg).train, first.train)


def test_the_feed_gives_training_rows(corpus):
    loaded = load_text(TextData(text=str(corpus)))
    feed = loaded.feed(8, seed=1)
    rows = {
        tuple(row)
        for _ in range(feed.batches_per_epoch)
        for row in feed.next_batch()["real"].tolist()
    }
    assert len(rows) == feed.batches_per_epoch * 8
    assert rows <= {tuple(row) for row in loaded.train.tolist()}


# Bad input


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.txt is empty \(0 bytes\)"),
        (b"\n \n\t\n", r"has no text: all of its 3 rows are empty"),
        (b"one line alone\n", r"has only 1 distinct line; 3 are needed for train, valid, test"),
        (b"the same\n" * 50, r"has only 1 distinct line; 3 are needed"),
        (b"ok\ncaf\xe9 noir\n", r"is not UTF-8: byte 0xe9 in line 2\. .*iconv -f LATIN1 -t UTF-8"),
        ("ünï\n".encode("utf-16"), r"is UTF-16 text; convert it: iconv -f UTF-16"),
        (b"PK\x03\x04\x00\x00", r"is not text: it has a zero byte in line 1"),
        (b"abc\n\xf0\x9f\x98", r"ends in the middle of a UTF-8 character"),
    ],
)
def test_bad_text_is_explained(tmp_path, content, message):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_text(TextData(text=str(path)))


def test_wrong_bytes_are_found_where_they_are_in_a_large_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"twenty bytes of text\n" * 120_000 + b"bad \xff\n")
    with pytest.raises(DataError, match=r"byte 0xff in line 120001"):
        load_text(TextData(text=str(path)))


def test_a_character_across_two_chunks_is_fine(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * ((1 << 20) - 6) + b"\nabc\n" + "é\nlast line\nand more\n".encode())
    assert load_text(TextData(text=str(path), max_tokens=3)).account.splits["train"].read > 0


def test_all_lines_too_long(corpus):
    with pytest.raises(
        DataError, match=r"all 84 lines of train .* are longer than max_tokens 3\. Raise"
    ):
        load_text(TextData(text=str(corpus), max_tokens=3))


def test_strict_stops_where_lines_would_be_left_out(tmp_path):
    source = write(tmp_path / "a.txt", *LINES, "", "cat " * 30)
    with pytest.raises(DataError, match=r"row 101 of .*a\.txt is empty\. Leave out --strict"):
        load_text(TextData(text=source, strict=True))
    source = write(tmp_path / "a.txt", *LINES, "cat " * 30)
    with pytest.raises(DataError, match=r"has 30 tokens, more than max_tokens 20: 'cat cat"):
        load_text(TextData(text=source, strict=True, max_tokens=20))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": 0}, "min_count is 0; it must be at least 1"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"valid_share": 0.5, "test_share": 0.5}, "both must be 0 or more, and their sum below 1"),
        ({"valid_share": 0.7, "test_share": 0.3}, "both must be 0 or more, and their sum below 1"),
        ({"valid_share": -0.1}, "must be 0 or more"),
        ({"valid_share": float("nan")}, "must be 0 or more"),
        ({"train_lines": 0}, "train_lines is 0"),
        ({"train_lines": 9, "streaming": True}, "leave --train-lines or --streaming out"),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(UsageError, match=message):
        TextData(**options)


# Real corpora


def test_coco_captions(corpora):
    folder = corpora / "coco"
    cfg = TextData(
        text=str(folder / "train.txt"), test_text=str(folder / "test.txt"), valid_share=0
    )
    loaded = load_text(cfg)
    train, test = loaded.account.splits["train"], loaded.account.splits["test"]
    assert train.kept + train.empty == train.read
    assert (len(loaded.train), len(loaded.test)) == (train.kept, test.kept)
    assert train.unknown_tokens == 0
    assert 4_000 < loaded.tokenizer.vocabulary_size < 5_500
    assert [loaded.tokenizer.decode(r) for r in loaded.train[:500]] == loaded.train_lines[:500]


def test_german_captions_as_subwords_come_back_exactly(corpora):
    path = corpora / "multi30k" / "val.de"
    cfg = TextData(text=str(path), tokenizer="bpe", vocabulary=800, valid_share=0, test_share=0)
    loaded = load_text(cfg)
    lines = [
        unicodedata.normalize("NFC", line).strip() for line in path.read_text("utf-8").split("\n")
    ]
    assert [loaded.tokenizer.decode(row) for row in loaded.train] == [
        line for line in lines if line
    ]
    assert json.loads(json.dumps(loaded.tokenizer.to_dict())) == loaded.tokenizer.to_dict()

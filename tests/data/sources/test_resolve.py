import csv
import json
import subprocess
import sys

import pyarrow as pa
import pytest
from pyarrow import parquet

from seqgan_kit.data.sources import resolve as sources_module
from seqgan_kit.data.sources.library import quiet_datasets
from seqgan_kit.data.sources.resolve import bundled_or_path, locate_text
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, load_corpus

LINES = [f"line {i} of 00{i}, with “quotes”, NA and\tté" for i in range(40)]


def write_jsonl(path, lines=LINES):
    rows = (json.dumps({"n": i, "caption": line}) for i, line in enumerate(lines))
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def write_csv(path, delimiter=","):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["n", "caption"])
        writer.writerows(enumerate(LINES))
    return path


def write_parquet(path):
    parquet.write_table(pa.table({"n": list(range(len(LINES))), "caption": LINES}), path)
    return path


def write_tsv(path):
    return write_csv(path, "\t")


def whole(text, **options):
    return TextData(text=str(text), valid_share=0, test_share=0, **options)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_jsonl, "a.jsonl"),
        (write_csv, "a.csv"),
        (write_tsv, "a.tsv"),
        (write_parquet, "a.parquet"),
        (write_jsonl, "with space & (brackets).jsonl"),
    ],
)
def test_every_format_gives_the_same_lines(tmp_path, write, name):
    loaded = load_text(whole(write(tmp_path / name), tokenizer="char"))
    assert loaded.train_lines == LINES


def test_csv_cells_stay_what_they_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\n007\nNA\nnull\n1.50\ntrue\n")
    assert load_text(whole(path)).train_lines == ["007", "NA", "null", "1.50", "true"]


def test_a_csv_cell_may_hold_a_line_break(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text\n"two\nlines"\nother\n')
    assert load_text(whole(path)).train_lines == ["two lines", "other"]


def test_numbers_word_lists_and_nothing_are_read_from_json(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": ["a", "b"]}\n{"text": ["c"]}\n{"text": null}\n')
    loaded = load_text(whole(path))
    assert loaded.train_lines == ["a b", "c"]
    assert loaded.account.splits["train"].empty == 1


def test_the_column_can_be_named(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl")
    assert load_text(whole(path, column="n")).train_lines == [str(i) for i in range(len(LINES))]


@pytest.mark.parametrize("write", [write_jsonl, write_csv, write_parquet])
def test_a_missing_column_is_named_with_those_that_exist(tmp_path, write):
    path = write(tmp_path / f"a.{write.__name__.split('_')[1]}")
    message = r"has no column 'captoin'\. Did you mean 'caption'\? It has: n, caption\."
    with pytest.raises(DataError, match=message):
        load_text(whole(path, column="captoin"))


def test_several_columns_need_a_choice(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("left,right\na,b\n")
    with pytest.raises(DataError, match="several columns; choose one with --column: left, right"):
        load_text(whole(path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": "x"}\n{"a" 3}\n', r"line 2 of .*a\.jsonl is not JSON \(Expecting"),
        ("a.parquet", b"hello", r"cannot read .*a\.parquet: Parquet file size is 5 bytes"),
        (
            "a.csv",
            b"a,b\n1,2\n1,2,3,4\n",
            r"cannot read .*a\.csv: .*Expected 2 fields in line 3, saw 4",
        ),
        ("a.csv", b"a\ncaf\xe9\n", r"a\.csv is not UTF-8: byte 0xe9 in line 2"),
        ("a.jsonl", b"", r"a\.jsonl is empty"),
        ("a.jsonl", b'{"text": {"b": 1}}\n', r"column 'text' of .* has dict values, not text"),
    ],
)
def test_broken_tables_are_explained_without_noise(tmp_path, capfd, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_text(whole(path, column="a" if b"a" in content[:4] else None))
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_suggests_near_names(tmp_path, monkeypatch):
    (tmp_path / "corpus.txt").write_text("x")
    with pytest.raises(
        DataError, match=r"no such file or folder: .*coprus\.txt\. Did you mean .*corpus\.txt\?"
    ):
        bundled_or_path(str(tmp_path / "coprus.txt"))
    with pytest.raises(DataError, match=r"There is no folder .*nowhere either"):
        bundled_or_path(str(tmp_path / "nowhere" / "a.txt"))
    monkeypatch.setattr(sources_module, "bundled_names", lambda: ["catworld"])
    with pytest.raises(DataError, match=r"Did you mean catworld\? Bundled: catworld"):
        bundled_or_path("catwrold")
    with pytest.raises(DataError, match="is empty: give a bundled name"):
        bundled_or_path(" ")


def test_a_bundled_name_is_a_folder_of_splits(tmp_path, monkeypatch):
    for split in ("train", "valid", "test"):
        folder = tmp_path / "toyworld"
        folder.mkdir(exist_ok=True)
        (folder / f"{split}.txt").write_text("\n".join(f"{split} {i}" for i in range(5)))
    (folder / "faces-train.parquet").write_bytes(b"")
    monkeypatch.setattr(sources_module, "data_dir", lambda: tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    loaded = load_text(TextData(text="toyworld"))
    assert loaded.train_lines[0] == "train 0"
    assert loaded.valid_lines[-1] == "valid 4"
    assert len(loaded.test) == 5


def test_a_folder_without_a_training_file_says_what_it_holds(tmp_path):
    (tmp_path / "poems.txt").write_text("x")
    with pytest.raises(DataError, match=r"has no train\.txt .*it has poems\.txt"):
        locate_text(str(tmp_path))


def test_unknown_suffixes_are_plain_text(tmp_path):
    (tmp_path / "train.de").write_text("ein Satz\nzwei Sätze\n", encoding="utf-8")
    assert load_text(whole(tmp_path / "train.de")).train_lines == ["ein Satz", "zwei Sätze"]


# The hub


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A dataset repository as the hub serves it, but in a local folder."""
    datasets = quiet_datasets(online=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf-cache")
    folder = tmp_path / "repository"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        write_jsonl(folder / f"{split}.jsonl", [f"{split} {line}" for line in LINES])
    return folder


@pytest.mark.parametrize("streaming", [False, True])
def test_a_hub_dataset_brings_its_own_splits(repository, streaming):
    cfg = TextData(text=f"hub:{repository}", streaming=streaming, max_tokens=30)
    loaded = load_text(cfg)
    assert [len(loaded.train), len(loaded.valid), len(loaded.test)] == [40, 40, 40]
    assert loaded.valid_lines[0].startswith("validation line 0")
    assert len(loaded.feed(8, seed=0).next_batch()["real"]) == 8


def test_a_hub_split_can_be_chosen(repository):
    loaded = load_text(whole(f"hub:{repository}", split="validation"))
    assert loaded.train_lines[0].startswith("validation")
    assert loaded.test_lines[0].startswith("test")
    with pytest.raises(DataError, match=r"cannot read hub:.*\[trian\]: Unknown split \"trian\""):
        load_text(whole(f"hub:{repository}", split="trian"))


def test_name_configuration_split_and_revision_reach_the_library(monkeypatch):
    datasets = quiet_datasets(online=False)
    asked = []

    def load_dataset(name, config, **options):
        asked.append((name, config, options["split"], options["revision"]))
        return datasets.Dataset.from_dict({"text": [f"{options['split']} {i}" for i in range(9)]})

    def split_names(name, config, revision):
        assert (name, config, revision) == ("someone/poems", "short", "v2")
        return ["train", "dev"]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets, "get_dataset_split_names", split_names)
    loaded = load_text(TextData(text="hub:someone/poems:short", revision="v2", test_share=0.3))
    assert asked == [("someone/poems", "short", split, "v2") for split in ("train", "dev")]
    assert loaded.valid_lines == [f"dev {i}" for i in range(9)]
    assert len(loaded.train) + len(loaded.test) == 9
    assert "hub:someone/poems:short [train]" in loaded.account.lines()[1]


def test_a_changed_hub_dataset_is_not_taken_from_the_cache(repository):
    before = load_text(whole(f"hub:{repository}"))
    write_jsonl(repository / "train.jsonl", ["new " + line for line in LINES])
    assert (
        load_text(whole(f"hub:{repository}")).train_lines[0] == "new " + before.train_lines[0][6:]
    )


def test_an_unreachable_hub_is_one_sentence(monkeypatch):
    datasets = quiet_datasets(online=False)

    def refuse(*args, **options):
        raise ConnectionError("Couldn't reach the Hub")

    monkeypatch.setattr(datasets, "get_dataset_split_names", refuse)
    with pytest.raises(
        DataError, match=r"cannot read hub:a/b \[train\]: Couldn't reach the Hub\. Check the name"
    ):
        load_text(TextData(text="hub:a/b"))
    with pytest.raises(DataError, match="has no dataset name"):
        load_text(TextData(text="hub:"))


PROBE = """
import os, socket, sys
def refuse(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from seqgan_kit.data.text.load_text import TextData, load_text
load_text(TextData(text=sys.argv[1], valid_share=0, test_share=0))
assert not {"datasets", "pyarrow", "pandas", "sentencepiece"} & set(sys.modules)
load_text(TextData(text=sys.argv[2], valid_share=0, test_share=0))
from huggingface_hub import constants
import datasets
from seqgan_kit.data.sources.library import quiet_datasets
load_dataset = datasets.load_dataset
def watched(*args, **kwargs):
    assert constants.HF_HUB_OFFLINE and datasets.config.HF_HUB_OFFLINE
    return load_dataset(*args, **kwargs)
datasets.load_dataset = watched
assert constants.HF_HUB_OFFLINE and datasets.config.HF_HUB_OFFLINE
assert constants.HF_HUB_DISABLE_TELEMETRY
assert "HF_HUB_OFFLINE" not in os.environ
quiet_datasets(online=True)
assert not constants.HF_HUB_OFFLINE and not datasets.config.HF_HUB_OFFLINE
load_text(TextData(text=sys.argv[2], lowercase=True))  # a local table beside a stream from the hub
assert not constants.HF_HUB_OFFLINE and not datasets.config.HF_HUB_OFFLINE
os.environ["HF_HUB_OFFLINE"] = "1"
quiet_datasets(online=True)
assert constants.HF_HUB_OFFLINE and datasets.config.HF_HUB_OFFLINE
"""


def test_local_files_are_read_offline_and_in_silence(tmp_path):
    (tmp_path / "a.txt").write_text("plain text\nneeds no table library\n")
    table = write_csv(tmp_path / "a.csv")
    command = [sys.executable, "-W", "error", "-c", PROBE, str(tmp_path / "a.txt"), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"null\n" * 20, r"line 1 of .*a\.json is null; an object such as .* is needed"),
        (b'{"text": "a"}\n3\n', r"line 2 of .*a\.json is 3; an object"),
        (b'["a", 3]', r"row 2 of .*a\.json is 3"),
        (b'{"text": ' + b"[" * 100_000, "is nested too deeply"),
        (rb'{"text": "\ud800"}', "half of a surrogate pair"),
        (b'{"text": %s}' % (b"9" * 5000), "is not JSON"),
    ],
)
def test_json_that_holds_no_rows_is_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_text(whole(path))


@pytest.mark.parametrize(
    "content",
    ['[{"text": "b a"}, {"text": "a b"}]', '["b a", "a b"]', '{\n"text": ["b a", "a b"]\n}',
     '[\n{"text": "b a"},\n{"text": "a b"}\n]', '{"text": "b a"}\n\n{"text": "a b", "n": 1}\n'],
)  # fmt: skip
def test_the_shapes_of_json_files(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    assert load_text(whole(path, column="text")).train_lines == ["b a", "a b"]


def test_dates_in_json_stay_as_they_are_written(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "2020-01-01"}\n{"text": "2020-01-02T03:04:05"}\n')
    assert load_text(whole(path)).train_lines == ["2020-01-01", "2020-01-02T03:04:05"]


def test_a_header_that_is_too_long_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x" * 140_000 + ",b\n1,2\n")
    with pytest.raises(DataError, match=r"first line of .*a\.csv is not a header .*131072"):
        load_text(whole(path))


def test_plain_text_has_no_column(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a\nb\n")
    with pytest.raises(DataError, match="plain text, a line each, and has no columns"):
        load_text(whole(path, column="text"))


def test_labelled_captions_are_bundled():
    found = locate_text("catworld:faces")
    assert {split: source.format for split, source in found.items()} == {
        "train": "parquet",
        "test": "parquet",
    }
    given = PairData(label_column="cats")
    corpus, world = load_corpus(
        TextData(text="catworld:faces", column="caption"), OracleData(), given
    )
    assert (corpus.classes, corpus.given, len(corpus.test), world) == (
        ("0", "1", "2"),
        1,
        500,
        None,
    )
    with pytest.raises(UsageError, match="part of catworld"):
        locate_text("catworld:facets")

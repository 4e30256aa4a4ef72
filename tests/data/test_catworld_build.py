"""The bundled files and their making."""

import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from seqgan_kit.data.catworld import CatWorld, build
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES, SceneLaw
from seqgan_kit.data.catworld.tasks.entail import relation
from seqgan_kit.data.catworld.tasks.task_choice import TASKS
from seqgan_kit.data.sources.library import quiet_datasets
from seqgan_kit.errors import UsageError

DATA = Path(__file__).resolve().parents[2] / "data"
WORLD = CatWorld()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pixels(row: dict[str, dict[str, bytes]]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))


def test_the_readme_states_every_file_and_its_checksum() -> None:
    stated = dict(
        re.findall(r"`(catworld/\S+)` \|.*`([0-9a-f]{64})`", (DATA / "README.md").read_text())
    )
    found = {f"catworld/{path.name}": digest(path) for path in (DATA / "catworld").iterdir()}
    assert stated == found
    assert sum(path.stat().st_size for path in (DATA / "catworld").iterdir()) < 12_000_000


def test_the_readme_states_the_world_as_it_is() -> None:
    text = (DATA / "README.md").read_text()
    low, high = WORLD.lengths()
    assert f"{len(WORLD.vocabulary())} words, {low} to {high} words per caption" in text
    assert f"entropy of {WORLD.entropy():.2f} nats" in text
    mass = sum(np.exp(lp) for _, lp in WORLD.head(1000))
    assert f"have {100 * mass:.0f} % of the probability" in text.replace("\n", " ")


def test_bundled_captions_are_built_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "BUNDLED_FACES", {})
    monkeypatch.setattr(build, "BUNDLED_PAIRS", {})
    assert build.main([str(tmp_path)]) == 0
    for split, count in build.BUNDLED_CAPTIONS.items():
        made = tmp_path / f"{split}.txt"
        assert made.read_bytes() == (DATA / "catworld" / made.name).read_bytes()
        assert np.isfinite(WORLD.log_prob_many(made.read_text().splitlines())).sum() == count


def test_bundled_pairs_begin_as_they_are_built_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "BUNDLED_CAPTIONS", {})
    monkeypatch.setattr(build, "BUNDLED_FACES", {})
    monkeypatch.setattr(build, "BUNDLED_PAIRS", {"valid": 200})
    build.build_bundled(tmp_path)
    assert len(list(tmp_path.iterdir())) == len(TASKS)
    for name in TASKS:
        made = (tmp_path / f"{name}-valid.tsv").read_bytes()
        assert (DATA / "catworld" / f"{name}-valid.tsv").read_bytes().startswith(made)


def test_bundled_faces_begin_as_they_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "BUNDLED_CAPTIONS", {})
    monkeypatch.setattr(build, "BUNDLED_PAIRS", {})
    monkeypatch.setattr(build, "BUNDLED_FACES", {"train": 20, "test": 5})
    build.build_bundled(tmp_path)
    for path in tmp_path.iterdir():
        made = parquet.read_table(path).to_pylist()
        bundled = parquet.read_table(DATA / "catworld" / path.name).slice(0, len(made)).to_pylist()
        for row, kept in zip(made, bundled, strict=True):
            np.testing.assert_array_equal(pixels(row), pixels(kept))
            assert {**row, "image": None} == {**kept, "image": None}


@pytest.mark.slow
def test_all_bundled_files_are_built_byte_for_byte(tmp_path: Path) -> None:
    """Holds with the library versions that data/README.md names."""
    build.build_bundled(tmp_path)
    for path in (DATA / "catworld").iterdir():
        assert digest(tmp_path / path.name) == digest(path)


def test_faces_open_as_a_dataset_with_named_labels() -> None:
    datasets = quiet_datasets(online=False)
    path = DATA / "catworld" / "faces-test.parquet"
    features = datasets.Features.from_arrow_schema(parquet.read_schema(path))
    assert isinstance(features["image"], datasets.Image)
    assert list(features) == ["image", *LABEL_NAMES, "caption"]
    for name, values in LABEL_NAMES.items():
        assert tuple(features[name].names) == values


def test_captions_of_faces_agree_with_their_labels() -> None:
    rows = parquet.read_table(DATA / "catworld" / "faces-test.parquet").to_pylist()
    assert len(rows) == build.BUNDLED_FACES["test"]
    assert 0.7 < np.mean([row["cats"] == 0 for row in rows]) < 0.9
    for row in rows:
        parsed = WORLD.parse(row["caption"])
        assert parsed.valid
        for name, value in parsed.attributes.items():
            if name in LABEL_NAMES:
                assert LABEL_NAMES[name][row[name]] == value, row["caption"]
    assert pixels(rows[0]).shape == (32, 32, 3)


def test_a_larger_world_begins_with_the_smaller(tmp_path: Path) -> None:
    for images in (10, 20):
        build.write_world(tmp_path / str(images), images=images, size=16, captions=50, seed=3)
    small, large = (parquet.read_table(tmp_path / n / "faces-train.parquet") for n in ("10", "20"))
    assert (len(small), len(large)) == (9, 18)
    assert small.to_pylist() == large.slice(0, 9).to_pylist()
    assert pixels(small.to_pylist()[0]).shape == (16, 16, 3)
    counts = [
        len((tmp_path / "10" / f"{s}.txt").read_text().splitlines())
        for s in ("train", "valid", "test")
    ]
    assert counts == [40, 5, 5]
    again = tmp_path / "again"
    build.write_world(again, images=10, size=16, captions=50, seed=3)
    assert {p.name: digest(p) for p in again.iterdir()} == {
        p.name: digest(p) for p in (tmp_path / "10").iterdir()
    }


def test_only_what_is_asked_for_is_written(tmp_path: Path) -> None:
    build.write_world(tmp_path, images=0, captions=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.txt"]


def test_pairs_of_a_task_are_split_and_hold_what_the_task_says(tmp_path: Path) -> None:
    build.write_world(tmp_path, pairs=20, task="entail", seed=1)
    rows = {
        split: (tmp_path / f"entail-{split}.tsv").read_text().splitlines()
        for split in ("train", "valid", "test")
    }
    assert {split: len(lines) - 1 for split, lines in rows.items()} == {
        "train": 16,
        "valid": 2,
        "test": 2,
    }
    for line in rows["train"][1:]:
        source, label = line.split("\t")
        premise, hypothesis = source.split(" | ")
        assert relation(premise, hypothesis, SceneLaw()) == label


def test_impossible_worlds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must not be negative"):
        build.write_world(tmp_path, images=-1)
    with pytest.raises(UsageError, match="faces of 8 pixels: give a size from 16 to 256"):
        build.write_world(tmp_path, images=1, size=8)
    assert list(tmp_path.iterdir()) == []


def test_the_command_wants_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["--help"]) == 2
    assert "usage: python -m seqgan_kit.data.catworld.build FOLDER" in capsys.readouterr().err

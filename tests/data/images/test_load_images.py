import io
import os
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from seqgan_kit.data.images import load_images as images_module
from seqgan_kit.data.images.load_images import ImageData, load_images
from seqgan_kit.data.images.pixels import decode, to_uint8
from seqgan_kit.data.sources import resolve as sources_module
from seqgan_kit.data.sources.library import quiet_datasets
from seqgan_kit.errors import DataError, UsageError


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width, height, seed=0, mode="RGB"):
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


@pytest.fixture
def folder(tmp_path):
    """Two labels, ten pictures each, of mixed sizes."""
    root = tmp_path / "pets"
    for label in ("dog", "cat"):
        (root / label).mkdir(parents=True)
        for i in range(10):
            picture = noise(20 + 3 * i, 24, seed=len(label) * i + ord(label[0]))
            picture.save(root / label / f"{i}.png")
    return root


# Folders


def test_a_folder_has_its_sub_folders_as_labels(folder):
    loaded = load_images(ImageData(images=str(folder), size=16, test_share=0))
    assert loaded.train.shape == (20, 3, 16, 16)
    assert loaded.train.dtype == torch.uint8
    assert loaded.label_names == {"label": ("cat", "dog")}
    assert loaded.train_labels["label"].tolist() == [0] * 10 + [1] * 10
    first = decode((folder / "cat" / "0.png").read_bytes(), size=16, channels=3, crop="centre")
    assert np.array_equal(loaded.train[0].numpy(), first.pixels)
    assert loaded.test.shape == (0, 3, 16, 16)
    assert "images of 20x24 to 47x24 pixels, 20 cropped" in loaded.account.lines()[1]


def test_a_sub_folder_without_images_is_told(folder):
    (folder / "bird").mkdir()
    (folder / ".cache").mkdir()
    (folder / "__MACOSX").mkdir()
    loaded = load_images(ImageData(images=str(folder), size=16))
    assert loaded.label_names == {"label": ("cat", "dog")}
    assert loaded.account.lines()[-1] == "note: the folder bird has no images, so it is no class."


def test_a_flat_folder_has_no_labels_and_hidden_files_are_no_pictures(folder):
    (folder / "cat" / "._0.png").write_bytes(b"resource fork")
    (folder / "cat" / "notes.txt").write_text("mice")
    loaded = load_images(ImageData(images=str(folder / "cat"), size=16, channels=1, test_share=0))
    assert loaded.train.shape == (10, 1, 16, 16)
    assert loaded.train_labels == {}
    assert loaded.account.splits["train"].unreadable == 0


def test_odd_file_names_are_just_names(folder):
    (folder / "cat" / "0.png").rename(folder / "cat" / "test [1]*? é.png")
    assert len(load_images(ImageData(images=str(folder), test_share=0)).train) == 20


def test_train_and_test_folders_are_the_splits(tmp_path, folder):
    root = tmp_path / "both"
    root.mkdir()
    folder.rename(root / "train")
    (root / "test" / "dog").mkdir(parents=True)
    noise(30, 30, seed=99).save(root / "test" / "dog" / "x.jpg")
    loaded = load_images(ImageData(images=str(root)))
    assert (len(loaded.train), len(loaded.test)) == (20, 1)


def test_a_test_split_is_cut_by_content(folder):
    for i in range(5):
        (folder / "cat" / f"copy{i}.png").write_bytes((folder / "dog" / "1.png").read_bytes())
    cfg = ImageData(images=str(folder), test_share=0.3)
    loaded = load_images(cfg)
    assert len(loaded.train) + len(loaded.test) == 25
    train = {t.numpy().tobytes() for t in loaded.train}
    assert not train & {t.numpy().tobytes() for t in loaded.test}
    assert len(loaded.test_labels["label"]) == len(loaded.test) > 0


def test_pictures_smaller_than_asked_are_counted(folder):
    account = load_images(ImageData(images=str(folder), size=64, test_share=0)).account
    assert account.splits["train"].enlarged == 20


# Parquet and the hub


def write_parquet(path, rows, **columns):
    cells = [{"bytes": encoded(image), "path": None} for image in rows]
    parquet.write_table(pa.table({"image": cells, **columns}), path)
    return str(path)


ROWS = [noise(16, 16, seed=i) for i in range(12)]


def test_parquet_brings_labels_and_captions(tmp_path):
    coat = ["tabby", "black", "white"] * 4
    path = write_parquet(
        tmp_path / "a.parquet",
        ROWS,
        eyes=[2, 0] * 6,
        coat=coat,
        asleep=[True, False] * 6,
        caption=[f"cat {i}" for i in range(12)],
        file=[f"{i}.png" for i in range(12)],
        weight=[0.5] * 12,
    )
    loaded = load_images(ImageData(images=path, size=16, test_share=0))
    assert loaded.label_names == {
        "eyes": ("0", "2"),
        "coat": ("black", "tabby", "white"),
        "asleep": ("False", "True"),
    }
    assert loaded.train_labels["coat"].tolist() == [1, 0, 2] * 4
    assert loaded.train_labels["eyes"].tolist() == [1, 0] * 6
    assert loaded.train_captions == [f"cat {i}" for i in range(12)]
    assert np.array_equal(loaded.train[3].numpy(), np.asarray(ROWS[3]).transpose(2, 0, 1))
    only = load_images(ImageData(images=path, size=16, test_share=0, label_column="coat"))
    assert list(only.label_names) == ["coat"]


def test_stated_classes_keep_their_numbers(tmp_path):
    datasets = quiet_datasets(online=False)
    features = datasets.Features(
        {"img": datasets.Image(), "label": datasets.ClassLabel(names=["1", "0", "never"])}
    )
    data = {"img": [{"bytes": encoded(i), "path": None} for i in ROWS], "label": [0, 1, -1] * 4}
    datasets.Dataset.from_dict(data, features=features).to_parquet(tmp_path / "a.parquet")
    loaded = load_images(ImageData(images=str(tmp_path / "a.parquet"), size=16, test_share=0))
    assert loaded.label_names == {"label": ("1", "0", "never")}
    assert loaded.train_labels["label"].tolist() == [0, 1, -1] * 4


def test_a_bundled_world_has_prefixed_parquet_files(tmp_path, monkeypatch):
    world = tmp_path / "toyworld"
    world.mkdir()
    write_parquet(world / "faces-train.parquet", ROWS[:8])
    write_parquet(world / "faces-test.parquet", ROWS[8:])
    (world / "train.txt").write_text("a caption")
    monkeypatch.setattr(sources_module, "data_dir", lambda: tmp_path)
    loaded = load_images(ImageData(images="toyworld", size=16))
    assert (len(loaded.train), len(loaded.test)) == (8, 4)


def test_shards_of_one_split_belong_together(tmp_path):
    write_parquet(tmp_path / "train-00000-of-00002.parquet", ROWS[:8])
    write_parquet(tmp_path / "train-00001-of-00002.parquet", ROWS[8:])
    assert len(load_images(ImageData(images=str(tmp_path), size=16, test_share=0)).train) == 12
    write_parquet(tmp_path / "other-train.parquet", ROWS)
    with pytest.raises(DataError, match="has several training files; choose one of them"):
        load_images(ImageData(images=str(tmp_path)))


def test_the_hub_gives_pictures_and_its_test_split(monkeypatch):
    datasets = quiet_datasets(online=False)

    def load_dataset(name, config, **options):
        assert (name, config, options["streaming"]) == ("someone/cats", None, False)
        features = datasets.Features(
            {"picture": datasets.Image(), "label": datasets.Value("int64")}
        )
        rows = ROWS[:9] if options["split"] == "train" else ROWS[9:]
        cells = [{"bytes": encoded(i), "path": None} for i in rows]
        data = {"picture": cells, "label": list(range(len(rows)))}
        return datasets.Dataset.from_dict(data, features=features)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *a, **k: ["train", "test"])
    loaded = load_images(ImageData(images="hub:someone/cats", size=16))
    assert (len(loaded.train), len(loaded.test)) == (9, 3)
    assert np.array_equal(loaded.test[0].numpy(), np.asarray(ROWS[9]).transpose(2, 0, 1))


# Cache and feed


def test_the_second_time_comes_from_the_cache_until_a_byte_changes(folder, monkeypatch):
    cfg = ImageData(images=str(folder), size=16)
    first = load_images(cfg)
    with monkeypatch.context() as patch:
        patch.setattr(images_module, "decode_split", lambda *a: pytest.fail("decoded again"))
        second = load_images(cfg)
    assert torch.equal(first.train, second.train)
    assert torch.equal(first.test_labels["label"], second.test_labels["label"])
    assert (first.account, first.label_names) == (second.account, second.label_names)
    path = folder / "cat" / "0.png"
    before = path.stat()
    path.write_bytes((folder / "cat" / "1.png").read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not torch.equal(load_images(cfg).train, first.train)
    (folder / "cat").rename(folder / "kitten")
    assert load_images(cfg).label_names == {"label": ("dog", "kitten")}


def test_the_feed_gives_normalised_pictures_with_their_labels(folder):
    loaded = load_images(ImageData(images=str(folder), size=16, test_share=0))
    label_of = {
        x.numpy().tobytes(): int(y)
        for x, y in zip(loaded.train, loaded.train_labels["label"], strict=True)
    }
    batch = loaded.feed(6, seed=0).next_batch()
    assert batch["real"].dtype == torch.float32
    assert batch["real"].abs().max() <= 1
    for x, y in zip(to_uint8(batch["real"]), batch["label"], strict=True):
        assert label_of[x.numpy().tobytes()] == y


# Bad input


def test_a_corrupt_picture_among_good_ones_is_named_and_skipped(folder, recwarn, capfd):
    good = (folder / "dog" / "3.png").read_bytes()
    (folder / "dog" / "3.png").write_bytes(good[: len(good) // 2])
    (folder / "cat" / "5.png").write_bytes(b"not a picture")
    (folder / "cat" / "6.png").write_bytes(b"")
    loaded = load_images(ImageData(images=str(folder), test_share=0))
    account = loaded.account.splits["train"]
    assert (account.read, account.kept, account.unreadable) == (20, 17, 3)
    assert loaded.train_labels["label"].tolist() == [0] * 8 + [1] * 9
    line = next(line for line in loaded.account.lines() if "unreadable" in line)
    assert "skipped 3 unreadable" in line
    for name in ("cat/5.png (cannot identify", "cat/6.png (empty", "dog/3.png ("):
        assert name in line
    assert len(recwarn) == 0
    assert capfd.readouterr() == ("", "")
    with pytest.raises(DataError, match=r"cannot read the image .*cat/5\.png .*Leave out --strict"):
        load_images(ImageData(images=str(folder), strict=True))


def test_nothing_but_corrupt_pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"none of the 1 images of .* can be read: .*a\.png"):
        load_images(ImageData(images=str(tmp_path)))


def test_a_corrupt_cell_is_named_by_its_row(tmp_path):
    cells = [{"bytes": encoded(i), "path": None} for i in ROWS]
    cells[4] = {"bytes": b"junk", "path": "cat4.png"}
    cells[5] = {"bytes": None, "path": None}
    parquet.write_table(pa.table({"image": cells}), tmp_path / "a.parquet")
    account = load_images(ImageData(images=str(tmp_path / "a.parquet"), test_share=0)).account
    assert "row 5 of" in account.splits["train"].unreadable_names[0]
    assert account.splits["train"].unreadable == 2


def test_a_folder_without_pictures(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("x")
    with pytest.raises(
        DataError, match=r"the folder .* and its sub-folders have no images \(\.bmp "
    ):
        load_images(ImageData(images=str(tmp_path)))


def test_sources_that_hold_no_pictures(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match="has no column of file names"):
        load_images(ImageData(images=str(tmp_path / "a.csv")))
    (tmp_path / "b.txt").write_text("a\n1\n")
    with pytest.raises(DataError, match="is not a source of images: give a folder"):
        load_images(ImageData(images=str(tmp_path / "b.txt")))
    parquet.write_table(pa.table({"n": [1], "text": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(
        DataError, match=r"has no image column; choose one with --column\. Columns: n, text"
    ):
        load_images(ImageData(images=str(tmp_path / "a.parquet")))
    with pytest.raises(DataError, match="has int values, not encoded images"):
        load_images(ImageData(images=str(tmp_path / "a.parquet"), column="n"))
    with pytest.raises(DataError, match=r"no such file or folder: .*\.csw\. Did you mean .*a\.csv"):
        load_images(ImageData(images=str(tmp_path / "a.csw")))


def test_more_than_the_memory_budget_says_what_helps(folder):
    with pytest.raises(
        DataError, match=r"20 images of 3x256x256 .* Add --streaming, use a smaller"
    ):
        load_images(ImageData(images=str(folder), size=256, memory_gib=0.003))
    assert len(load_images(ImageData(images=str(folder), size=16, memory_gib=0.003)).train) > 0


def test_one_picture_cannot_be_split(tmp_path):
    noise(8, 8).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="has only 1 distinct image"):
        load_images(ImageData(images=str(tmp_path)))


@pytest.mark.parametrize("streaming", [False, True])
def test_grey_pictures_are_no_colour_pictures(tmp_path, streaming):
    for i in range(6):
        noise(8, 8, i, "L").save(tmp_path / f"{i}.png")
    cfg = ImageData(images=str(tmp_path), size=8, test_share=0, streaming=streaming)
    for _ in range(2):  # nor the second time, when there is a cache
        with pytest.raises(DataError, match=f"all images of {tmp_path} are grey.* --channels 1"):
            load_images(cfg)
    assert load_images(replace(cfg, channels=1)).train.shape[1:] == (1, 8, 8)
    noise(8, 8, 7).save(tmp_path / "a colour.png")
    assert load_images(cfg).train.shape[1:] == (3, 8, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 4}, "size is 4 pixels; it must be 8 to 1024"),
        ({"channels": 4}, r"channels is 4; it must be 1 \(grey\) or 3"),
        ({"crop": "center"}, "unknown crop 'center'. Did you mean 'centre'"),
        ({"test_share": 1.0}, "test_share is 1.0"),
        ({"memory_gib": 0}, "memory_gib is 0"),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(UsageError, match=message):
        ImageData(**options)


# Real corpora


def test_real_cats(corpora):
    loaded = load_images(ImageData(images=str(corpora / "cats32" / "test.parquet"), test_share=0))
    assert loaded.train.shape == (1000, 3, 32, 32)
    assert loaded.account.splits["train"].unreadable == 0
    assert 90 < loaded.train.float().mean() < 150


def test_real_digits_stream(corpora):
    cfg = ImageData(
        images=str(corpora / "mnist"),
        size=28,
        channels=1,
        streaming=True,
        sample_images=300,
        shuffle_buffer=200,
    )
    loaded = load_images(cfg)
    assert loaded.label_names["label"] == tuple("0123456789")
    assert len(loaded.train) == len(loaded.test) == 300
    feed = loaded.feed(50, seed=0)
    assert feed.batches_per_epoch == 1200
    assert feed.next_batch()["real"].shape == (50, 1, 28, 28)


@pytest.mark.parametrize("kind", ["AVIF", "DDS", "WEBP", "JPEG2000", "QOI", "TIFF", "ICO"])
def test_damaged_images_of_any_format_are_skipped_and_counted(tmp_path, kind):
    whole = encoded(noise(24, 24), kind)
    rng = np.random.default_rng(0)
    for i in range(30):
        hurt = bytearray(whole[: rng.integers(8, len(whole))] if i % 2 else whole)
        for at in rng.integers(0, min(len(hurt), 160), 8):
            hurt[at] = rng.integers(256)
        (tmp_path / f"{i}.png").write_bytes(hurt)
    for i in range(2):
        (tmp_path / f"good{i}.png").write_bytes(encoded(noise(16, 16, seed=i)))
    account = load_images(ImageData(images=str(tmp_path), size=8, test_share=0)).account
    assert account.splits["train"].read == 32
    assert account.splits["train"].unreadable > 0


def test_a_dds_of_an_unknown_layout_is_no_image():
    content = bytearray(encoded(noise(8, 8), "DDS"))
    content[80:84] = (4).to_bytes(4, "little")  # its pixels are packed
    content[84:88] = b"ABCD"  # in a way that nobody knows
    with pytest.raises(DataError, match="pixel format"):
        decode(bytes(content), size=8, channels=3, crop="centre")

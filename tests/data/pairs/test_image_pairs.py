"""Pairs of images: from folders, side-by-side images, parquet and the cat world; damage; mistakes."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from seqgan_kit.data.images.pixels import to_uint8
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import ImagePairs, load_image_pairs
from seqgan_kit.errors import DataError, UsageError

SHARE = {"seed": 3}


def encoded(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def image(number: int, width: int = 16, height: int = 16) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (height, width, 3), dtype=np.uint8)


def inverted(array: np.ndarray) -> np.ndarray:
    return 255 - array


def two_folders(folder: Path, pairs: int = 6) -> ImagePairData:
    for side in ("photos", "inverted"):
        (folder / side / "deep").mkdir(parents=True)
    for n in range(pairs):
        name = f"deep/{n}.png" if n % 2 else f"{n}.png"
        (folder / "photos" / name).write_bytes(encoded(image(n)))
        (folder / "inverted" / name).write_bytes(encoded(inverted(image(n))))
    return ImagePairData(str(folder / "photos"), str(folder / "inverted"), size=16, test_share=0.3)


def check_inverted(pairs: ImagePairs, count: int) -> None:
    assert len(pairs.train) + len(pairs.test) == count
    for split in (pairs.train, pairs.test):
        assert len(split) > 0
        assert split.sources.shape[1:] == (3, 16, 16)
        assert torch.equal(split.targets, 255 - split.sources)


def test_two_folders_are_paired_by_name(tmp_path: Path) -> None:
    cfg = two_folders(tmp_path)
    pairs = load_image_pairs(cfg)
    check_inverted(pairs, 6)
    batch = pairs.feed(2, **SHARE).next_batch()["real"]
    source, target = batch.chunk(2, 1)
    assert batch.shape == (2, 6, 16, 16)
    assert torch.allclose(source, -target, atol=1e-6)


def test_side_by_side_images_are_cut_in_halves_and_splits_are_found(tmp_path: Path) -> None:
    for split, numbers in (("train", range(4)), ("val", range(2)), ("test", range(4, 6))):
        (tmp_path / split).mkdir()
        for n in numbers:
            whole = np.concatenate([image(n), inverted(image(n))], 1)
            (tmp_path / split / f"{n}.png").write_bytes(encoded(whole))
    pairs = load_image_pairs(ImagePairData(str(tmp_path), size=16))
    check_inverted(pairs, 6)
    assert len(pairs.test) == 2
    turned = load_image_pairs(ImagePairData(str(tmp_path), size=16, reverse=True))
    assert torch.equal(turned.train.sources, pairs.train.targets)
    assert torch.equal(turned.test.targets, pairs.test.sources)


def parquet_of(path: Path, columns: dict[str, list[bytes]]) -> str:
    parquet.write_table(pa.table(columns), path)
    return str(path)


def test_two_columns_of_a_parquet_file(tmp_path: Path) -> None:
    one = [encoded(image(n)) for n in range(6)]
    two = [encoded(inverted(image(n))) for n in range(6)]
    path = parquet_of(tmp_path / "pairs.parquet", {"after": two, "before": one})
    named = ImagePairData(path, source_column="before", target_column="after", size=16)
    check_inverted(load_image_pairs(named), 6)
    first = load_image_pairs(ImagePairData(path, size=16))
    shown = {bytes(row.numpy()) for row in torch.cat([first.train.targets, first.test.targets])}
    assert shown == {image(n).transpose(2, 0, 1).tobytes() for n in range(6)}, "the second column"
    only = parquet_of(tmp_path / "one.parquet", {"image": one})
    with pytest.raises(DataError, match=r"has 1 image column \(image\); a pair needs two"):
        load_image_pairs(ImagePairData(only, size=16))


def test_names_without_a_partner_are_listed(tmp_path: Path) -> None:
    cfg = two_folders(tmp_path, 12)
    (tmp_path / "photos" / "0.png").unlink()
    for n in (1, 3, 5, 7, 9, 11):
        (tmp_path / "inverted" / "deep" / f"{n}.png").unlink()
    with pytest.raises(DataError, match="some have no partner") as problem:
        load_image_pairs(cfg)
    said = str(problem.value)
    assert "photos without a partner: deep/1, deep/11, deep/3, deep/5, deep/7 and 1 more" in said
    assert "1 in" in said
    assert "inverted without a partner: 0" in said


def test_pairs_of_two_sizes_are_refused(tmp_path: Path) -> None:
    cfg = two_folders(tmp_path)
    (tmp_path / "inverted" / "2.png").write_bytes(encoded(image(2, 20, 16)))
    with pytest.raises(
        DataError, match="pair 2 have two sizes: the source 16 x 16 pixels, the target 20"
    ):
        load_image_pairs(cfg)


def test_an_odd_width_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(image(0, 31)))
    with pytest.raises(DataError, match=r"a\.png is 31 pixels wide, which is odd"):
        load_image_pairs(ImagePairData(str(tmp_path), size=16))


def test_corrupt_images_cost_their_pair_or_the_run(tmp_path: Path) -> None:
    cfg = two_folders(tmp_path)
    (tmp_path / "photos" / "2.png").write_bytes(encoded(image(2))[:60])
    pairs = load_image_pairs(cfg)
    check_inverted(pairs, 5)
    assert any("skipped 1 unreadable: 2 (" in line for line in pairs.lines)
    strict = ImagePairData(cfg.pairs, cfg.targets, size=16, strict=True)
    with pytest.raises(DataError, match="cannot read the pair 2 "):
        load_image_pairs(strict)
    for path in (tmp_path / "photos").rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="has no pair that can be read"):
        load_image_pairs(cfg)


def test_views_are_exact_pairs_and_come_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path))
    cfg = ImagePairData("catworld:coat=ginger", size=16, world_pairs=12)
    pairs = load_image_pairs(cfg)
    assert (len(pairs.train), len(pairs.test)) == (12, 2)
    assert set(pairs.train.labels["coat"].tolist()) == {pairs.label_names["coat"].index("ginger")}
    masks = pairs.train.masks
    assert masks is not None
    outside = ~masks.expand_as(pairs.train.targets)
    assert torch.equal(pairs.train.sources[outside], pairs.train.targets[outside])
    again = load_image_pairs(cfg)
    assert torch.equal(again.test.targets, pairs.test.targets)
    assert torch.equal(again.train.labels["ears"], pairs.train.labels["ears"])
    with pytest.raises(UsageError, match="cat world is in colour"):
        load_image_pairs(ImagePairData("catworld:parts", channels=1))
    with pytest.raises(UsageError, match="unknown view"):
        load_image_pairs(ImagePairData("catworld:part"))


def test_halves_of_an_unpaired_feed_show_no_pair(tmp_path: Path) -> None:
    pairs = load_image_pairs(two_folders(tmp_path, 14))
    half = len(pairs.train) // 2
    feed = pairs.unpaired_feed(half, **SHARE)
    batch = feed.next_batch()
    sources = {row.tobytes() for row in to_uint8(batch["source"]).numpy()}
    assert sources == {row.tobytes() for row in pairs.train.sources[:half].numpy()}
    negatives = {row.tobytes() for row in (255 - to_uint8(batch["real"])).numpy()}
    assert not sources & negatives


@pytest.mark.parametrize("read_before", [0, 1, 3])
def test_damage_is_fresh_at_every_draw_and_resumes_exactly(
    tmp_path: Path, read_before: int
) -> None:
    for n in range(5):
        (tmp_path / f"{n}.png").write_bytes(encoded(image(n)))
    cfg = ImagePairData("damage:noise", str(tmp_path), size=16, test_share=0.3)
    pairs = load_image_pairs(cfg)
    rows = len(pairs.train)
    feed, other = pairs.feed(rows, **SHARE), pairs.feed(rows, **SHARE)
    for _ in range(read_before):
        feed.next_batch()
    other.load_state_dict(feed.state_dict())
    one, two = feed.next_batch()["real"], feed.next_batch()["real"]
    assert torch.equal(other.next_batch()["real"], one)
    assert torch.equal(other.next_batch()["real"], two)
    assert (one.chunk(2, 1)[0] - one.chunk(2, 1)[1]).abs().mean() > 0.1
    noises = [batch.chunk(2, 1)[0] - batch.chunk(2, 1)[1] for batch in (one, two)]
    assert not torch.equal(*noises)
    assert pairs.test.masks is None, "noise is everywhere"
    boxes = load_image_pairs(replace(cfg, pairs="damage:boxes")).test
    assert boxes.masks is not None
    assert 0.02 < boxes.masks.float().mean() < 0.3
    outside = ~boxes.masks.expand_as(boxes.targets)
    assert torch.equal(boxes.sources[outside], boxes.targets[outside])
    with pytest.raises(UsageError, match="--reverse would learn to damage"):
        load_image_pairs(
            ImagePairData("damage:noise", str(tmp_path), size=16, reverse=True, test_share=0.3)
        )
    with pytest.raises(UsageError, match="unknown corruption 'nois'"):
        load_image_pairs(ImagePairData("damage:nois"))
    with pytest.raises(UsageError, match="unpaired training takes fixed images"):
        pairs.unpaired_feed(1, **SHARE)


def test_a_feed_may_show_where_pairs_differ() -> None:
    pairs = load_image_pairs(ImagePairData("catworld:hand", size=16, world_pairs=12))
    batch = pairs.feed(3, masks=True, **SHARE).next_batch()
    source, target = batch["real"].chunk(2, 1)
    assert batch["mask"].shape == (3, 1, 16, 16)
    assert set(batch["mask"].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(source * (1 - batch["mask"]), target * (1 - batch["mask"]))
    assert "mask" not in pairs.feed(3, **SHARE).next_batch()
    damaged = load_image_pairs(ImagePairData("damage:boxes", size=16)).feed(3, masks=True, **SHARE)
    batch = damaged.next_batch()
    source, target = batch["real"].chunk(2, 1)
    changed = batch["mask"].bool().expand_as(source)
    assert torch.equal(source[~changed], target[~changed])
    assert 0.02 < batch["mask"].mean() < 0.6
    assert (source != target).any(1, keepdim=True).equal(batch["mask"].bool())
    with pytest.raises(UsageError, match="these have no masks"):
        load_image_pairs(ImagePairData("damage:noise", size=16)).feed(2, masks=True, **SHARE)


def test_a_camera_corrupts_all_targets_once(tmp_path: Path) -> None:
    pairs = load_image_pairs(two_folders(tmp_path))
    worse, again = pairs.with_worse_targets("noise"), pairs.with_worse_targets("noise")
    assert torch.equal(worse.train.sources, pairs.train.sources)
    assert torch.equal(worse.train.targets, again.train.targets)
    assert (worse.test.targets != pairs.test.targets).float().mean() > 0.5
    assert torch.equal(pairs.with_worse_targets("none").test.targets, pairs.test.targets)
    with pytest.raises(UsageError, match="unknown corruption 'fog'"):
        pairs.with_worse_targets("fog")
    with pytest.raises(UsageError, match="makes sources of them afresh"):
        load_image_pairs(ImagePairData("damage:noise", size=16)).with_worse_targets("noise")

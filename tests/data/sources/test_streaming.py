import json

import numpy as np
import pytest
import torch
from PIL import Image

from seqgan_kit.data.images.load_images import ImageData, load_images
from seqgan_kit.data.images.pixels import to_uint8
from seqgan_kit.data.sources.streaming import StreamFeed
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.errors import DataError, UsageError


def numbers(n, opened=None):
    """A source of the numbers below ``n``, of which every seventh is unusable."""

    def open_records(start, rank, world_size):
        if opened is not None:
            opened.append(start)
        for place in range(start, n):
            if place % world_size == rank and place % 7:
                yield place, {"real": torch.tensor(place)}

    return open_records


def feed_of(n=1000, batch_size=10, buffer=64, opened=None, **options):
    options = {"seed": 0, "rows": n, **options}
    return StreamFeed(numbers(n, opened), batch_size, shuffle_buffer=buffer, **options)


def take(feed, batches):
    return [feed.next_batch()["real"].tolist() for _ in range(batches)]


USABLE = [i for i in range(1000) if i % 7]


def test_a_pass_shows_every_usable_row_once_in_mixed_order():
    feed = feed_of(batch_size=1)
    first = [row for (row,) in take(feed, len(USABLE))]
    second = [row for (row,) in take(feed, len(USABLE))]
    assert sorted(first) == sorted(second) == USABLE
    assert first != USABLE
    assert first != second
    assert feed.state_dict()["epoch"] == 1


def test_rows_move_no_further_than_the_buffer_allows():
    order = [row for (row,) in take(feed_of(batch_size=1, buffer=64), len(USABLE))]
    shift = max(abs(order.index(row) - i) for i, row in enumerate(USABLE))
    assert 10 < shift < 64


def test_every_order_inside_a_block_is_equally_likely():
    """Three rows, six orders: 1200 epochs give 200 each, with a standard deviation of 13."""

    def three(start, rank, world_size):
        yield from ((i, {"real": torch.tensor(i)}) for i in range(start, 3))

    counts = dict.fromkeys([(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)], 0)
    feed = StreamFeed(three, 3, rows=3, shuffle_buffer=1000, seed=3)
    for _ in range(1200):
        counts[tuple(feed.next_batch()["real"].tolist())] += 1
    # The first block is almost never shorter than the three rows: 2 times in 1000.
    assert all(abs(n - 200) < 60 for n in counts.values())


@pytest.mark.parametrize("stop", [0, 1, 3, 7, 40, 86, 130])
def test_resuming_continues_exactly(stop):
    whole = take(feed_of(), 200)
    feed = feed_of()
    assert take(feed, stop) == whole[:stop]
    state = json.loads(json.dumps(feed.state_dict()))
    opened = []
    again = feed_of(opened=opened)
    again.load_state_dict(state)
    assert take(again, 200 - stop) == whole[stop:]
    assert opened[0] == state["block_start"]  # it went there directly


def test_resuming_the_same_object_goes_back():
    feed = feed_of()
    take(feed, 5)
    state = feed.state_dict()
    whole = take(feed, 20)
    feed.load_state_dict(state)
    assert take(feed, 20) == whole


def test_ranks_share_the_rows_without_overlap():
    shards = []
    for rank in range(3):
        feed = feed_of(batch_size=1, rank=rank, world_size=3)
        shards.append([row for (row,) in take(feed, 286)])
        assert {row % 3 for row in shards[rank]} == {rank}
    # 857 usable rows: two shards hold 286 and one 285, whose last row here begins its second pass.
    rows = [row for shard in shards for row in shard]
    assert set(rows) == set(USABLE)
    assert len(rows) - len(set(rows)) == 1


def test_an_epoch_counts_the_rows_of_all_ranks():
    assert feed_of(batch_size=10).batches_per_epoch == 100
    assert feed_of(batch_size=10, world_size=4).batches_per_epoch == 25
    assert feed_of(n=3).batches_per_epoch == 1


def test_the_seed_decides_the_order():
    assert take(feed_of(seed=1), 9) == take(feed_of(seed=1), 9)
    assert take(feed_of(seed=1), 9) != take(feed_of(seed=2), 9)


def test_mistakes_are_named():
    with pytest.raises(DataError, match="the stream has no usable row for this process"):
        feed_of(n=1).next_batch()
    with pytest.raises(UsageError, match="batch size is 0 and the shuffle buffer 64"):
        feed_of(batch_size=0)
    state = feed_of(buffer=32).state_dict()
    with pytest.raises(UsageError, match="trained with shuffle_buffer 32 and resumes with 64"):
        feed_of().load_state_dict(state)


# Text

LINES = [f"line {i} is about {'cats' if i % 3 else 'dogs and cats'}" for i in range(600)]


def text_config(path, **options):
    options = {"max_tokens": 7, "shuffle_buffer": 50, "sample_lines": 200, **options}
    return TextData(text=str(path), streaming=True, **options)


@pytest.fixture(params=["txt", "jsonl"])
def text_file(tmp_path, request):
    path = tmp_path / f"a.{request.param}"
    lines = LINES if request.param == "txt" else [json.dumps({"text": line}) for line in LINES]
    path.write_text("\n".join(["", *lines]) if request.param == "txt" else "\n".join(lines))
    return path


def test_streamed_text_shows_all_training_lines_and_no_held_out_one(text_file):
    corpus = load_text(text_config(text_file, tokenizer="word"))
    in_memory = load_text(TextData(text=str(text_file), max_tokens=7))
    assert corpus.train.shape[1] == 8
    feed = corpus.feed(1, seed=0)
    rows = [feed.next_batch()["real"][0] for _ in range(len(in_memory.train))]
    # Numbers from after the head are unknown words, so rows are compared by their multiset of lengths
    # and the known ones by their text.
    texts = [corpus.tokenizer.decode(row) for row in rows]
    known = {text for text in texts if "<unk>" not in text}
    assert set(corpus.train_lines) <= known
    assert not known & {*in_memory.valid_lines, *in_memory.test_lines}
    assert feed.state_dict()["epoch"] == 0
    feed.next_batch()
    assert feed.state_dict()["epoch"] == 1
    note = corpus.account.notes[-1]
    assert "come from the first 200 lines; training reads all 60" in note


def test_streamed_text_resumes_exactly(text_file):
    feed = load_text(text_config(text_file)).feed(8, seed=1)
    whole = [feed.next_batch()["real"] for _ in range(120)]
    feed = load_text(text_config(text_file)).feed(8, seed=1)
    for _ in range(50):
        feed.next_batch()
    state = feed.state_dict()
    feed = load_text(text_config(text_file)).feed(8, seed=1)
    feed.load_state_dict(state)
    assert all(torch.equal(feed.next_batch()["real"], row) for row in whole[50:])


def test_the_head_gives_the_tensors(text_file):
    corpus = load_text(text_config(text_file))
    head = load_text(TextData(text=str(text_file), max_tokens=7))
    wanted = [line for line in head.train_lines if int(line.split()[1]) < 199]
    assert corpus.train_lines[: len(wanted)] == wanted
    assert len(corpus.valid) > 0
    assert len(corpus.test) > 0


def test_streaming_text_needs_a_width(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(LINES))
    with pytest.raises(UsageError, match="streaming needs --max-tokens"):
        load_text(TextData(text=str(tmp_path / "a.txt"), streaming=True))
    with pytest.raises(
        DataError, match=r"none of the first 5 lines of .* falls into valid; raise --sample-lines"
    ):
        load_text(text_config(tmp_path / "a.txt", sample_lines=5))


def test_strict_holds_while_streaming(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join([*LINES, "much " * 9]))
    feed = load_text(text_config(tmp_path / "a.txt", strict=True)).feed(64, seed=0)
    with pytest.raises(
        DataError, match=r"row 601 of .* has 9 tokens; allowed are 1 to max_tokens 7"
    ):
        take(feed, 20)


# Pictures


@pytest.fixture
def picture_folder(tmp_path):
    """Grey pictures whose brightness is their number; the tenth is damaged."""
    for i in range(120):
        folder = tmp_path / ("even" if i % 2 == 0 else "odd")
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(folder / f"{i:03}.png")
    (tmp_path / "even" / "010.png").write_bytes(b"damaged")
    return tmp_path


def picture_config(folder, **options):
    options = {"size": 8, "channels": 1, "shuffle_buffer": 16, "sample_images": 40, **options}
    return ImageData(images=str(folder), streaming=True, **options)


def test_streamed_pictures_show_all_of_them_but_the_test_and_the_damaged(picture_folder):
    corpus = load_images(picture_config(picture_folder))
    in_memory = load_images(ImageData(images=str(picture_folder), size=8, channels=1))
    feed = corpus.feed(1, seed=0)
    seen = []
    for _ in range(len(in_memory.train)):
        batch = feed.next_batch()
        brightness = int(to_uint8(batch["real"]).unique())
        assert corpus.label_names["label"][int(batch["label"])] == (
            "odd" if brightness % 2 else "even"
        )
        seen.append(brightness)
    assert sorted(seen) == sorted(int(x.unique()) for x in in_memory.train)
    assert 10 not in seen
    assert len(corpus.train) + len(corpus.test) == 39
    assert "come from the first 40 images; training reads all 120" in corpus.account.lines()[-1]


def test_streamed_pictures_resume_exactly(picture_folder):
    feed = load_images(picture_config(picture_folder)).feed(5, seed=2, world_size=2, rank=1)
    for _ in range(7):
        feed.next_batch()
    state = feed.state_dict()
    rest = [feed.next_batch() for _ in range(30)]
    feed = load_images(picture_config(picture_folder)).feed(5, seed=2, world_size=2, rank=1)
    feed.load_state_dict(state)
    for batch in rest:
        again = feed.next_batch()
        assert torch.equal(again["real"], batch["real"])
        assert torch.equal(again["label"], batch["label"])


def test_a_stream_keeps_to_the_memory_budget(picture_folder):
    with pytest.raises(DataError, match="from the shuffle buffer and the samples need"):
        load_images(picture_config(picture_folder, memory_gib=1e-6))

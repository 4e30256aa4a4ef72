"""The in-memory feed: order, passes, shares of processes, resumption."""

import pytest
import torch

from seqgan_kit.core.feeds import JoinedFeed, TensorFeed
from seqgan_kit.errors import UsageError


def feed_of(rows: int, batch_size: int, **options) -> TensorFeed:
    tensors = {"real": torch.arange(rows), "label": torch.arange(rows) * 10}
    return TensorFeed(tensors, batch_size, **({"seed": 0} | options))


def read(feed: TensorFeed, batches: int) -> list[list[int]]:
    return [feed.next_batch()["real"].tolist() for _ in range(batches)]


def test_a_pass_shows_every_row_once_and_keeps_tensors_together():
    feed = feed_of(12, 4)
    batches = [feed.next_batch() for _ in range(feed.batches_per_epoch)]
    assert sorted(torch.cat([b["real"] for b in batches]).tolist()) == list(range(12))
    assert all(torch.equal(b["label"], b["real"] * 10) for b in batches)


def test_passes_are_shuffled_each_in_its_own_way():
    feed = feed_of(50, 50)
    first, second = read(feed, 2)
    assert first != second
    assert first != sorted(first)
    assert read(feed_of(50, 50), 2) == [first, second], "the seed decides"


@pytest.mark.parametrize("seeds", [(0, 1), (0, 4096), (1, 2**12 + 1), (3, 2**32 + 3)])
def test_seeds_give_different_orders(seeds):
    """torch's CPU generator reads the low 32 bits of a seed only: seeds must be mixed, not shifted."""
    one, other = (read(feed_of(50, 50, seed=seed), 1) for seed in seeds)
    assert one != other


def test_rows_that_fill_no_batch_wait_for_another_pass():
    feed = feed_of(10, 4)
    assert feed.batches_per_epoch == 2
    seen = {row for _ in range(20) for batch in read(feed, 2) for row in batch}
    assert seen == set(range(10))


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_one_processs_batches(ranks):
    """R ranks of batch B see together, batch for batch, what one process of batch R*B sees."""
    whole = feed_of(26, 4 * ranks)
    shares = [feed_of(26, 4, rank=r, world_size=ranks) for r in range(ranks)]
    for _ in range(2 * whole.batches_per_epoch + 1):
        wanted = whole.next_batch()["real"]
        got = torch.cat([share.next_batch()["real"] for share in shares])
        assert torch.equal(got, wanted)
    assert {share.batches_per_epoch for share in shares} == {whole.batches_per_epoch}


@pytest.mark.parametrize("read_before", [0, 2, 3, 7])
def test_a_feed_goes_on_from_its_state(read_before):
    feed, other = feed_of(13, 4, seed=5), feed_of(13, 4, seed=5)
    read(feed, read_before)
    other.load_state_dict(feed.state_dict())
    assert read(other, 8) == read(feed, 8)


def test_a_state_of_other_data_is_refused():
    with pytest.raises(UsageError, match="trained on 13 rows, but the data now have 12"):
        feed_of(12, 4).load_state_dict(feed_of(13, 4).state_dict())


def test_a_transform_sees_every_batch():
    feed = feed_of(12, 4, transform=lambda batch: {"real": batch["real"] + batch["label"]})
    assert sorted(torch.cat([feed.next_batch()["real"] for _ in range(3)]).tolist()) == [
        11 * row for row in range(12)
    ]


def test_batches_are_copies():
    feed = feed_of(4, 4)
    feed.next_batch()["real"].fill_(99)
    assert feed.tensors["real"].max() == 3


@pytest.mark.parametrize(("batch_size", "world_size"), [(0, 1), (11, 1), (6, 2)])
def test_batches_that_do_not_fit_are_refused_with_what_would(batch_size, world_size):
    with pytest.raises(
        UsageError,
        match=rf"10 rows\. Use a batch size \(--batch-size\) between 1 and {10 // world_size}",
    ):
        feed_of(10, batch_size, world_size=world_size)


def test_tensors_of_different_lengths_are_refused():
    with pytest.raises(UsageError, match=r"the same number of rows; these have \[3, 4\]"):
        TensorFeed({"real": torch.zeros(3), "label": torch.zeros(4)}, 2, seed=0)


def joined() -> JoinedFeed:
    source = TensorFeed({"source": torch.arange(7)}, 2, seed=1)
    return JoinedFeed({"targets": feed_of(12, 4), "sources": source})


def test_joined_feeds_give_a_batch_of_each_and_pass_at_their_own_pace():
    feed, alone = joined(), feed_of(12, 4)
    assert feed.batches_per_epoch == alone.batches_per_epoch == 3
    for _ in range(7):
        batch = feed.next_batch()
        assert batch.keys() == {"real", "label", "source"}
        assert torch.equal(batch["real"], alone.next_batch()["real"])
        assert len(batch["source"]) == 2


@pytest.mark.parametrize("read_before", [0, 2, 3, 5])
def test_joined_feeds_go_on_from_their_state(read_before):
    feed, other = joined(), joined()
    for _ in range(read_before):
        feed.next_batch()
    other.load_state_dict(feed.state_dict())
    for _ in range(8):
        one, two = feed.next_batch(), other.next_batch()
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_joined_feeds_refuse_equal_entries_other_states_and_no_feed():
    with pytest.raises(UsageError, match="the feed 'b' has label, real in its batches"):
        JoinedFeed({"a": feed_of(4, 4), "b": feed_of(4, 4)}).next_batch()
    with pytest.raises(
        UsageError, match="position is of the feeds a; this run has sources, targets"
    ):
        joined().load_state_dict({"a": {}})
    with pytest.raises(UsageError, match="at least one feed"):
        JoinedFeed({})

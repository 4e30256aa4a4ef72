"""The string that says how a score was computed."""

import pytest

from seqgan_kit.metrics.signature import Signature, format_orders


def test_the_whole_signature() -> None:
    signature = Signature(
        "bleu",
        orders=(2, 3, 4, 5),
        smooth="method1",
        refs=10000,
        hyps=9,
        tok="space",
        case="mixed",
        version="0.1.0",
    )
    assert str(signature) == (
        "bleu|n:2-5|smooth:method1|refs:10000|hyps:9|tok:space|case:mixed|v:0.1.0"
    )


def test_what_plays_no_part_is_left_out() -> None:
    assert str(Signature("validity", hyps=5, version="1")) == "validity|hyps:5|v:1"


def test_a_subset_names_its_size_and_seed_zero_included() -> None:
    assert str(Signature("x", sample=100, seed=0, version="1")) == "x|sample:100|seed:0|v:1"


@pytest.mark.parametrize(
    ("orders", "text"),
    [((2, 3, 4, 5), "2-5"), ((5, 2, 4, 3), "2-5"), ((4,), "4"), ((2, 4), "2,4"), ((1, 2), "1-2")],
)
def test_orders_are_shortened_only_where_gapless(orders: tuple[int, ...], text: str) -> None:
    assert format_orders(orders) == text

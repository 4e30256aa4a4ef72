"""Alarms are raised once when a problem begins, and again when it recurs."""

from seqgan_kit.core.training.alarms import (
    DeadCodes,
    GuessingDiscriminator,
    LostDiversity,
    PinnedDiscriminator,
)


def ring(alarm, metric, values) -> list[str | None]:
    tally: dict[str, int] = {}
    return [alarm.check({} if v is None else {metric: v}, tally) for v in values]


def test_a_pinned_discriminator_is_reported_once_a_stretch():
    alarm = PinnedDiscriminator(accuracy=0.99, rounds=3)
    values = [1.0, 1.0, 0.98, 1.0, 0.99, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0]
    rung = ring(alarm, "discriminator_accuracy", values)
    assert [i for i, message in enumerate(rung) if message] == [5, 11]
    assert "at least 99.0% for 3 rounds" in (rung[5] or "")


def test_rounds_without_the_metric_do_not_count():
    alarm = PinnedDiscriminator(accuracy=0.99, rounds=2)
    rung = ring(alarm, "discriminator_accuracy", [1.0, None, None, 1.0, None])
    assert [bool(message) for message in rung] == [False, False, False, True, False]


def test_a_guessing_discriminator_is_reported_once_the_generator_listens():
    alarm = GuessingDiscriminator(accuracy=0.55, rounds=3)
    tally: dict[str, int] = {}
    alone = [{"discriminator_accuracy": 0.5}] * 5
    together = [
        {"discriminator_accuracy": accuracy, "generator_gradient_norm": 1.0}
        for accuracy in (0.5, 0.54, 0.55, 0.5, 0.51, 0.5, 0.49)
    ]
    rung = [alarm.check(values, tally) for values in alone + together]
    assert [i for i, message in enumerate(rung) if message] == [10]
    assert "below 55% for 3 rounds" in (rung[10] or "")


def test_lost_diversity_says_what_it_saw_against_the_data():
    alarm = LostDiversity(reference=0.8, share=0.5)
    rung = ring(alarm, "diversity", [0.7, 0.39, 0.2, None, 0.41, 0.1])
    assert [bool(message) for message in rung] == [False, True, False, False, False, True]
    assert "diversity is 0.39, below 50% of the data's 0.8" in (rung[1] or "")


def test_two_alarms_keep_their_counts_apart():
    tally: dict[str, int] = {}
    first = PinnedDiscriminator(rounds=2)
    second = PinnedDiscriminator(accuracy=0.5, rounds=2, name="other")
    values = {"discriminator_accuracy": 0.6}
    assert second.check(values, tally) is None
    assert first.check(values, tally) is None
    assert second.check(values, tally)
    assert tally == {"pinned_discriminator": 0, "other": 2}


def test_counts_live_in_the_tally_alone():
    """The tally is the only state, so a checkpoint with the tally restores the alarm."""
    alarm, tally = PinnedDiscriminator(rounds=2), {"pinned_discriminator": 1}
    assert alarm.check({"discriminator_accuracy": 1.0}, tally)


def test_an_untrained_generator_has_not_collapsed():
    """The alarm requires that samples were diverse before."""
    alarm = LostDiversity(reference=0.8, share=0.5)
    rung = ring(alarm, "diversity", [0.1, 0.2, 0.1, 0.7, 0.1])
    assert [bool(message) for message in rung] == [False, False, False, False, True]


def test_a_quantiser_whose_codes_died_is_reported_once():
    rung = ring(DeadCodes(evaluations=2), "code_perplexity", [1.1, 40.0, 1.2, 1.0, 1.0])
    assert [bool(message) for message in rung] == [False, False, False, True, False]
    assert "all codes except one have died" in rung[3]

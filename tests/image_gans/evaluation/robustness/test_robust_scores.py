"""Accuracy under attack: closed forms on a linear classifier, and the table of a small game."""

import pytest
import torch
from torch import nn

from image_gans.attacks.attack_settings import GradientAttack, VirtualAttack
from image_gans.evaluation.robustness.attack_strength import robust_by_strength, share
from image_gans.evaluation.robustness.robust_scores import RobustnessScorer, under_attack
from image_gans.evaluation.robustness.robust_table import SMOKE_ROBUSTNESS, RobustnessSettings
from image_gans.few_labels import FewLabels
from image_gans.robust_game import PLAIN, VIRTUAL, RobustClassifierSettings, RobustGame
from seqgan_kit.errors import UsageError


def by_mean(x):
    """Class 1 if the mean is above 0; an attack of epsilon moves the mean by epsilon."""
    mean = x.flatten(1).mean(1)
    return torch.stack([-mean, mean], 1) * 50


def rng():
    return torch.Generator().manual_seed(0)


def test_an_image_falls_when_epsilon_exceeds_its_margin():
    """Means of 1, 3, 5 grey levels, and one that is wrong already: 3, 2, 1, 0 stay right."""
    means = torch.tensor([1.0, 3.0, -5.0, -2.0]) * 2 / 255
    x = means.view(4, 1, 1, 1).expand(4, 1, 3, 3).contiguous()
    y = torch.tensor([1, 1, 0, 1])
    curve = robust_by_strength(by_mean, x, y, GradientAttack(steps=10), (0, 2, 4, 6), rng())
    assert [estimate.value for estimate in curve] == [0.75, 0.5, 0.25, 0.0]


def test_a_share_has_a_binomial_error():
    found = share(torch.tensor([True, True, True, False]))
    assert (found.value, found.standard_error) == (0.75, pytest.approx((0.75 * 0.25 / 4) ** 0.5))


def told():
    pixels = torch.randint(0, 256, (20, 1, 8, 8), generator=rng(), dtype=torch.uint8)
    classes = torch.arange(20) % 3
    return FewLabels("coat", ("a", "b", "c"), torch.arange(20), pixels, classes, pixels, classes)


def game():
    torch.manual_seed(0)
    classifier = RobustClassifierSettings(width=2).build((1, 8, 8), "coat", ("a", "b", "c"))
    return RobustGame(classifier, (VIRTUAL, PLAIN), GradientAttack(), 0.0, VirtualAttack())


def test_the_table_has_a_row_for_each_classifier_and_one_for_the_most_frequent_class():
    table = RobustnessScorer(told(), GradientAttack(), SMOKE_ROBUSTNESS).record(
        "t", {"g": game()}, 0
    )
    assert [row["name"] for row in table["rows"]] == ["VAT", "plain", "most frequent class"]
    assert table["rows"][2]["values"]["pgd"] == 7 / 20
    keys = {column["key"] for column in table["columns"]}
    assert keys == {"clean", "fgsm", "pgd", "pgd_l2", "searched", "queries"}
    for row in table["rows"][:2]:
        assert row["values"].keys() == keys
        assert row["values"]["pgd"] <= 1
    (chart,) = table["charts"]
    assert [line["name"] for line in chart["lines"]] == ["VAT", "plain"]
    assert [x for x, _ in chart["lines"][0]["points"]] == [0, 8]


def test_scoring_leaves_players_as_they_were():
    players = game()
    players.train()
    RobustnessScorer(told(), GradientAttack(), SMOKE_ROBUSTNESS)(players, rng())
    assert all(part.training for part in players.modules())
    assert all(p.requires_grad and p.grad is None for p in players.parameters())
    with under_attack(players):
        assert not any(p.requires_grad for p in players.parameters())


def test_without_a_local_search_there_is_no_column():
    settings = RobustnessSettings(8, 8, 1, (0, 8), searched_images=0)
    table = RobustnessScorer(told(), GradientAttack(norm="l2"), settings).record(
        "t", {"g": game()}, 0
    )
    assert "searched" not in {column["key"] for column in table["columns"]}


@pytest.mark.parametrize("strengths", [(), (0, 4, 4), (8, 2)])
def test_strengths_that_do_not_rise_are_refused(strengths):
    with pytest.raises(UsageError, match="they must rise, for example"):
        RobustnessSettings(strengths=strengths)


def test_a_module_that_is_no_classifier_of_ours_is_refused():
    bare = RobustGame(nn.Linear(2, 2), (PLAIN,), GradientAttack(), 0.0, VirtualAttack())
    with pytest.raises(UsageError, match="no network of image_gans"):
        RobustnessScorer(told(), GradientAttack(), SMOKE_ROBUSTNESS).check(bare)

"""Attributes of samples: the law's marginals, distances to them, odd eyes and malformed images."""

import math

import numpy as np
import pytest
import torch

from image_gans.metrics.attributes import (
    ODD_EYES,
    is_catworld,
    label_shares,
    law_marginals,
    recognisable,
    score_attributes,
    total_variation,
)
from image_gans.metrics.malformed import confidence, real_form, squared_mahalanobis
from seqgan_kit.data.catworld.scenes.scene import EYE_STATES, LABEL_NAMES, SceneLaw, every_cat
from seqgan_kit.errors import DataError
from seqgan_kit.metrics.features.frechet import moments

LAW = SceneLaw()
WELL = torch.zeros(2000, dtype=torch.bool)


def scene_labels(n, seed=0):
    rng = np.random.default_rng(seed)
    rows = [LAW.sample(rng).labels() for _ in range(n)]
    return {name: torch.tensor([row[name] for row in rows]) for name in LABEL_NAMES}


def certain(labels, names, sure=1.0):
    """Probabilities of a correct recogniser with this confidence."""
    found = {}
    for name, values in labels.items():
        classes = len(names[name])
        one = torch.nn.functional.one_hot(values.clamp_min(0), classes).float()
        found[name] = one * sure + (1 - one) * (1 - sure) / (classes - 1)
    return found


def test_marginals_are_those_of_the_law_summed_over_every_cat():
    sums = {name: np.zeros(len(values)) for name, values in LABEL_NAMES.items()}
    odd = total = 0.0
    for cat in every_cat():
        coat = LABEL_NAMES["coat"].index(cat.coat)
        pattern = LABEL_NAMES["pattern"].index(cat.pattern)
        factors = LAW._cat_factors(cat, coat)
        p = LAW.coat[coat] * LAW.pattern_given_coat[coat][pattern] * math.prod(factors)
        for name, value in vars(cat).items():
            sums[name][LABEL_NAMES[name].index(value)] += p
        odd, total = odd + p * cat.odd_eyes, total + p
    marginals = law_marginals(LAW)
    assert total == pytest.approx(1)
    for name in vars(cat):
        np.testing.assert_allclose(marginals[name], sums[name], atol=1e-12)
    assert marginals[ODD_EYES][1] == pytest.approx(odd)
    for name in ("background", "tilt", "size", "cats"):
        assert marginals[name].sum() == pytest.approx(1)
    assert set(marginals) == {*LABEL_NAMES, ODD_EYES}


def test_what_cannot_be_seen_is_no_label():
    state = {name: i for i, name in enumerate(EYE_STATES)}
    labels = {name: torch.zeros(3, dtype=torch.int64) for name in LABEL_NAMES}
    labels["eyes"] = torch.tensor([state["open"], state["shut"], state["winking"]])
    labels["left_eye"], labels["right_eye"] = torch.tensor([1, 1, 1]), torch.tensor([2, 2, 2])
    seen, names = recognisable(labels, LABEL_NAMES)
    assert seen["left_eye"].tolist() == [1, -1, -1]
    assert seen["right_eye"].tolist() == [2, -1, 2]
    assert seen[ODD_EYES].tolist() == [1, -1, -1]
    assert names[ODD_EYES] == ("same", "odd")
    assert labels["left_eye"].tolist() == [1, 1, 1]


def test_other_worlds_are_left_as_they_are():
    labels, names = {"digit": torch.tensor([3, -1, 3, 0])}, {"digit": tuple("0123")}
    assert not is_catworld(names)
    assert is_catworld(LABEL_NAMES)
    assert recognisable(labels, names) == (labels, names)
    np.testing.assert_allclose(label_shares(labels, names)["digit"], [1 / 3, 0, 0, 2 / 3])


def test_total_variation_by_hand_and_its_error():
    rng = np.random.default_rng(0)
    found = total_variation(np.array([6, 2, 2]), np.array([0.5, 0.5, 0.0]), rng)
    assert found.value == pytest.approx((0.1 + 0.3 + 0.2) / 2)
    truth = np.array([0.7, 0.2, 0.1])
    found = [total_variation(rng.multinomial(200, [0.4, 0.3, 0.3]), truth, rng) for _ in range(60)]
    spread = np.std([f.value for f in found], ddof=1)
    assert np.mean([f.standard_error for f in found]) == pytest.approx(spread, rel=0.25)
    with pytest.raises(DataError, match="0 counts over 2 classes"):
        total_variation(np.array([0, 0]), np.array([0.5, 0.5]), rng)


def test_true_cats_are_near_the_law_and_black_ones_are_not():
    labels, names = recognisable(scene_labels(2000), LABEL_NAMES)
    truth, rng = law_marginals(LAW), np.random.default_rng(0)
    scores = score_attributes(certain(labels, names), truth, WELL[:2000], rng)
    assert set(scores.distances) == set(LABEL_NAMES)
    assert max(e.value for e in scores.distances.values()) < 0.05
    odd = labels[ODD_EYES]
    assert scores.odd_eyes.value == pytest.approx((odd == 1).sum().item() / (odd >= 0).sum().item())
    black = {**labels, "coat": torch.zeros_like(labels["coat"])}
    off = score_attributes(certain(black, names), truth, WELL[:2000], rng)
    assert off.distances["coat"].value == pytest.approx(1 - LAW.coat[0])
    assert off.distances["ears"].value == scores.distances["ears"].value
    mean = sum(e.value for e in off.distances.values()) / len(off.distances)
    assert off.values()["attribute_tv"].value == off.mean_distance.value == pytest.approx(mean)


def test_shut_eyes_have_no_colour_to_count():
    labels, names = recognisable(scene_labels(50), LABEL_NAMES)
    labels["eyes"] = torch.full((50,), EYE_STATES.index("shut"))
    scores = score_attributes(
        certain(labels, names), law_marginals(LAW), WELL[:50], np.random.default_rng(0)
    )
    assert not {"left_eye", "right_eye"} & set(scores.distances)
    assert scores.odd_eyes is None
    assert set(scores.values()) == {"attribute_tv", "malformed"}


def test_malformed_are_the_unsure_and_the_far():
    """Real features are standard normal; one image in two hundred is past either threshold."""
    rng = np.random.default_rng(0)
    train, held_out = rng.normal(size=(5000, 3)), rng.normal(size=(4000, 3))
    sure = -torch.rand(4000, generator=torch.Generator().manual_seed(0)).double()
    form = real_form(moments(train), held_out, sure)
    assert form.far_from == pytest.approx(
        12.84, rel=0.1
    )  # the 99.5 % quantile of chi^2 with 3 degrees
    assert form.malformed(held_out, sure).double().mean().item() == pytest.approx(0.01, abs=0.001)
    x = np.array([[0.0, 0, 0], [0, 0, 0], [9, 0, 0]])
    found = form.malformed(x, torch.tensor([-0.5, -2.0, -0.5]))
    assert found.tolist() == [False, True, True]


def test_distances_are_mahalanobis_and_finite_without_variance():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 2)) @ np.array([[2.0, 1], [0, 0.5]])
    inverse = np.linalg.inv(np.cov(x.T))
    plain = np.einsum("nf,fg,ng->n", x - x.mean(0), inverse, x - x.mean(0))
    np.testing.assert_allclose(squared_mahalanobis(x, moments(x)), plain, rtol=0.05)
    flat = np.hstack([x, np.zeros((300, 1))])
    assert squared_mahalanobis(flat + np.array([0, 0, 1.0]), moments(flat)).min() > 100


def test_confidence_is_the_mean_log_of_the_largest_probability_where_it_counts():
    two = {"a": torch.tensor([[0.5, 0.5]] * 2), "b": torch.tensor([[0.1, 0.9]] * 2)}
    found = confidence(two, {"a": torch.tensor([True, False])})
    both, one = (math.log(0.5) + math.log(0.9)) / 2, math.log(0.9)
    assert found.tolist() == pytest.approx([both, one])
    assert confidence(two).tolist() == pytest.approx([both, both])

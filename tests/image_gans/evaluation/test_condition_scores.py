"""Label accuracy by a recogniser, with odd eyes as a class and shut eyes without a colour."""

import pytest
import torch
from conditional_players import corpus, players

from image_gans.conditions import Conditions, conditioned
from image_gans.evaluation.condition_scores import (
    ConditionScorer,
    class_sweep,
    visible,
    with_odd_class,
)
from image_gans.evaluation.image_scores import ImageScoreSettings
from image_gans.methods import cgan

CATS = Conditions(
    ("eyes", "left_eye", "right_eye"),
    (("open", "shut", "winking", "odd"), ("green", "blue"), ("green", "blue")),
)


def test_odd_eyes_are_open_ones_whose_colours_differ():
    seen = {
        "eyes": torch.tensor([[0.9, 0.1, 0.0], [0.9, 0.1, 0.0], [0.2, 0.7, 0.1]]),
        "odd_eyes": torch.tensor([[0.8, 0.2], [0.1, 0.9], [0.0, 1.0]]),
        "coat": torch.rand(3, 2),
    }
    found = with_odd_class(seen, CATS)
    assert set(found) == {"eyes"}
    wanted = torch.tensor([[0.72, 0.1, 0.0, 0.18], [0.09, 0.1, 0.0, 0.81], [0.0, 0.7, 0.1, 0.2]])
    torch.testing.assert_close(found["eyes"], wanted)
    plain = Conditions(("eyes",), (("open", "shut", "winking"),))
    assert torch.equal(with_odd_class(seen, plain)["eyes"], seen["eyes"])


def test_nobody_is_held_to_the_colour_of_a_shut_eye():
    told = {
        "eyes": torch.arange(4),
        "left_eye": torch.ones(4).long(),
        "right_eye": torch.ones(4).long(),
    }
    seen = visible(told, CATS)
    assert seen["left_eye"].tolist() == [1, -1, -1, 1]
    assert seen["right_eye"].tolist() == [1, -1, 1, 1]
    assert torch.equal(seen["eyes"], told["eyes"])
    without_eyes = {"left_eye": torch.ones(2).long()}
    assert visible(without_eyes, Conditions(("left_eye",), (("a", "b"),))) == without_eyes


def test_a_sweep_has_a_row_for_every_class_and_a_column_for_every_noise(rng):
    generator, _ = players()
    rows = class_sweep(generator, 4, rng)
    assert rows.shape == (2 + 3, 4, 5 + 2 * 4)
    assert (rows[:, :, :5] == rows[:1, :, :5]).all()
    coats, eyes = generator.embeddings[0].weight, generator.embeddings[1].weight
    assert (rows[0, :, 5:9] == coats[0]).all()
    assert (rows[1, :, 5:9] == coats[1]).all()
    assert (rows[:2, :, 9:] == rows[:1, :, 9:]).all()
    assert (rows[4, :, 9:] == eyes[2]).all()


class Perfect(torch.nn.Module):
    """Recognises the coat by an image's brightness: black below 0, white above."""

    def forward(self, x):
        white = (x.mean((1, 2, 3)) > 0).long()
        return {"coat": 20 * torch.nn.functional.one_hot(white, 2).float()}


@pytest.mark.parametrize(("obedient", "share"), [(True, 1.0), (False, 0.0)])
def test_the_table_tells_who_draws_what_it_is_asked_for(obedient, share, monkeypatch):
    """Compare a G that draws the requested coat, a G that draws the other one, and real images."""
    data = corpus({"coat": ("black", "white")}, rows=40)
    labelled = conditioned(data)
    generator, plain = players(labelled)

    def draw(labels, rng):
        sign = 1.0 if obedient else -1.0
        return (sign * (labels[:, 0].float() - 0.5)).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)

    monkeypatch.setattr(generator, "draw", draw)
    game = cgan.build(generator, plain, cgan.CGANMethod()).eval()
    settings = ImageScoreSettings(20, 10, features="none")
    scorer = ConditionScorer(data, settings, conditions=labelled.conditions)
    assert "as_told" not in [c["key"] for c in scorer.record("t", {"CGAN": game}, 0)["columns"]]
    scorer = ConditionScorer(data, settings, conditions=labelled.conditions)
    vars(scorer.comparison)["recogniser"] = Perfect()
    monkeypatch.setattr(type(scorer.comparison), "attributes", lambda self, pictures: None)
    monkeypatch.setattr("image_gans.evaluation.image_table.image_notes", lambda *of: [])
    monkeypatch.setattr("image_gans.evaluation.image_table.image_columns", lambda *of: [])
    table = scorer.record("t", {"CGAN": game}, 0)
    assert table["rows"][0]["values"]["as_told"] == share
    assert 0 <= table["rows"][1]["values"]["as_told"] <= 1
    assert f"CGAN: coat {share:.0%}" in table["notes"][-1]

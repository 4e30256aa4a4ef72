"""Losses of games of pairs in closed form: translators that shift all pixels, a D that scores the mean."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from image_gans.distances import absolute, squared
from image_gans.methods.translation import deocclusion, idcgan, simgan, srgan
from image_gans.metrics.perception.feature_maps import Perception
from image_gans.pair_game import PairGame, PairPathwise, Term
from image_gans.player_schedule import PlayerTraining, Steps
from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.core.game import Epochs, Move
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.techniques.sample_memory import SampleMemory

MOVE = Move("any", 0, 1, torch.Generator())
SHIFT = 0.3


class Shift(nn.Module):
    def __init__(self, by: float = SHIFT):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.by


class MeanScore(Discriminator):
    """The mean of all it is shown as its score; it remembers what that was."""

    def __init__(self) -> None:
        super().__init__(nn.Identity(), 1, score=nn.Identity())
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Critique:
        self.seen.append(x.detach())
        mean = x.flatten(1).mean(1)
        return Critique(mean, mean[:, None], {})


class Doubled(nn.Module):
    """Features that are twice the image."""

    def maps(self, x: Tensor) -> list[Tensor]:
        return [2 * x]


PERCEPTION = Perception("doubled", Doubled())
SOURCE, TARGET = torch.full((2, 1, 2, 2), 0.1), torch.full((2, 1, 2, 2), 0.6)
APART = SHIFT - 0.5
BATCH = {"real": torch.cat([SOURCE, TARGET], 1)}


def softplus(value: float) -> float:
    return nn.functional.softplus(torch.tensor(value)).item()


def pair_game(**options: Any) -> PairGame:
    terms = Term(absolute, 3.0), Term(squared, 5.0, "second")
    estimator = PairPathwise(terms, adversarial_weight=0.1)
    return PairGame(Shift(), Shift(), MeanScore(), non_saturating(), estimator, **options)


def test_a_translation_is_judged_with_its_source_and_weighed_with_its_distances() -> None:
    loss = pair_game().generator_loss(BATCH, MOVE)
    adversarial = softplus(-(0.1 + 0.4) / 2)
    wanted = 0.1 * adversarial + 3 * abs(APART) + 5 * APART**2
    assert loss.total.item() == pytest.approx(wanted, abs=1e-6)
    assert loss.logs["distance"].item() == pytest.approx(abs(APART), abs=1e-6)
    assert loss.logs["second"].item() == pytest.approx(APART**2, abs=1e-6)


def test_the_baseline_has_no_discriminator_and_weights_of_sum_one() -> None:
    loss = pair_game().baseline_loss(BATCH, MOVE)
    wanted = (3 * abs(APART) + 5 * APART**2) / 8
    assert loss.total.item() == pytest.approx(wanted, abs=1e-6)
    assert set(loss.logs) == {"baseline_distance", "baseline_second"}


def test_a_network_of_features_never_trains() -> None:
    """Its batch norm would follow the batches, and a resumed run would begin with other features."""
    norm = nn.BatchNorm2d(1)
    game = pair_game(fixed=norm)
    for mode in (True, False, True):
        game.train(mode)
        assert game.generator.training is mode
        assert not norm.training
    assert "fixed" not in game.players


def test_the_baseline_learns_even_if_distances_have_no_weight() -> None:
    estimator = PairPathwise((Term(absolute, 0.0),))
    game = PairGame(Shift(), Shift(), MeanScore(), non_saturating(), estimator)
    assert game.baseline_loss(BATCH, MOVE).total.item() == pytest.approx(abs(APART), abs=1e-6)


@pytest.mark.parametrize(("alone", "channels"), [(False, 2), (True, 1)])
def test_d_sees_the_source_unless_targets_stand_alone(alone: bool, channels: int) -> None:
    game = pair_game(targets_alone=alone)
    game.discriminator_loss(BATCH, MOVE)
    game.generator_loss(BATCH, MOVE)
    seen = game.discriminator.seen  # type: ignore[attr-defined]
    assert {x.shape[1] for x in seen} == {channels}
    assert seen[0][0, -1].mean().item() == pytest.approx(0.6)
    assert seen[1][0, -1].mean().item() == pytest.approx(0.4)


def test_srgan_pretrains_by_the_squared_error_and_then_weighs_three_terms() -> None:
    method = srgan.SRGANMethod(squared_weight=2.0, perceptual_weight=0.5, adversarial_weight=1e-3)
    game = srgan.build(Shift(), MeanScore(), method, PERCEPTION)
    assert game.pretraining_loss(BATCH, MOVE).total.item() == pytest.approx(APART**2, abs=1e-6)
    assert game.baseline_loss(BATCH, MOVE).total.item() == pytest.approx(APART**2, abs=1e-6)
    wanted = 2 * APART**2 + 0.5 * (2 * APART) ** 2 + 1e-3 * softplus(-0.4)
    assert game.generator_loss(BATCH, MOVE).total.item() == pytest.approx(wanted, abs=1e-6)


def test_srgans_baseline_begins_as_the_pretrained_generator() -> None:
    game = srgan.build(Shift(), MeanScore(), srgan.SRGANMethod(), PERCEPTION)
    nn.init.constant_(game.generator.by, 0.7)  # type: ignore[arg-type]
    game.rule("follow_generator", {}, MOVE)
    assert game.players["baseline"].by.item() == pytest.approx(0.7)  # type: ignore[union-attr]
    training = PlayerTraining(epochs=12)
    first, second = srgan.phases(srgan.SRGANMethod(pretraining_share=0.25), training)
    assert (first.rounds, second.rounds) == (Epochs(3.0), Epochs(9.0))
    follow = second.turns[0]
    assert [follow.moves_in(number, 10) for number in (0, 1, 2)] == [1, 0, 0]
    (only,) = srgan.phases(srgan.SRGANMethod(pretraining_share=0.0), training)
    assert only.name == "adversarial"


def test_idcgan_weighs_pixels_and_features_alike() -> None:
    game = idcgan.build(Shift(), MeanScore(), idcgan.IDCGANMethod(), PERCEPTION)
    wanted = 150 * APART**2 + 150 * (2 * APART) ** 2 + softplus(-0.25)
    assert game.generator_loss(BATCH, MOVE).total.item() == pytest.approx(wanted, rel=1e-5)


def test_the_local_discriminator_sees_the_hidden_places_alone() -> None:
    method = deocclusion.DeocclusionMethod(
        distance_weight=4.0, perceptual_weight=0.5, local_weight=2.0
    )
    local = MeanScore()
    game = deocclusion.build(Shift(), MeanScore(), local, method, PERCEPTION)
    mask = torch.zeros(2, 1, 2, 2)
    mask[:, :, 0] = 1
    batch = {**BATCH, "mask": mask}
    loss = game.generator_loss(batch, MOVE)
    wanted = 4 * abs(APART) + 0.5 * (2 * APART) ** 2 + softplus(-0.25) + 2 * softplus(-0.4 / 2)
    assert loss.total.item() == pytest.approx(wanted, abs=1e-5)
    loss = game.local_loss(batch, MOVE)
    assert loss.total.item() == pytest.approx(softplus(-0.3) + softplus(0.2), abs=1e-5)
    assert set(loss.logs) == {"local_loss", "local_accuracy"}
    assert all((x[:, :, 1] == 0).all() for x in local.seen)
    assert not loss.total.requires_grad


SIMULATED = {"source": SOURCE, "real": TARGET}


def refining(history: SampleMemory | None = None) -> simgan.RefiningGame:
    method = simgan.SimGANMethod(self_weight=0.5)
    return simgan.RefiningGame(Shift(), MeanScore(), method, history)


def test_the_refiner_is_held_by_its_own_input_not_by_a_pair() -> None:
    loss = refining().generator_loss(SIMULATED, MOVE)
    assert loss.total.item() == pytest.approx(softplus(-0.4) + 0.5 * SHIFT, abs=1e-6)
    assert refining().self_loss(SIMULATED, MOVE).total.item() == pytest.approx(SHIFT, abs=1e-6)


def test_a_refiner_held_by_averages_may_add_noise() -> None:
    """Stripes of mean 0 cost pixels their height and averages nothing."""
    stripes = torch.tensor([1.0, -1.0]).repeat(2).expand(2, 1, 4, 4)
    held = simgan.RefiningGame(
        Shift(), MeanScore(), simgan.SimGANMethod(self_features="averages"), None
    )
    source = torch.zeros(2, 1, 4, 4)
    assert held._moved(source + stripes, source).item() == 0
    assert held._moved(source + 0.25, source).item() == pytest.approx(0.25)
    assert refining()._moved(source + stripes, source).item() == 1


def test_half_of_ds_refined_images_are_remembered() -> None:
    history = SampleMemory(2, (1, 2, 2))
    history.rows.fill_(-1.0)
    history.held.fill_(2)
    loss = refining(history).discriminator_loss(SIMULATED, MOVE)
    fakes = (softplus(0.4) + softplus(-1.0)) / 2
    assert loss.total.item() == pytest.approx(fakes + softplus(-0.6), abs=1e-6)
    assert (history.rows == 0.4).flatten(1).all(1).sum() == 1


def test_simgan_warms_up_both_players_and_then_plays_two_moves_to_one() -> None:
    method = simgan.SimGANMethod(
        refiner_warm_up=5, discriminator_warm_up=3, generator=Steps(1e-3, 2)
    )
    first, second, main = simgan.phases(method, PlayerTraining())
    assert (first.rounds, second.rounds) == (3, 3)
    assert [turn.moves for turn in main.turns] == [1, 2]
    assert main.turns[0].players == ("discriminator", "history")
    none = simgan.SimGANMethod(refiner_warm_up=0, discriminator_warm_up=0, history_batches=0)
    (only,) = simgan.phases(none, PlayerTraining())
    assert only.turns[0].players == ("discriminator",)
    assert "history" not in simgan.build(Shift(), MeanScore(), none, 4, (1, 2, 2)).players

"""Techniques on a DCGAN: effect of each switch, valid combinations, and exact resumption."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from image_gans.methods import dcgan
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.schedule import ImageTraining
from image_gans.techniques.fits import refuse_techniques
from image_gans.techniques.switches import equipped_game, players_in_turn
from image_gans.techniques.technique_settings import NO_TECHNIQUES, Techniques
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking
from seqgan_kit.core.game import Game
from seqgan_kit.core.objectives import non_saturating, relativistic_pairs, wasserstein
from seqgan_kit.core.penalties import R1, R2, GradientPenalty
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.techniques.packing import PackPenalty
from seqgan_kit.core.training.trainer import Hooks, Trainer
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

CHOICE, DATA = NetworkChoice(width=2, latent=5), ImageData(size=16)


def players(packing: int = 1, **choice: object) -> tuple[nn.Module, Discriminator]:
    return build_networks(replace(CHOICE, **choice), DATA, packing=packing)


def test_without_techniques_the_game_is_the_methods_own():
    generator, judge = players()
    names = [name for name, _ in judge.named_parameters()]
    game = equipped_game(generator, judge, non_saturating())
    assert set(game.players) == {"generator", "discriminator"}
    assert [name for name, _ in judge.named_parameters()] == names
    assert players_in_turn("generator", NO_TECHNIQUES) == ("generator",)


def test_the_packed_score_of_pictures_is_that_of_stacked_channels(move):
    generator, judge = players(packing=2, discriminator_norm="none")
    trunk = judge.trunk
    game = equipped_game(generator, judge, non_saturating(), Techniques(packing=2))
    x = torch.randn(4, 3, 16, 16)
    by_hand = torch.cat([torch.cat([x[0], x[1]])[None], torch.cat([x[2], x[3]])[None]])
    torch.testing.assert_close(
        game.discriminate(x).score, judge.verdict(trunk(by_hand)), rtol=1e-4, atol=1e-5
    )


def test_a_penalty_is_taken_of_packs():
    generator, judge = players(packing=2, discriminator_norm="none")
    techniques, penalties = Techniques(packing=2), [GradientPenalty(10.0)]
    game = equipped_game(generator, judge, wasserstein(), techniques, penalties=penalties)
    assert game.penalties == (PackPenalty(GradientPenalty(10.0), 2),)


def test_minibatch_discrimination_keeps_reals_and_fakes_apart():
    generator, judge = players(discriminator_norm="none")
    assert judge.trunk.rows_are_independent
    game = equipped_game(generator, judge, non_saturating(), Techniques(minibatch_kernels=4))
    real, fake = torch.zeros(3, 3, 16, 16), torch.ones(3, 3, 16, 16)
    together, apart = game.scores(real, fake), game.discriminate(real).score
    assert torch.equal(together[0], apart)
    assert not torch.allclose(judge(torch.cat([real, fake])).score[:3], apart)


def test_penalties_are_switches_of_any_method():
    judge = players(discriminator_norm="none")[1]
    weights = Techniques(r1_weight=2.0, r2_weight=3.0)
    game = equipped_game(players()[0], judge, wasserstein(), weights)
    assert game.penalties == (R1(2.0), R2(3.0))
    with pytest.raises(UsageError, match="r1 needs a discriminator without batch normalisation"):
        equipped_game(*players(), wasserstein(), Techniques(r1_weight=1.0))


def test_the_generator_reads_a_longer_batch_and_the_discriminator_does_not(move):
    game = equipped_game(*players(), non_saturating(), Techniques(generator_batch=3))
    drawn = []
    draw = game.draw
    game.draw = lambda n, batch, rng: drawn.append(n) or draw(n, batch, rng)
    batch = {"real": torch.zeros(4, 3, 16, 16), "label": torch.arange(4)}
    game.discriminator_loss(batch, move)
    game.generator_loss(batch, move)
    assert drawn == [4, 12]


def test_the_generator_learns_from_the_samples_of_highest_score(move):
    generator, judge = players(discriminator_norm="none")
    game = equipped_game(generator, judge, non_saturating(), Techniques(top_share=0.25))
    batch = {"real": torch.zeros(8, 3, 16, 16)}
    for progress, kept in ((0.0, 8), (0.25, 4), (0.5, 2), (1.0, 2)):
        now = replace(move, round=round(1000 * progress), rounds=1001)
        now.rng.manual_seed(3)
        loss = game.generator_loss(batch, now)
        now.rng.manual_seed(3)
        scores = game.discriminate(game.draw(8, batch, now.rng)).score
        best = scores.sort(descending=True).values[:kept]
        torch.testing.assert_close(loss.total, nn.functional.softplus(-best).mean())
        assert loss.logs["top_share"] == pytest.approx(0.25 ** min(1, 2 * progress))


def test_histories_are_players_of_their_own_turns():
    techniques = Techniques(historical_averaging=0.1)
    assert players_in_turn("discriminator", techniques) == (
        "discriminator",
        "discriminator_history",
    )
    assert players_in_turn("recogniser", techniques) == ("recogniser",)
    game = equipped_game(*players(), non_saturating(), techniques)
    assert set(game.private_players()) == {"generator_history", "discriminator_history"}


PAIRS = [
    (Techniques(unrolled_steps=2, feature_matching=True), {}, "two losses for one generator"),
    (Techniques(unrolled_steps=2, historical_averaging=0.1), {}, "imagined moves for real ones"),
    (
        Techniques(minibatch_kernels=4),
        {"penalties": [GradientPenalty()]},
        "gradient_penalty needs a score of each image by itself",
    ),
    (Techniques(feature_matching=True), {"estimator": BoundarySeeking(4)}, "has its own"),
    (Techniques(unrolled_steps=1), {"estimator": BoundarySeeking(4)}, "has its own"),
    (Techniques(unrolled_steps=1, lecam=0.1), {}, "lecam would take unrolled_steps' imagined"),
    (Techniques(augmentation="ada", consistency=1.0), {}, "D sees transformed images only"),
    (Techniques(unrolled_steps=1, generator_batch=2), {}, "read the same ones"),
    (Techniques(feature_matching=True, top_share=0.5), {}, "loss is of all of them together"),
    (Techniques(top_share=0.5), {"estimator": BoundarySeeking(4)}, "loss is of all of them"),
    (
        Techniques(minibatch_kernels=4, r2_weight=1.0),
        {},
        "r2 needs a score of each image by itself",
    ),
]


@pytest.mark.parametrize(("techniques", "parts", "message"), PAIRS)
def test_what_does_not_fit_together_is_refused(techniques, parts, message):
    with pytest.raises(UsageError, match=message):
        equipped_game(*players(discriminator_norm="none"), non_saturating(), techniques, **parts)


def test_packs_fit_neither_pairs_nor_heads_nor_odd_batches(move):
    generator, judge = players(packing=2)
    pairs = relativistic_pairs(non_saturating())
    with pytest.raises(UsageError, match="relativistic pairs compare"):
        equipped_game(generator, judge, pairs, Techniques(packing=2))
    with_classes = Discriminator(judge.trunk, 128, {"classes": nn.Linear(128, 3)})
    with pytest.raises(UsageError, match=r"further heads \(classes\)"):
        equipped_game(generator, with_classes, non_saturating(), Techniques(packing=2))
    game = equipped_game(generator, judge, non_saturating(), Techniques(packing=2))
    with pytest.raises(UsageError, match="multiple of 2"):
        game.discriminator_loss({"real": torch.zeros(5, 3, 16, 16)}, move)


def test_a_score_that_is_no_linear_layer_cannot_look_at_the_batch():
    generator, judge = players()
    judge.score = nn.Sequential(judge.score)
    with pytest.raises(UsageError, match="this one's is Sequential"):
        equipped_game(generator, judge, non_saturating(), Techniques(minibatch_kernels=4))


def test_a_method_refuses_what_it_cannot_use():
    techniques = Techniques(packing=2, instance_noise=0.1)
    refuse_techniques(techniques, "M", "why.", "unrolled_steps")
    with pytest.raises(UsageError, match="M does not go with --packing: why"):
        refuse_techniques(techniques, "M", "why.", "packing", "unrolled_steps")
    with pytest.raises(UsageError, match="--packing, --instance-noise"):
        refuse_techniques(techniques, "M", "why.")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"packing": 0}, "packing is 0; it must be at least 1"),
        ({"unrolled_steps": -1}, "unrolled_steps is -1"),
        ({"instance_noise": -0.1}, "instance_noise is -0.1"),
        ({"r1_weight": -1.0}, "r1_weight is -1"),
        ({"r1_weight": float("nan")}, "r1_weight is nan"),
        ({"unrolled_learning_rate": 0.0}, "must be above 0"),
        ({"unrolled_optimizer": "adan"}, "Did you mean 'adam'"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        Techniques(**settings)


@dataclass(frozen=True)
class Config:
    run: RunSettings


class PowerCutError(Exception):
    pass


def train(folder: Path, techniques: Techniques, *, cut: int = 0, resume: bool = False) -> Game:
    seen: list[int] = []

    def evaluate(game: Game, rng: torch.Generator) -> dict[str, float]:
        seen.append(1)
        if len(seen) == cut:
            raise PowerCutError("power cut")
        return {"seen": 1.0}

    training = ImageTraining(batch_size=4, epochs=1, evaluate_every_rounds=1, save_every_rounds=2)
    where = {"resume": folder} if resume else {"out": folder}
    with open_run("dcgan", Config(RunSettings(quiet=True, device="cpu", **where))) as run:
        pictures = torch.rand(24, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
        networks = players(packing=techniques.packing)
        game = dcgan.build(*networks, dcgan.DCGANMethod(), techniques)
        phases, feed = dcgan.phases(training, techniques), run.feed({"real": pictures}, 4)
        return Trainer(run, game, phases, feed, Hooks(evaluate)).fit()


@pytest.mark.parametrize(
    "techniques",
    [
        Techniques(packing=2, instance_noise=0.3, historical_averaging=0.1, minibatch_kernels=3),
        Techniques(unrolled_steps=2, instance_noise=0.3),
        Techniques(augmentation="ada", ada_images=40, ada_target=0.0, lecam=0.1, packing=2),
    ],
)
def test_a_resumed_run_ends_where_a_whole_one_does(techniques, tmp_path):
    whole = train(tmp_path / "whole", techniques)
    with pytest.raises(PowerCutError, match="power cut"):
        train(tmp_path / "cut", techniques, cut=3)
    resumed = train(tmp_path / "cut", techniques, resume=True)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name

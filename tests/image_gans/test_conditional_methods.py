"""CGAN, AC-GAN and projection discriminator as games: the losses are those of the docstrings, by hand."""

import math

import pytest
import torch
from conditional_players import corpus, players
from torch import Tensor, nn

from image_gans.conditional_game import ConditionalGame
from image_gans.conditions import conditioned
from image_gans.methods import acgan, cgan, projection
from image_gans.networks.labelled import LabelledDiscriminator, with_labels
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.game import Move, check_phases
from seqgan_kit.core.objectives import hinge, non_saturating
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import DataError, UsageError

BUILDS = {
    "cgan": lambda *p, **t: cgan.build(*p, cgan.CGANMethod(joint_width=6), **t),
    "acgan": lambda *p, **t: acgan.build(*p, acgan.ACGANMethod(), **t),
    "projection": lambda *p, **t: projection.build(*p, **t),
}


def batch(channels: int = 3) -> dict[str, Tensor]:
    data = corpus(channels=channels, rows=6)
    return {"real": to_float(data.train), **data.train_labels}


def move(seed: int = 0) -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(seed))


class Truth(nn.Module):
    """A perfect D for images whose brightness is their first label: score s if it matches, else -s."""

    def __init__(self, sureness: float):
        super().__init__()
        self.sureness = sureness

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        return torch.where((features[:, 0] - labels[:, 0]).abs() < 0.1, 1.0, -1.0) * self.sureness


class Brightness(nn.Module):
    """Trunk: an image's mean."""

    features = 1

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).mean(1, keepdim=True)


class Painter(nn.Module):
    """A stand-in for a generator that draws its first label, plus an error."""

    def __init__(self, error: float):
        super().__init__()
        self.config = players()[0].config
        self.error = nn.Parameter(torch.tensor(error))

    def draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        return (labels[:, 0].float() + self.error).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)


@pytest.mark.parametrize("objective", [non_saturating(), hinge()])
@pytest.mark.parametrize(("error", "fooled"), [(0.0, True), (0.5, False)])
def test_a_perfect_discriminator_of_pictures_with_labels(objective, error, fooled):
    """D detects fakes with the wrong label and accepts fakes with the requested one."""
    from seqgan_kit.core.discriminator import Discriminator

    labels = batch()["coat"]
    real = labels.float().view(-1, 1, 1, 1).expand(-1, 3, 16, 16)
    judge = LabelledDiscriminator(Discriminator(Brightness(), 1), Truth(20.0), 2)
    game = ConditionalGame(Painter(error), judge, objective)
    loss = game.discriminator_loss({**batch(), "real": real}, move())
    assert loss.logs["discriminator_accuracy"].item() == (0.5 if fooled else 1.0)
    wanted = {"non_saturating": 20.0, "hinge": 21.0}[objective.name] if fooled else 0.0
    assert loss.total.item() == pytest.approx(wanted, abs=1e-6)
    wrong = {**batch(), "coat": 1 - labels, "real": real}
    if fooled:  # the same images under the other labels: now the reals are called fake
        assert game.discriminator_loss(wrong, move()).total > 15


def test_fakes_have_the_labels_of_the_batch_in_its_order():
    game = BUILDS["cgan"](*players())
    labels = game.conditions.rows(batch())
    from image_gans.networks.labelled import apart

    drawn = game.draw(6, batch(), move().rng)
    assert torch.equal(apart(drawn, 2)[1], labels)
    more = game.draw(8, batch(), move().rng)
    assert torch.equal(apart(more, 2)[1], torch.cat([labels, labels[:2]]))


@pytest.mark.parametrize("channels", [1, 3])
def test_cgan_losses_by_hand(channels):
    game = BUILDS["cgan"](*players(channels=channels))
    generator, judge = game.players["generator"], game.players["discriminator"]
    told = batch(channels)
    labels = game.conditions.rows(told)
    with torch.no_grad():
        fake = with_labels(generator.draw(labels, move().rng), labels)
        real_p = judge(with_labels(told["real"], labels)).score.double().sigmoid()
        fake_p = judge(fake).score.double().sigmoid()
    loss = game.discriminator_loss(told, move())
    wanted = -real_p.log().mean() - (1 - fake_p).log().mean()
    assert loss.total.item() == pytest.approx(wanted.item(), rel=1e-5)
    loss = game.generator_loss(told, move())
    assert loss.total.item() == pytest.approx(-fake_p.log().mean().item(), rel=1e-5)


def test_projection_losses_are_the_hinge():
    game = BUILDS["projection"](*players(variant="selu")).eval()
    told = batch()
    labels = game.conditions.rows(told)
    with torch.no_grad():
        generator, judge = game.players["generator"], game.players["discriminator"]
        fake = judge(with_labels(generator.draw(labels, move().rng), labels)).score
        real = judge(with_labels(told["real"], labels)).score
    wanted = (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()
    assert game.discriminator_loss(told, move()).total.item() == pytest.approx(
        wanted.item(), rel=1e-4
    )
    assert game.generator_loss(told, move()).total.item() == pytest.approx(
        -fake.mean().item(), rel=1e-4
    )


@pytest.mark.parametrize(("weight", "of_fakes"), [(0.0, 1.0), (1.0, 1.0), (2.5, 0.0), (2.0, 0.5)])
def test_acgan_losses_by_hand(weight, of_fakes):
    """L_S of both halves, and w times the mean cross-entropy of the labels on reals and v times on fakes."""
    method = acgan.ACGANMethod(class_weight=weight, fake_class_weight=of_fakes)
    game = acgan.build(*players(), method)
    told = batch()
    labels = game.conditions.rows(told)
    with torch.no_grad():
        fake = game.players["generator"].draw(labels, move().rng)
        verdicts = [game.players["discriminator"](x) for x in (told["real"], fake)]

    def named(verdict) -> Tensor:
        chances = [verdict.heads[n].double().softmax(1) for n in ("label_0", "label_1")]
        each = [-c[torch.arange(6), labels[:, k]].log().mean() for k, c in enumerate(chances)]
        return (each[0] + each[1]) / 2

    real_p, fake_p = (v.score.double().sigmoid() for v in verdicts)
    adversarial = -real_p.log().mean() - (1 - fake_p).log().mean()
    wanted = adversarial + weight * (named(verdicts[0]) + of_fakes * named(verdicts[1]))
    assert game.discriminator_loss(told, move()).total.item() == pytest.approx(
        wanted.item(), rel=1e-5
    )
    wanted = -fake_p.log().mean() + weight * named(verdicts[1])
    assert game.generator_loss(told, move()).total.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_acgans_class_loss_on_labels_that_do_not_match():
    """A classifier certain of class 0 has no loss for class 0, and its full logit as loss otherwise."""
    heads = {"a": torch.tensor([[10.0, 0.0]] * 4), "b": torch.zeros(4, 3)}
    eyes = torch.arange(4) % 3
    sure = math.log1p(math.exp(-10))

    def told(coats: list[int]) -> Tensor:
        return torch.stack([torch.tensor(coats), eyes], 1)

    right = acgan.class_loss(heads, told([0] * 4))
    assert right.item() == pytest.approx((sure + math.log(3)) / 2, rel=1e-5)
    wrong = acgan.class_loss(heads, told([1] * 4))
    assert wrong.item() == pytest.approx((10 + sure + math.log(3)) / 2, rel=1e-5)
    assert acgan.class_accuracy(heads, told([0, 1, 0, 1])).item() == pytest.approx(0.5)


def test_labels_may_have_any_name():
    names = {"type": ("a", "b"), "class.name": ("c", "d"), "items": ("e", "f")}
    labelled = conditioned(corpus(names))
    told = {"real": torch.rand(4, 3, 16, 16), **{n: torch.arange(4) % 2 for n in names}}
    for method in BUILDS:
        game = BUILDS[method](*players(labelled))
        assert game.discriminator_loss(told, move()).total.isfinite()


def test_acgans_class_loss_reaches_g_and_the_heads():
    game = acgan.build(*players(), acgan.ACGANMethod())
    told = batch()
    game.objective = non_saturating()
    generator = game.players["generator"]
    adversarial = acgan.build(
        generator, game.players["discriminator"], acgan.ACGANMethod(class_weight=0)
    )
    gradients = []
    for one in (game, adversarial):
        loss = one.generator_loss(told, move()).total
        gradients.append(torch.autograd.grad(loss, list(generator.parameters())))
    assert all((a - b).abs().max() > 0 for a, b in zip(*gradients, strict=True))
    loss = game.discriminator_loss(told, move()).total
    heads = list(game.players["discriminator"].heads.parameters())
    assert all(g.abs().max() > 0 for g in torch.autograd.grad(loss, heads))


@pytest.mark.parametrize("method", BUILDS)
def test_batches_without_labels_and_wrong_settings_are_refused(method):
    game = BUILDS[method](*players())
    with pytest.raises(DataError, match="the batch has no label 'coat'"):
        game.discriminator_loss({"real": batch()["real"]}, move())
    with pytest.raises(UsageError, match="packing"):
        BUILDS[method](*players(), techniques=Techniques(packing=2))
    with pytest.raises(UsageError, match=r"class_weight is -1; it must be 0 or more"):
        acgan.ACGANMethod(class_weight=-1)


@pytest.mark.parametrize("method", BUILDS)
@pytest.mark.parametrize(
    "techniques",
    [Techniques(instance_noise=0.1), Techniques(historical_averaging=0.1)],
    ids=["noise", "history"],
)
def test_techniques_that_fit(method, techniques):
    game = BUILDS[method](*players(variant="selu", generator_norm="batch"), techniques=techniques)
    for loss in (game.discriminator_loss(batch(), move()), game.generator_loss(batch(), move())):
        assert loss.total.isfinite()


@pytest.mark.parametrize(
    "techniques", [Techniques(feature_matching=True), Techniques(unrolled_steps=2)]
)
def test_estimators_of_other_techniques_see_labels_too(techniques):
    game = BUILDS["cgan"](*players(discriminator_norm="none"), techniques=techniques)
    assert game.generator_loss(batch(), move()).total.isfinite()


@pytest.mark.parametrize("module", [cgan, acgan, projection])
def test_one_phase_in_turns(module):
    (phase,) = module.phases(ImageTraining(discriminator_moves=2))
    assert [(turn.players, turn.moves) for turn in phase.turns] == [
        (("discriminator",), 2),
        (("generator",), 1),
    ]
    game = BUILDS[module.__name__.rpartition(".")[2]](*players())
    check_phases(game, (phase,), {"train": object()})


def test_a_single_label_of_folders_is_enough():
    labelled = conditioned(corpus({"label": ("a", "b", "c")}))
    game = BUILDS["cgan"](*players(labelled))
    told = {"real": torch.rand(3, 3, 16, 16), "label": torch.arange(3)}
    assert game.discriminator_loss(told, move()).total.isfinite()

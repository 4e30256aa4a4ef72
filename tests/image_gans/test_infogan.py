"""InfoGAN: the bound on the information, its gradients, and the recovery of codes."""

import math

import pytest
import torch
from conditional_players import corpus
from torch import Tensor, nn

from image_gans.evaluation.code_scores import (
    CodeScorer,
    code_recovery,
    code_sweep,
    shared_information,
)
from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.evaluation.image_scores import ImageScoreSettings
from image_gans.methods.infogan import (
    InfoGANMethod,
    build,
    categorical_information,
    continuous_information,
    phases,
)
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.coded import (
    CodedConfig,
    CodedGenerator,
    CodeSettings,
    build_coded_networks,
)
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move, check_phases
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError

CODES = CodeSettings((3, 2), 2)


def networks(codes: CodeSettings = CODES, **choice: object):
    shape = NetworkChoice(**({"width": 2, "latent": 5} | choice))
    return build_coded_networks(shape, ImageData(size=16), codes)


def game(method: InfoGANMethod | None = None, codes: CodeSettings = CODES) -> AdversarialGame:
    return build(*networks(codes), method or InfoGANMethod(recogniser_width=8))


def move(seed: int = 0) -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(seed))


REAL = {"real": torch.linspace(-1, 1, 8 * 3 * 16 * 16).view(8, 3, 16, 16)}


def test_the_bound_on_categorical_codes_is_below_the_information_and_meets_it_at_the_posterior():
    """A world of three codes and four images, P(x|c) in eighths, enumerated."""
    eighths = torch.tensor([[5, 1, 1, 1], [0, 4, 4, 0], [2, 2, 2, 2]])
    joint = eighths.double() / 24
    posterior = joint / joint.sum(0)
    marginal = joint.sum(0).expand_as(joint) / 3
    information = torch.special.xlogy(joint, joint / marginal).sum()
    codes, pictures = zip(
        *[(c, x) for c in range(3) for x in range(4) for _ in range(int(eighths[c, x]))],
        strict=True,
    )
    codes, pictures = torch.tensor(codes), torch.tensor(pictures)

    def bound(q: Tensor) -> Tensor:
        return categorical_information([q.log().clamp(min=-50).T[pictures]], [codes])

    assert bound(posterior).item() == pytest.approx(information.item(), abs=1e-9)
    for _ in range(20):
        q = (torch.rand(3, 4).double() + 0.01).softmax(0)
        assert bound(q) < information
    assert bound(torch.full((3, 4), 1 / 3).double()).item() == pytest.approx(0, abs=1e-12)


def test_information_on_codes_that_are_surely_right_is_their_entropy():
    logits = [50 * torch.eye(4).double(), 50 * torch.eye(2).double()[[0, 1, 1, 0]]]
    named = categorical_information(logits, [torch.arange(4), torch.tensor([0, 1, 1, 0])])
    assert named.item() == pytest.approx(math.log(4) + math.log(2))


@pytest.mark.parametrize(
    ("noise", "mean", "deviation"), [(0.1, 0.0, 0.1), (0.1, 0.05, 0.2), (1.0, 0.0, 1.0)]
)
def test_the_bound_on_continuous_codes_in_closed_form(noise, mean, deviation):
    """Q sees u + e with e = +-noise: log 2 - log s - log(2 pi)/2 - E(e - m)^2 / (2 s^2)."""
    codes = torch.linspace(-1, 1, 1000).double().view(-1, 1)
    seen = codes + noise * torch.tensor([1.0, -1.0]).repeat(500).view(-1, 1)
    found = continuous_information(seen + mean, torch.full_like(codes, deviation), codes)
    error = noise**2 + mean**2
    wanted = (
        math.log(2) - math.log(deviation) - math.log(2 * math.pi) / 2 - error / (2 * deviation**2)
    )
    assert found.item() == pytest.approx(wanted, abs=1e-6)


def test_a_q_that_sees_nothing_has_no_information_on_continuous_codes():
    """The best normal for U(-1, 1) has variance 1/3, and stays below H(u) = log 2."""
    codes = (torch.arange(20000).double() + 0.5).view(-1, 1) / 10000 - 1
    best = continuous_information(0 * codes, torch.full_like(codes, 3**-0.5), codes)
    assert best.item() == pytest.approx(
        math.log(2) - 0.5 * math.log(2 * math.pi * math.e / 3), abs=1e-6
    )
    assert best < 0


def test_latents_hold_noise_and_codes(rng):
    generator, _ = networks()
    latents = generator.latents(4000, rng)
    assert latents.shape == (4000, 5 + 3 + 2 + 2)
    classes, continuous = generator.codes(latents)
    assert torch.equal(latents[:, 5:8], nn.functional.one_hot(classes[0], 3).float())
    for code, size in zip(classes, (3, 2), strict=True):
        shares = torch.bincount(code).float() / 4000
        assert ((shares - 1 / size).abs() < 5 * (0.25 / 4000) ** 0.5).all()
    assert continuous.abs().max() <= 1
    assert ((continuous.std(0) - 3**-0.5).abs() < 0.03).all()
    assert torch.equal(continuous, latents[:, -2:])
    assert (generator.codes(generator.latents(5, rng, {1: 1}))[0][1] == 1).all()


@pytest.mark.parametrize("norm", ["virtual", "reference"])
def test_a_reference_batch_holds_codes_as_latents_do(norm):
    generator, _ = networks(generator_norm=norm)
    reference = generator.inner.reference
    for one_hot in (reference[:, 5:8], reference[:, 8:10]):
        assert set(one_hot.unique().tolist()) == {0.0, 1.0}
        assert torch.equal(one_hot.sum(1), torch.ones(len(reference)))
    assert reference[:, -2:].abs().max() <= 1


def test_the_losses_are_those_of_the_docstring():
    method = InfoGANMethod(categorical_weight=2.0, continuous_weight=0.5, recogniser_width=8)
    played = game(method)
    generator, q = played.players["generator"], played.players["recogniser"]
    latents = generator.latents(8, move().rng)
    with torch.no_grad():
        verdict = played.discriminate(generator(latents))
        logits, means, deviations = q(verdict.features)
    classes, continuous = generator.codes(latents)
    named = sum(
        math.log(c) + p.softmax(1)[torch.arange(8), k].log().mean().item()
        for c, p, k in zip((3, 2), logits, classes, strict=True)
    )
    density = torch.distributions.Normal(means, deviations).log_prob(continuous).mean(0)
    told = (math.log(2) + density).sum().item()
    wanted = -nn.functional.logsigmoid(verdict.score).mean().item() - 2 * named - 0.5 * told
    loss = played.generator_loss(REAL, move())
    assert loss.total.item() == pytest.approx(wanted, rel=1e-5)
    assert loss.logs["categorical_information"].item() == pytest.approx(named, rel=1e-4)
    assert loss.logs["continuous_information"].item() == pytest.approx(told, rel=1e-4)


@pytest.mark.parametrize("codes", [CodeSettings((4,), 0), CodeSettings((), 2), CODES])
def test_the_information_reaches_g_and_q(codes):
    """Without the adversarial half, G and Q still have a gradient that increases the information."""
    played = game(codes=codes)
    parts = [played.players["generator"], played.players["recogniser"]]
    parameters = [p for part in parts for p in part.parameters()]
    loss = played.generator_loss(REAL, move())
    weights = {"categorical_information": -1.0, "continuous_information": -0.1}
    mutual = sum(weights[name] * loss.logs[name] for name in weights if name in loss.logs)
    gradients = torch.autograd.grad(mutual, parameters)
    assert all(g.abs().max() > 0 for g in gradients)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= 1e-2 * gradient / torch.stack([g.norm() for g in gradients]).norm()
    after = played.generator_loss(REAL, move())
    assert sum(weights[n] * after.logs[n] for n in weights if n in after.logs) < mutual


def test_d_alone_then_g_with_q():
    (phase,) = phases(ImageTraining())
    assert [turn.players for turn in phase.turns] == [
        ("discriminator",),
        ("generator", "recogniser"),
    ]
    check_phases(game(), (phase,), {"train": object()})


class Plain(nn.Module):
    """A generator's inner part whose images are its latent vectors."""

    def __init__(self, width: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.width = width

    def forward(self, latents: Tensor) -> Tensor:
        return (self.gain * latents).view(-1, 1, 1, self.width)


class Reads(nn.Module):
    """A recogniser of such images that errs by ``shift`` classes and by a sign."""

    def __init__(self, shift: int, sign: float):
        super().__init__()
        self.shift, self.sign = shift, sign

    def forward(self, features: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        codes = features[:, 2:5].roll(self.shift, 1)
        return [codes], self.sign * features[:, 5:], torch.ones_like(features[:, 5:])


@pytest.mark.parametrize(("shift", "sign", "accuracy"), [(0, 1.0, 1.0), (1, -1.0, 0.0)])
def test_recovery_is_measured_on_fresh_samples(shift, sign, accuracy, rng):
    codes = CodeSettings((3,), 1)
    generator = CodedGenerator(CodedConfig(2, codes), Plain(6))
    judge = Discriminator(nn.Flatten(), 6)
    players = {"recogniser": Reads(shift, sign)}
    played = AdversarialGame(generator, judge, non_saturating(), others=players)
    found = code_recovery(played, 300, rng)
    assert found == {"code_accuracy": accuracy, "code_correlation": pytest.approx(sign)}


def test_shared_information_is_a_share_of_the_labels_entropy():
    labels = torch.tensor([0, 0, 1, 1] * 5)
    assert shared_information(1 - labels, labels) == pytest.approx(1)
    assert shared_information(torch.tensor([0, 1, 0, 1] * 5), labels) == pytest.approx(0, abs=1e-12)
    assert shared_information(labels, torch.full((20,), 3)) == 0
    assert shared_information(labels, torch.full((20,), -1)) == 0
    # rows without a label are left out
    some = torch.tensor([0, 0, 1, -1])
    assert shared_information(torch.tensor([0, 1, 2, 2]), some) == pytest.approx(1)


def test_a_sweep_shows_every_code_with_one_noise_a_row(rng):
    generator, _ = networks()
    rows = code_sweep(generator, 2, 5, rng)
    assert rows.shape == (2, 3 + 2 + 5 + 5, 12)
    assert (rows[:, :, :5] == rows[:, :1, :5]).all()
    assert torch.equal(rows[0, :3, 5:8], torch.eye(3))
    assert torch.equal(rows[1, 3:5, 8:10], torch.eye(2))
    torch.testing.assert_close(rows[0, 5:10, 10], torch.linspace(-1, 1, 5))
    assert (rows[0, 5:10, 11] == rows[0, 0, 11]).all()


def test_the_table_holds_the_recovery_and_what_codes_stand_for():
    scorer = CodeScorer(corpus(rows=40), ImageScoreSettings(30, 20))
    played = game().eval()
    values = scorer(played, torch.Generator().manual_seed(0))
    assert set(values) >= {"diversity", "code_accuracy", "code_correlation"}
    table = scorer.record("title", {"InfoGAN": played}, 0)
    assert 0 <= table["rows"][0]["values"]["code_accuracy"] <= 1
    assert "code_accuracy" not in table["rows"][1]["values"]
    keys = [column["key"] for column in table["columns"]]
    assert keys[-2:] == ["code_accuracy", "code_correlation"]
    assert sum("of its entropy" in note for note in table["notes"]) == 2


def test_codes_can_be_asked_for_when_sampling(tmp_path):
    generator, _ = networks()
    save_image_model(tmp_path / "model", generator.eval())
    model = load_image_model(tmp_path)
    z = model.latents(4, seed=1, condition="code1=2,code2=0")
    assert [code.unique().tolist() for code in generator.codes(z)[0]] == [[2], [0]]
    assert model.images(2, condition="code1=1").shape == (2, 3, 16, 16)
    with pytest.raises(UsageError, match="unknown condition 'code'"):
        model.images(1, condition="code=1")


def test_impossible_settings():
    with pytest.raises(UsageError, match="at least one code"):
        CodeSettings((), 0)
    with pytest.raises(UsageError, match="categorical is 1; it must be at least 2"):
        CodeSettings((1,), 0)
    with pytest.raises(UsageError, match=r"continuous_weight is -0\.1"):
        InfoGANMethod(continuous_weight=-0.1)
    with pytest.raises(UsageError, match="packing"):
        build(*networks(), InfoGANMethod(), Techniques(packing=2))

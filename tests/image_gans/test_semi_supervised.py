"""The semi-supervised GAN: its losses are those of a softmax over K+1 classes; labels are drawn evenly."""

from dataclasses import replace

import pytest
import torch
from conditional_players import corpus
from torch import Tensor, nn

from image_gans.evaluation.image_scores import ImageScoreSettings
from image_gans.evaluation.label_scores import LabelScorer
from image_gans.few_labels import LabelSettings, balanced_rows, few_labels, few_labels_feed
from image_gans.methods.semi_supervised import SemiSupervisedMethod, build, phases, unlabelled_loss
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.networks.classifier import ClassifyingDiscriminator
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.feeds import JoinedFeed
from seqgan_kit.core.game import Move, check_phases
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import DataError, UsageError

COATS = {"coat": ("black", "white", "ginger")}


def game(method: SemiSupervisedMethod | None = None, channels: int = 3):
    choice = NetworkChoice(width=2, latent=5, discriminator_norm="layer")
    networks = build_networks(choice, ImageData(size=16, channels=channels))
    return build(*networks, 3, method or SemiSupervisedMethod())


def batch(channels: int = 3) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(1)
    pictures = torch.rand(10, channels, 16, 16, generator=rng) * 2 - 1
    return {"real": pictures[:6], "labelled": pictures[6:], "classes": torch.tensor([0, 2, 1, 2])}


def move(seed: int = 0) -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(seed))


def with_fake(logits: Tensor) -> Tensor:
    """Log-probabilities of K+1 classes [N,K+1], the logit of the last, fake, at 0."""
    return torch.cat([logits, torch.zeros(len(logits), 1).double()], 1).log_softmax(1)


def test_the_unlabelled_loss_is_that_of_k_plus_1_classes():
    """-(E log(1 - p(K+1 | x)) + E log p(K+1 | G(z))) / 2, also at extreme logits."""
    real, fake = torch.randn(2, 7, 4).double() * 5
    log_real, log_fake = with_fake(real), with_fake(fake)
    wanted = -(log_real[:, :4].logsumexp(1).mean() + log_fake[:, 4].mean()) / 2
    found = unlabelled_loss(real.logsumexp(1), fake.logsumexp(1))
    torch.testing.assert_close(found, wanted)
    papers = -real.logsumexp(1).mean() / 2 + nn.functional.softplus(real.logsumexp(1)).mean() / 2
    papers = papers + nn.functional.softplus(fake.logsumexp(1)).mean() / 2
    torch.testing.assert_close(found, papers)
    extreme = torch.tensor([-200.0], requires_grad=True)
    unlabelled_loss(extreme, -extreme.detach()).backward()
    assert extreme.grad.item() == pytest.approx(-0.5)


def test_a_logit_more_or_less_for_all_classes_changes_nothing_but_the_fake_one():
    """Fixing one logit at 0 loses nothing: softmax(l - c) with fake -c is softmax(l) with fake 0."""
    logits, shift = torch.randn(5, 4).double(), torch.randn(5, 1).double()
    free = torch.cat([logits + shift, shift], 1).log_softmax(1)
    torch.testing.assert_close(free, with_fake(logits))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("weight", [0.0, 1.0, 0.3])
def test_the_losses_are_those_of_the_docstring(channels, weight):
    played = game(SemiSupervisedMethod(unlabelled_weight=weight), channels)
    told = batch(channels)
    player = played.players["discriminator"]
    with torch.no_grad():
        fake = played.players["generator"].sample(6, rng=move().rng)
        logits = {
            name: player(x).heads["classes"].double() for name, x in told.items() if x.dim() == 4
        }
        verdicts = player(told["real"]), player(fake)
        log_real, log_fake = (with_fake(v.heads["classes"].double()) for v in verdicts)
    named = logits["labelled"].log_softmax(1)[torch.arange(4), told["classes"]]
    real_or_not = log_real[:, :3].logsumexp(1).mean() + log_fake[:, 3].mean()
    wanted = -named.mean() - weight * real_or_not / 2
    loss = played.discriminator_loss(told, move())
    assert loss.total.item() == pytest.approx(wanted.item(), rel=1e-5)
    # G matches the means of features
    distance = (verdicts[0].features.mean(0) - verdicts[1].features.mean(0)).square().sum()
    assert played.generator_loss(told, move()).total.item() == pytest.approx(
        distance.item(), rel=1e-4
    )


def test_without_feature_matching_g_maximises_log_d():
    played = game(SemiSupervisedMethod(feature_matching=False))
    with torch.no_grad():
        fake = played.players["generator"].sample(6, rng=move().rng)
        logits = played.discriminate(fake).heads["classes"].double()
    wanted = -(1 - with_fake(logits)[:, 3].exp()).log().mean()
    assert played.generator_loss(batch(), move()).total.item() == pytest.approx(
        wanted.item(), rel=1e-5
    )


def test_the_score_is_the_logsumexp_of_the_classes():
    judge = ClassifyingDiscriminator(nn.Flatten(), 4, 3)
    verdict = judge(torch.randn(2, 1, 2, 2))
    torch.testing.assert_close(verdict.score, verdict.heads["classes"].logsumexp(1))
    wanted = verdict.features @ judge.score.weight.T + judge.score.bias
    torch.testing.assert_close(verdict.heads["classes"], wanted)


def test_the_baseline_starts_as_d_and_sees_the_labelled_pictures_alone():
    played = game()
    states = [played.players[name].state_dict() for name in ("discriminator", "baseline")]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    loss = played.baseline_loss(batch(), move()).total
    others = {**batch(), "real": torch.zeros(1, 3, 16, 16)}
    assert torch.equal(loss, played.baseline_loss(others, move()).total)
    logits = played.players["baseline"](batch()["labelled"]).heads["classes"]
    assert loss.item() == pytest.approx(
        nn.functional.cross_entropy(logits, batch()["classes"]).item()
    )
    (phase,) = phases(ImageTraining(discriminator_moves=3))
    assert [(turn.players, turn.moves) for turn in phase.turns] == [
        (("discriminator",), 3),
        (("generator",), 1),
        (("baseline",), 3),
    ]
    check_phases(played, (phase,), {"train": object()})


def test_labelled_rows_are_drawn_evenly_and_by_the_seed():
    classes = torch.tensor([0] * 20 + [1] * 20 + [2] * 5)
    rows = balanced_rows(classes, 3, 11, "coat", seed=0)
    assert torch.bincount(classes[rows]).tolist() == [4, 4, 3]
    assert len(rows.unique()) == 11
    assert torch.equal(rows, balanced_rows(classes, 3, 11, "coat", seed=0))
    assert not torch.equal(rows, balanced_rows(classes, 3, 11, "coat", seed=1))
    with pytest.raises(
        DataError, match="class 2 of 'coat' has 5 training images, fewer than the 6"
    ):
        balanced_rows(classes, 3, 18, "coat", seed=0)
    with pytest.raises(UsageError, match="labelled 2 is too few for the 3 classes"):
        balanced_rows(classes, 3, 2, "coat", seed=0)


def test_which_label_and_that_there_is_one():
    data = corpus({**COATS, "eyes": ("open", "shut")})
    told = few_labels(data, LabelSettings(labelled=6), seed=0)
    assert (told.label, told.names) == ("coat", COATS["coat"])
    assert torch.equal(told.classes, data.train_labels["coat"][told.rows])
    assert torch.equal(told.pictures, data.train[told.rows])
    assert few_labels(data, LabelSettings(labelled=6, label="eyes"), seed=0).label == "eyes"
    with pytest.raises(UsageError, match="unknown label 'coot'"):
        few_labels(data, LabelSettings(label="coot"), seed=0)
    with pytest.raises(DataError, match="no labels to learn"):
        few_labels(corpus({}), LabelSettings(), seed=0)
    unlabelled = replace(
        data, test_labels={n: -torch.ones_like(t) for n, t in data.test_labels.items()}
    )
    with pytest.raises(DataError, match="no labelled test images"):
        few_labels(unlabelled, LabelSettings(labelled=6), seed=0)
    with pytest.raises(UsageError, match="labelled is -1"):
        LabelSettings(labelled=-1)


def test_none_asked_for_means_all_that_are_labelled():
    data = corpus(COATS)
    known = data.train_labels["coat"].clone()
    known[::5] = -1
    partly = replace(data, train_labels={**data.train_labels, "coat": known})
    told = few_labels(partly, LabelSettings(labelled=0, label="coat"), seed=0)
    assert told.rows.tolist() == (known >= 0).nonzero().flatten().tolist()
    assert torch.equal(told.classes, known[known >= 0])


def test_the_feed_gives_both_and_goes_back_to_its_place():
    data = corpus(COATS)
    told = few_labels(data, LabelSettings(labelled=6), seed=0)

    def feed() -> JoinedFeed:
        return few_labels_feed(data.feed(4, seed=0), told, 100, seed=0)

    first = feed()
    batches = [first.next_batch() for _ in range(5)]
    assert batches[0]["real"].shape == (4, 3, 16, 16)
    assert sorted(batches[0]["classes"].tolist()) == [0, 0, 1, 1, 2, 2]
    assert batches[0]["labelled"].abs().max() <= 1
    assert first.batches_per_epoch == 3
    again = feed()
    for _ in range(2):
        again.next_batch()
    state, last = again.state_dict(), feed()
    last.load_state_dict(state)
    for name, tensor in last.next_batch().items():
        assert torch.equal(tensor, batches[2][name])


def test_the_table_holds_both_errors():
    data = corpus(COATS, rows=30)
    scorer = LabelScorer(
        data, ImageScoreSettings(20, 10), told=few_labels(data, LabelSettings(6), 0)
    )
    played = game().eval()
    table = scorer.record("title", {"SGAN": played}, 0)
    assert [row["name"] for row in table["rows"]] == ["SGAN", "the same labels alone", "real data"]
    with torch.no_grad():
        named = played.discriminate(scorer.corpus.test / 127.5 - 1).heads["classes"].argmax(1)
    wrong = (named != scorer.told.test_classes).float().mean().item()
    values = scorer(played, torch.Generator().manual_seed(0))
    for row, key in zip(table["rows"], ("test_error", "baseline_test_error"), strict=False):
        assert row["values"]["test_error"] == values[key] == pytest.approx(wrong)
        assert row["errors"]["test_error"] == pytest.approx((wrong * (1 - wrong) / 4) ** 0.5)
    assert "test_error" not in table["rows"][2]["values"]


def test_wrong_settings():
    with pytest.raises(UsageError, match="unlabelled_weight is -1"):
        SemiSupervisedMethod(unlabelled_weight=-1)
    networks = build_networks(NetworkChoice(width=2), ImageData(size=16))
    with pytest.raises(UsageError, match="packing"):
        build(*networks, 3, SemiSupervisedMethod(), Techniques(packing=2))

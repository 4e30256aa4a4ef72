"""RelGAN's discriminator: S scores a sequence, each of a representation of its own, paired in order."""

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import non_saturating, relativistic_pairs
from seqgan_kit.core.penalties import R1, GradientPenalty
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNN, RelGANCNNConfig
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig, RelationalGenerator

pytestmark = pytest.mark.numerics

V, T, S = 9, 7, 3


def make(**config):
    config = {"representations": S, "filters": ((2, 5), (3, 4)), "features": 6} | config
    choice = DiscriminatorChoice("relgan_cnn", relgan_cnn=RelGANCNNConfig(**config))
    return build_discriminator(choice, V, T, pad=0)


def rows(n=4, seed=0):
    return torch.randint(0, V, (n, T), generator=torch.Generator().manual_seed(seed))


def one_hot(tokens):
    return F.one_hot(tokens, V).float()


@pytest.mark.parametrize("width", [1, 2])
def test_each_representation_goes_through_the_same_network_alone(width):
    """By loops over samples, representations, filters and windows."""
    discriminator, tokens = make(embedding=width).eval(), rows()
    trunk = discriminator.trunk
    score = discriminator(tokens).score.view(4, S)
    for b in range(4):
        for s in range(S):
            embedded = trunk.embedding.weight[tokens[b], s * width : (s + 1) * width]  # [T,E]
            largest = []
            for convolution in trunk.convolutions:
                for weight, bias in zip(convolution.weight, convolution.bias, strict=True):
                    span = weight.shape[1]
                    windows = [embedded[t : t + span].t() for t in range(T - span + 1)]
                    largest.append(max((weight * w).sum() + bias for w in windows).clamp(min=0))
            hidden = trunk.dense(trunk.highway(torch.stack(largest)[None]))
            torch.testing.assert_close(score[b, s], discriminator.score(hidden)[0, 0])


def test_scores_lie_in_the_order_of_samples_then_representations():
    """What changes the embedding of one representation changes its scores, and no others."""
    discriminator, tokens = make().eval(), rows()
    critique = discriminator(tokens)
    assert critique.features.shape == (4, S, 6)
    assert critique.score.shape == (4 * S,)
    with torch.no_grad():
        discriminator.trunk.embedding.weight[:, 1] += torch.randn(V)
    moved = (discriminator(tokens).score != critique.score).view(4, S)
    assert moved.tolist() == [[False, True, False]] * 4


def test_rows_are_judged_each_by_itself():
    discriminator, tokens = make().eval(), rows()
    alone = torch.cat([discriminator(row[None]).score for row in tokens])
    torch.testing.assert_close(discriminator(tokens).score, alone, atol=1e-5, rtol=1e-4)


def test_soft_one_hots_are_read_like_ids_and_carry_a_gradient():
    discriminator, tokens = make().eval(), rows()
    soft = one_hot(tokens).requires_grad_()
    score = discriminator(soft).score
    torch.testing.assert_close(score, discriminator(tokens).score)
    (gradient,) = torch.autograd.grad(score.sum(), soft)
    assert (gradient.flatten(1).norm(dim=1) > 0).all()


def test_settings_are_the_papers():
    """Nie et al. 2019: a width of 64 in 64 representations, 300 filters of each width 2 to 5, dense 100."""
    trunk = build_discriminator(DiscriminatorChoice("relgan_cnn"), 50, 20, pad=None).trunk
    assert isinstance(trunk, RelGANCNN)
    assert trunk.embedding.weight.shape == (50, 64)
    assert [tuple(c.weight.shape) for c in trunk.convolutions] == [(300, 1, k) for k in range(2, 6)]
    assert (trunk.dense.in_features, trunk.dense.out_features) == (1200, 100)
    assert all((p == 0).all() for name, p in trunk.named_parameters() if name.endswith("bias"))
    # A normal distribution cut at 2 sigma has 0.88 of its deviation.
    assert trunk.embedding.weight.std().item() == pytest.approx(0.88 * 50**-0.5, rel=0.05)
    assert trunk.convolutions[1].weight.std().item() == pytest.approx(
        0.88 * (2 / 3) ** 0.5, rel=0.1
    )


def test_dropout_acts_in_training_only():
    discriminator, tokens = make(dropout=0.5), rows()
    assert not torch.equal(discriminator(tokens).score, discriminator(tokens).score)
    with evaluating(discriminator):
        assert torch.equal(discriminator(tokens).score, discriminator(tokens).score)


@pytest.mark.parametrize("penalty", [GradientPenalty(), R1()], ids=lambda p: p.name)
def test_gradient_penalties_have_a_gradient(penalty):
    discriminator = make()
    rng = torch.Generator().manual_seed(0)
    penalty(discriminator, one_hot(rows()), one_hot(rows(seed=1)), rng).backward()
    assert discriminator.trunk.embedding.weight.grad.abs().sum() > 0


def test_it_runs_in_bfloat16():
    discriminator = make().eval()
    with torch.autocast("cpu", torch.bfloat16):
        score = discriminator(one_hot(rows())).score
    assert score.dtype == torch.float32
    torch.testing.assert_close(score, discriminator(rows()).score, atol=0.1, rtol=0.1)


def test_losses_pair_the_same_representation_of_a_real_and_a_fake(move: Move):
    """mean over b, s of softplus(D(fake_b,s) - D(real_b,s)), whatever the batch's other rows are."""
    generator = RelationalGenerator(
        RelationalConfig(embedding=3, head_size=4), V, T, bos=1, eos=2, pad=0
    )
    discriminator = make(dropout=0.0)
    objective = relativistic_pairs(non_saturating())
    game = AdversarialGame(generator, discriminator, objective, GumbelSoftmax(feed="argmax"))
    real = rows()
    fake = game.estimator.fakes(game, {"real": real}, 4, Move("p", 0, 1, seeded()))
    loss = game.discriminator_loss({"real": real}, Move("p", 0, 1, seeded()))
    pairs = []
    for b in range(4):
        one, other = discriminator(real[b : b + 1]).score, discriminator(fake[b : b + 1]).score
        pairs += [F.softplus(other[s] - one[s]) for s in range(S)]
    torch.testing.assert_close(loss.total, torch.stack(pairs).mean())
    game.generator_loss({"real": real}, move).total.backward()
    assert generator.embedding.weight.grad.abs().sum() > 0


def seeded():
    return torch.Generator().manual_seed(5)


def test_two_simple_distributions_are_told_apart():
    """Rising rows against falling ones, by the pairs' loss; the mean score of a row says which it is."""
    discriminator, rng = make(representations=8, filters=((2, 12),), dropout=0.0), seeded()
    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-2)
    objective = relativistic_pairs(non_saturating())

    def batch(sign: int) -> torch.Tensor:
        start = torch.randint(0, 6, (32, 1), generator=rng)
        return 3 + (start + sign * torch.arange(T)) % 6

    loss, steps = torch.tensor(1.0), 0
    while loss > 0.1 and steps < 200:
        steps += 1
        scores = discriminator(batch(1)).score, discriminator(batch(-1)).score
        loss = sum(half.mean() for half in objective.discriminator(*scores))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with evaluating(discriminator):
        up, down = (discriminator(batch(sign)).score.view(32, -1).mean(1) for sign in (1, -1))
    assert up.min() > down.max()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"representations": 0}, "representations is 0; it must be at least 1"),
        ({"dropout": 1.0}, r"dropout is 1\.0; it must be 0 or more and below 1"),
        ({"filters": ((8, 3),)}, "width 8 does not fit into sequences of 7"),
    ],
)
def test_config_is_checked(config, message):
    with pytest.raises(UsageError, match=message):
        make(**config)

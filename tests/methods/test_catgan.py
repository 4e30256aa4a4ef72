"""CatGAN: losses within classes against loops, and the selection of the fittest child."""

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods import catgan
from seqgan_kit.methods.catgan import CatGANMethod
from seqgan_kit.sequences.class_relativistic import child_loss, class_means, class_relativistic
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNN, RelGANCNNConfig
from seqgan_kit.sequences.estimators.temperatures import POLICIES
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig, RelationalGenerator

CLASSES = 6, 7  # two ids that are given and never written
TUNING = FineTuning(batch_size=4, negatives=0, score_l2=0.0)
REAL = torch.tensor([[6, 3, 4, 2, 0], [7, 5, 5, 2, 0], [6, 4, 4, 4, 2], [7, 3, 3, 5, 2]])


def game_of(training: FineTuning = TUNING, **options):
    torch.manual_seed(2)
    ids = {"bos": 1, "eos": 2, "pad": 0, "given": 1, "source_vocabulary": 2}
    generator = RelationalGenerator(RelationalConfig(3, 1, 1, 4), 6, 4, **ids)
    trunk = RelGANCNN(RelGANCNNConfig(3, filters=((2, 4),), features=4), 8, 5, pad=0)
    discriminator = Discriminator(trunk, trunk.features)
    method = CatGANMethod(fitness_samples=8, **options)
    return catgan.build(generator, discriminator, method, training)


def move(round_number: int = 3, rounds: int = 11) -> Move:
    return Move("adversarial", round_number, rounds, torch.Generator().manual_seed(5))


def test_scores_are_compared_within_a_class():
    """Against loops; a class without rows has the mean 0."""
    real, fake = torch.randn(5), torch.randn(4)
    of_real, of_fake = torch.tensor([0, 1, 0, 0, 2]), torch.tensor([1, 0, 0, 1])
    ours = class_relativistic(real, fake, of_real, of_fake)
    for scores, classes, others, of_others, found in (
        (real, of_real, fake, of_fake, ours[0]),
        (fake, of_fake, real, of_real, ours[1]),
    ):
        for score, label, a in zip(scores, classes, found, strict=True):
            same = [o for o, c in zip(others, of_others, strict=True) if c == label]
            wanted = score - (sum(same) / len(same) if same else 0)
            assert a.item() == pytest.approx(wanted.item(), abs=1e-6)
    assert class_means(fake, of_fake, torch.tensor([2])).item() == 0


def test_losses_of_children():
    """ragan on means of D's scores, rsgan on pairs of equal scores: with torch's cross-entropy."""
    real, fake, classes = torch.randn(4, 3), torch.randn(4, 3), torch.tensor([0, 1, 0, 1])
    pairs = F.binary_cross_entropy_with_logits(fake - real, torch.ones(4, 3))
    torch.testing.assert_close(child_loss("rsgan", real, fake, classes), pairs)
    r, f, total = real.mean(1), fake.mean(1), 0.0
    for rows in ([0, 2], [1, 3]):
        up, down = f[rows] - r[rows].mean(), r[rows] - f[rows].mean()
        total += F.binary_cross_entropy_with_logits(up, torch.ones(2)) / 2
        total += F.binary_cross_entropy_with_logits(down, torch.zeros(2)) / 2
    torch.testing.assert_close(child_loss("ragan", real, fake, classes), total)


def test_d_does_not_see_the_class():
    game = game_of().eval()
    other = REAL.clone()
    other[:, 0] = torch.tensor([7, 6, 7, 6])
    torch.testing.assert_close(game.scores_of(REAL), game.scores_of(other))
    one_hot = F.one_hot(REAL, 8).float()
    torch.testing.assert_close(game.scores_of(one_hot), game.scores_of(REAL))


def test_a_child_learns_from_its_own_loss():
    """Six children of one loss and temperature each; their gradients are those of their losses alone."""
    game = game_of()
    assert game.method.variants == [
        (loss, ahead) for loss in ("ragan", "rsgan") for ahead in (0, 1, -1)
    ]
    betas = [1 / game.temperature(child, move()) for child in range(6)]
    assert betas == pytest.approx([100 ** (n / 10) for n in (3, 4, 2)] * 2)
    assert 1 / game.temperature(2, move(0)) == pytest.approx(1)
    game.generator_loss({"real": REAL}, move()).total.backward()
    grads = [child.output.weight.grad for child in game.offspring.all()]
    assert all(grad.abs().sum() > 0 for grad in grads)
    assert game.generator.output.weight.grad is None
    one = game_of(mutations=("rsgan",), temperature_step=0).eval()
    loss = one.generator_loss({"real": REAL}, move()).total
    rows = one.relaxed(one.offspring.all()[0], {"real": REAL}, 4, 100**-0.3, move().rng)
    wanted = child_loss("rsgan", one.scores_of(REAL), one.scores_of(rows), REAL[:, 0])
    torch.testing.assert_close(loss, wanted)


def test_the_fittest_child_replaces_the_generator():
    """By hand: sigma of D's mean score less the class's real mean, plus a weighted entropy, from the same
    noise. Afterwards all children equal the chosen one."""
    game = game_of(quality_weight=1.0, diversity_weight=0.5)
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for child in game.offspring.all():
            for parameter in child.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=rng))
    seed = int(torch.randint(1 << 30, (), generator=move().rng))
    game.eval()
    fitness = []
    for number, child in enumerate(game.offspring.all()):
        noise = torch.Generator().manual_seed(seed)
        eight = torch.cat([REAL, REAL])
        rows = game.relaxed(child, {"real": REAL}, 8, game.temperature(number, move()), noise)
        written = child.sample(8, rng=noise, given=eight[:, :1])
        fake, real = game.scores_of(rows).mean(1), game.scores_of(REAL).mean(1)
        means = torch.stack([real[[0, 2]].mean(), real[[1, 3]].mean()]).repeat(4)
        entropy = -child.sequence_log_prob(written).sum() / child.token_mask(written).sum()
        fitness.append(((fake - means).sigmoid().mean() + 0.5 * entropy).item())
    best = fitness.index(max(fitness))
    chosen = {k: v.clone() for k, v in game.offspring.all()[best].state_dict().items()}
    logs = game.evolve({"real": REAL}, move())
    assert len(set(fitness)) == 6
    assert logs["quality"] + 0.5 * logs["entropy"] == pytest.approx(max(fitness), rel=1e-5)
    for network in (game.generator, *game.offspring.all()):
        assert all(torch.equal(v, chosen[k]) for k, v in network.state_dict().items())
    assert float(game.offspring.temperature) == pytest.approx(game.temperature(best, move()))


def test_policies_are_drawn_anew_in_every_round():
    game = game_of(temperature_policies="all")
    game.evolve({"real": REAL}, move())
    courses = game.offspring.courses.tolist()
    assert set(courses) <= set(range(len(POLICIES)))
    assert len(set(courses)) > 1
    assert 1 / game.temperature(0, move(10)) == pytest.approx(100, rel=1e-3)


def test_what_cannot_be_is_refused(tiny_generator, tiny_text_discriminator):
    with pytest.raises(UsageError, match="name ragan, rsgan or both, each once"):
        CatGANMethod(mutations=("ragan", "ragan"))
    with pytest.raises(UsageError, match="nothing of its own updates would be left: use 0"):
        game_of(FineTuning(negatives=0, teacher_forcing_moves=1))
    with pytest.raises(
        UsageError, match="CatGAN writes after one class, and this generator after 0"
    ):
        catgan.build(tiny_generator(), tiny_text_discriminator(), CatGANMethod(), TUNING)

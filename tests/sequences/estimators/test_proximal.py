"""Group advantages, clipped updates and divergences against loops, closed forms and sums over all replies."""

from __future__ import annotations

import itertools

import pytest
import torch
from small_worlds import LENGTH, enumerate_sequences, flat_gradient

from seqgan_kit.core.objectives import preferred_score
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.group_advantages import advantages_of
from seqgan_kit.sequences.estimators.proximal import PolicySettings, clipped_loss, entropies
from seqgan_kit.sequences.estimators.reference_policy import k1, k2, k3
from seqgan_kit.sequences.estimators.reply_buffer import Replies, ReplyBuffer
from seqgan_kit.sequences.proximal_game import ProximalGame, ReplyRewards

pytestmark = pytest.mark.numerics

WORLDS = {
    "every row full": (3, {"bos": 0, "eos": None, "pad": None}),
    "rows that end": (5, {}),
}


class AllReplies:
    """A generator, a table of D's scores, and one round of every reply that there is."""

    def __init__(self, name, tiny_generator, table_discriminator, **settings):
        vocabulary, options = WORLDS[name]
        generator = tiny_generator(vocabulary, LENGTH, embedding=2, hidden=3, **options)
        self.rows = enumerate_sequences(generator)
        self.count = len(self.rows)
        table = torch.randn(vocabulary**LENGTH)
        discriminator = table_discriminator(table, vocabulary, LENGTH)
        chosen = PolicySettings(**{"replies": self.count, "advantage": "leave_one_out"} | settings)
        self.game = ProximalGame(
            generator, discriminator, preferred_score(), chosen, 1, ReplyRewards()
        )
        self.generator = self.game.generator
        self.scores = discriminator(self.rows).score.detach()
        self.chances = self.generator.sequence_log_prob(self.rows).detach().exp()
        if "reference" in self.game.players:
            for parameter in self.game.players["reference"].parameters():
                parameter.data += 0.2 * torch.randn_like(parameter)

    def play(self, move):
        """Let G write every reply once, reward them, and weight each by its probability."""
        self.game.experience.note_pairs(self.rows, self.rows)
        self.game.rule("reward_replies", {}, move)
        # The loss divides by the number of replies and is linear in advantages while the ratio is 1.
        self.game.experience.advantages *= self.chances * self.count

    def gradient(self, move):
        return flat_gradient(self.game.loss("generator_loss", {}, move).total, self.generator)

    @property
    def log_probs(self):
        return self.generator.log_probs(self.rows)

    @property
    def reference(self):
        return self.game.players["reference"].log_probs(self.rows).detach()


@pytest.fixture(params=WORLDS)
def new_world(request, tiny_generator, table_discriminator):
    def build(**settings):
        return AllReplies(request.param, tiny_generator, table_discriminator, **settings)

    return build


def test_advantages_by_loops():
    rewards = torch.tensor([[1.0, 2.0, 6.0], [0.5, 0.5, 0.5]])
    expected = torch.tensor([1 - 4, 2 - 3.5, 6 - 1.5])
    torch.testing.assert_close(advantages_of(rewards, "leave_one_out")[0], expected)
    spread = ((4 + 1 + 9) / 2) ** 0.5
    expected = torch.tensor([-2.0, -1.0, 3.0]) / spread
    torch.testing.assert_close(advantages_of(rewards, "group")[0], expected, rtol=1e-3, atol=0)
    assert not advantages_of(rewards, "group")[1].any()
    whole = (rewards - 10.5 / 6) / rewards.flatten().std()
    torch.testing.assert_close(advantages_of(rewards, "batch"), whole, rtol=1e-3, atol=0)


@pytest.mark.parametrize("kind", ["group", "leave_one_out"])
def test_one_reply_has_nothing_to_be_compared_with(kind):
    with pytest.raises(UsageError, match="there is 1: use 2 replies or more"):
        PolicySettings(replies=1, advantage=kind)
    assert PolicySettings(replies=1, advantage="batch").replies == 1


@pytest.mark.parametrize("ratio", ["token", "reply"])
def test_the_first_update_is_the_exact_policy_gradient(new_world, move, ratio):
    """One that compares every reply with all others: E sum_t grad log G * (r - mean) is grad E r."""
    world = new_world(kl_weight=0, clip=1e-3, ratio=ratio)
    world.play(move)
    expected = (world.log_probs.sum(1).exp() * world.scores).sum()
    factor = world.count / (world.count - 1)
    truth = -factor * flat_gradient(expected, world.generator)
    torch.testing.assert_close(world.gradient(move), truth, rtol=1e-4, atol=1e-6)


def test_leaving_one_out_of_pairs_is_unbiased(new_world, move):
    """The mean over all pairs of replies, each pair by its probability."""
    world = new_world(kl_weight=0, replies=2)
    first, second = torch.tensor(list(itertools.product(range(world.count), repeat=2))).t()
    rows = torch.stack([world.rows[first], world.rows[second]], 1).flatten(0, 1)
    rewards = torch.stack([world.scores[first], world.scores[second]], 1)
    chances = (world.chances[first] * world.chances[second]).repeat_interleave(2)
    advantages = advantages_of(rewards, "leave_one_out").flatten() * chances * len(first)
    log_probs = world.generator.log_probs(rows).detach()
    experience = ReplyBuffer(1, len(rows), LENGTH, LENGTH, 1)
    experience.note_replies(Replies(rows, advantages, log_probs, torch.zeros_like(log_probs)))
    world.game.players["experience"] = experience
    expected = (world.log_probs.sum(1).exp() * world.scores).sum()
    truth = -flat_gradient(expected, world.generator)
    torch.testing.assert_close(world.gradient(move), truth, rtol=1e-4, atol=1e-6)


def test_a_reward_less_k1_is_the_reward_less_the_divergence(new_world, move):
    world = new_world(kl_weight=0.7, kl="k1_in_reward")
    world.play(move)
    whole = world.log_probs.sum(1)
    divergence = (whole.exp() * (whole - world.reference.sum(1))).sum()
    goal = (whole.exp() * world.scores).sum() - 0.7 * divergence
    truth = -world.count / (world.count - 1) * flat_gradient(goal, world.generator)
    torch.testing.assert_close(world.gradient(move), truth, rtol=1e-4, atol=1e-6)


def next_token_divergences(world, backwards):
    """KL of next tokens at every prefix of every reply [N,T], with the prefixes as given."""
    own = world.generator.logits(world.rows).log_softmax(2)
    other = world.game.players["reference"].logits(world.rows).detach().log_softmax(2)
    first, second = (other, own) if backwards else (own, other)
    return (first.exp() * (first - second)).sum(2)


@pytest.mark.parametrize(("estimate", "backwards"), [(k2, False), (k3, True)])
def test_gradients_of_divergences_in_the_loss(new_world, estimate, backwards):
    """The mean of k2's gradient is that of KL(G || ref) at given prefixes, that of k3's of KL(ref || G)."""
    world = new_world(kl="k3_in_loss")
    mask, chances = world.generator.token_mask(world.rows), world.chances.unsqueeze(1)
    found = (chances * mask * estimate(world.log_probs, world.reference)).sum()
    exact = (chances * mask * next_token_divergences(world, backwards)).sum()
    torch.testing.assert_close(
        *(flat_gradient(value, world.generator) for value in (found, exact)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("estimate", [k1, k3])
def test_the_means_of_k1_and_k3_are_the_divergence(new_world, estimate):
    world = new_world()
    mask, chances = world.generator.token_mask(world.rows), world.chances.unsqueeze(1)
    found = (chances * mask * estimate(world.log_probs, world.reference)).sum()
    whole = world.log_probs.sum(1)
    exact = (whole.exp() * (whole - world.reference.sum(1))).sum()
    torch.testing.assert_close(found, exact)


@pytest.mark.parametrize(("kind", "estimate"), [("k2_in_loss", k2), ("k3_in_loss", k3)])
def test_the_loss_has_divergence_and_entropy_with_their_weights(new_world, move, kind, estimate):
    world = new_world(kl_weight=0.3, kl=kind, entropy_weight=0.2)
    world.play(move)
    world.game.experience.advantages.zero_()
    mask = world.generator.token_mask(world.rows)
    own = world.generator.logits(world.rows)
    chaos = -(own.softmax(2) * own.log_softmax(2)).sum(2)
    term = 0.3 * estimate(world.log_probs, world.reference) - 0.2 * chaos
    loss = world.game.loss("generator_loss", {}, move).total
    torch.testing.assert_close(loss, (term * mask).sum() / world.count)


def test_clipping_by_cases():
    """Beyond 1 + c a good reply learns no more, below 1 - c a bad one; the other two still do."""
    old = torch.zeros(4)
    ratio, advantages = torch.tensor([1.5, 1.5, 0.5, 0.5]), torch.tensor([2.0, -2.0, 2.0, -2.0])
    log_probs = ratio.log().requires_grad_()
    losses, stopped = clipped_loss(log_probs, old, advantages, 0.2)
    torch.testing.assert_close(losses.detach(), torch.tensor([-2.4, 3.0, -1.0, 1.6]))
    (gradient,) = torch.autograd.grad(losses.sum(), log_probs)
    torch.testing.assert_close(gradient, torch.tensor([0.0, 3.0, -1.0, 0.0]))
    assert stopped.tolist() == [True, False, False, True]


def test_entropies_of_uniform_and_certain_tokens():
    logits = torch.tensor([[0.0, 0.0, -1e9], [50.0, 0.0, -1e9]])
    torch.testing.assert_close(entropies(logits), torch.tensor([2.0, 1.0]).log())


def test_parts_hold_every_reply_once():
    experience = ReplyBuffer(7, 7, 4, 3, 3)
    numbers = torch.arange(7)
    rows = numbers.unsqueeze(1).expand(7, 4)
    written = numbers.unsqueeze(1).expand(7, 3).float()
    experience.note_pairs(rows, rows + 1)
    experience.note_replies(Replies(rows, numbers.float(), written, -written))
    for parts in ([experience.next_replies() for _ in range(3)] for _ in range(2)):
        read = torch.cat([part.rows[:, 0] for part in parts])
        assert read.sort().values.tolist() == list(range(7))
        for part in parts:
            torch.testing.assert_close(part.advantages, part.rows[:, 0].float())
            torch.testing.assert_close(part.log_probs, -part.reference)
    real, fake = experience.next_pairs()
    assert torch.equal(fake, real + 1)
    assert real[:, 0].tolist() == [0, 3, 6]

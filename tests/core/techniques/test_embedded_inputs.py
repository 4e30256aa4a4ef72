"""A network of tokens as a function of its embedded tokens."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.techniques.embedded_inputs import of_embedded
from seqgan_kit.core.techniques.virtual_adversary import smoothness_loss, virtual_direction
from seqgan_kit.errors import UsageError

FIRST = torch.tensor([[1, 2, 3], [4, 0, 0]])
SECOND = torch.tensor([[2, 2], [5, 1]])


class TwoTexts(nn.Module):
    """Logits of two texts: a linear layer of the sums of their embeddings."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.head = nn.Embedding(6, 4), nn.Linear(8, 3)

    def forward(self):
        both = [self.embedding(text).sum(1) for text in (FIRST, SECOND)]
        return self.head(torch.cat(both, 1))


def test_the_function_of_the_embedded_tokens_is_the_network():
    network = TwoTexts()
    x, made_of = of_embedded(network.embedding, network)
    assert torch.equal(x, torch.cat([network.embedding(FIRST), network.embedding(SECOND)], 1))
    torch.testing.assert_close(made_of(x), network())
    shift = torch.zeros_like(x)
    shift[:, 3:] = 0.5  # the second text alone
    wanted = network() + 2 * 0.5 * network.head.weight[:, 4:].sum(1)
    torch.testing.assert_close(made_of(x + shift), wanted)
    torch.testing.assert_close(network(), made_of(x))


def test_a_virtual_adversary_perturbs_words_more_than_chance_does():
    network = TwoTexts()
    x, made_of = of_embedded(network.embedding, network)
    rng = torch.Generator().manual_seed(1)
    worst = virtual_direction(made_of, x, rng, power_steps=5)
    chance = torch.randn(x.shape, generator=rng)
    chance = chance / chance.flatten(1).norm(dim=1).view(-1, 1, 1)
    assert (smoothness_loss(made_of, x, worst) > 3 * smoothness_loss(made_of, x, chance)).all()


def test_the_loss_teaches_the_layers_behind_the_embedding():
    network = TwoTexts()
    x, made_of = of_embedded(network.embedding, network)
    smoothness_loss(made_of, x, 0.1 * torch.ones_like(x)).sum().backward()
    assert network.head.weight.grad.abs().max() > 0


def test_a_layer_that_is_not_used_is_refused():
    network = TwoTexts()
    with pytest.raises(UsageError, match="does not embed its tokens by the layer given"):
        of_embedded(nn.Embedding(2, 2), network)

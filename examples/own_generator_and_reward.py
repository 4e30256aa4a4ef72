"""Train a generator of your own by a reward of your own.

    python examples/own_generator_and_reward.py

A GRU learns to write sequences of digits that alternate between even and odd. The reward needs no
discriminator, so the only turn is the generator's.
"""

import torch
from torch import Tensor, nn

import seqgan_kit as sk

DIGITS, LENGTH = 10, 12


class GRUGenerator(sk.SequenceGenerator):
    """A GRU: read whole rows, or one token at a time from a state."""

    def __init__(self, vocabulary: int, length: int, width: int = 32):
        super().__init__(vocabulary, length, width, bos=0, eos=None, pad=None)
        self.embedding = nn.Embedding(vocabulary, width)
        self.gru = nn.GRU(width, width, batch_first=True)

    def encode(self, inputs: Tensor) -> Tensor:
        return self.gru(self.embedding(inputs))[0]

    def start(self, given: Tensor) -> tuple[Tensor, ...]:
        return (torch.zeros(len(given), self.gru.hidden_size, device=given.device),)

    def advance(
        self, inputs: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        token = self.embedding(inputs).unsqueeze(1)
        hidden, last = self.gru(token, state[0].unsqueeze(0).contiguous())
        return hidden.squeeze(1), (last.squeeze(0),)


class Alternation(nn.Module):
    """The reward [B,1] of rows [B,T]: share of neighbours of which one is even and one odd."""

    def forward(self, tokens: Tensor) -> Tensor:
        odd = tokens % 2
        return (odd[:, 1:] != odd[:, :-1]).float().mean(1, keepdim=True)


def mean_reward(generator: GRUGenerator) -> float:
    """Of 500 samples."""
    rows = generator.sample(500, rng=torch.Generator().manual_seed(1))
    return Alternation()(rows).mean().item()


def main() -> None:
    torch.manual_seed(0)
    generator = GRUGenerator(DIGITS, LENGTH)
    judge = sk.Discriminator(Alternation(), features=1, score=nn.Identity())
    estimator = sk.Reinforce(rollouts=0, baseline="batch")
    game = sk.AdversarialGame(generator, judge, sk.objectives.expected_logit(), estimator)
    learn = sk.Turn(("generator",), loss="generator_loss", optimizer=sk.Optimizer(1e-2))
    # The batch says only how many rows to draw; there is no real data in this game.
    feed = sk.TensorFeed(
        {"real": torch.zeros(128, LENGTH, dtype=torch.long)}, batch_size=64, seed=0
    )

    print(f"mean reward before: {mean_reward(generator):.2f}")
    sk.Trainer(game, [sk.Phase("by-reward", (learn,), rounds=60)], feed).fit()
    print(f"mean reward after:  {mean_reward(generator):.2f}")
    for row in generator.sample(3, rng=torch.Generator().manual_seed(2)).tolist():
        print(*row)


if __name__ == "__main__":
    main()

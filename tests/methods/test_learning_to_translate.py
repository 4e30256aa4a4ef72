"""Whether CSGAN-NMT learns to translate, measured exactly in a small world: ``pytest -m slow -s``."""

from __future__ import annotations

import pytest
import torch
from small_worlds import enumerate_sequences
from torch import Tensor

from seqgan_kit.core.game import Move
from seqgan_kit.methods import csgan_nmt
from seqgan_kit.methods.csgan_nmt import CSGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.pair_cnn import PairCNNConfig
from seqgan_kit.sequences.discriminators.pair_rnn import PairRNNConfig
from seqgan_kit.sequences.discriminators.pair_textcnn import PairTextCNNConfig
from seqgan_kit.sequences.estimators.rewards import Reward
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

VOCABULARY, LENGTH, SOURCES = 7, 3, 4
FIRST_OF_D, ROUNDS, BATCH = 20, 200, 64
TUNING = FineTuning(batch_size=BATCH, negatives=0, score_l2=0.0)


def translations(generator: LSTMGenerator) -> tuple[Tensor, Tensor]:
    """All rows [4,N,1+T], and p(y | x) [4,N]: one distribution, whose words each source shifts in its way."""
    written = enumerate_sequences(generator)
    rng = torch.Generator().manual_seed(5)
    law = (2.0 * torch.randn(len(written), generator=rng)).softmax(0)
    rows = []
    for x in range(SOURCES):
        shifted = torch.where(written > 2, 3 + (written - 3 + x) % SOURCES, written)
        source = torch.full((len(written), 1), 3 + x)
        rows.append(torch.cat([source, shifted], 1))
    return torch.stack(rows), law.expand(SOURCES, -1)


def forward_kl(generator: LSTMGenerator, rows: Tensor, law: Tensor) -> float:
    """The mean over sources of KL(p(y | x) || G(y | x))."""
    with torch.no_grad():
        log_g = generator.sequence_log_prob(rows.flatten(0, 1)).view_as(law)
    return (law * (law.log() - log_g)).sum(1).mean().item()


def play(kind: str, reward: str, mix: Reward) -> tuple[float, float]:
    """The divergence before and after adversarial training without pretraining or teacher forcing."""
    torch.manual_seed(0)
    config = LSTMConfig(embedding=8, hidden=24, initial_std=0.3)
    generator = LSTMGenerator(config, VOCABULARY, LENGTH, bos=1, eos=2, pad=0, given=1)
    choice = DiscriminatorChoice(
        kind,
        pair_cnn=PairCNNConfig(16, 32, dropout=0.0),
        pair_rnn=PairRNNConfig(16, 16, matching=32, dropout=0.0),
        pair_textcnn=PairTextCNNConfig(16, ((1, 32), (2, 32), (3, 32)), 0.0),
    )
    judge = build_discriminator(choice, VOCABULARY, 1 + LENGTH, pad=0, given=1)
    method = CSGANMethod(rollouts=4, reward=reward)
    game = csgan_nmt.build(generator, judge, method, TUNING, mix)
    rows, law = translations(generator)
    rng = torch.Generator().manual_seed(1)
    steps = {
        "generator": torch.optim.Adam(generator.parameters(), 5e-3),
        "discriminator": torch.optim.Adam(judge.parameters(), 5e-3),
    }

    def update(player: str, move: Move) -> None:
        chosen = torch.multinomial(law.flatten(), BATCH, True, generator=rng)
        steps[player].zero_grad()
        game.loss(f"{player}_loss", {"real": rows.flatten(0, 1)[chosen]}, move).total.backward()
        steps[player].step()

    before = forward_kl(generator, rows, law)
    for number in range(FIRST_OF_D + ROUNDS):
        move = Move("adversarial", number, FIRST_OF_D + ROUNDS, rng)
        for _ in range(5):
            update("discriminator", move)
        if number >= FIRST_OF_D:
            update("generator", move)
    after = forward_kl(generator, rows, law)
    print(f"{kind}, {reward}, lambda {mix.weight:g}: forward KL {before:.2f} -> {after:.2f}")
    return before, after


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "reward", "learns"),
    [
        ("pair_cnn", "probability", True),
        ("pair_rnn", "probability", True),
        ("pair_textcnn", "probability", False),
        ("pair_cnn", "constant", False),
    ],
)
def test_the_discriminator_alone_teaches_what_belongs_together(kind, reward, learns):
    """No pretraining, no teacher forcing: only a D that compares both sides teaches G to read the source."""
    before, after = play(kind, reward, Reward(bias=0.5))
    assert (after < 0.85 * before) == learns

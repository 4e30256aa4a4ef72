"""Whether CSGAN-NMT learns to translate, measured exactly in a small world: ``pytest -m slow -s``."""

from __future__ import annotations

import pytest
import torch
from translation_world import LENGTH, VOCABULARY, forward_kl, small_translator, translations

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

FIRST_OF_D, ROUNDS, BATCH = 20, 200, 64
TUNING = FineTuning(batch_size=BATCH, negatives=0, score_l2=0.0)


def play(kind: str, reward: str, mix: Reward) -> tuple[float, float]:
    """The divergence before and after adversarial training without pretraining or teacher forcing."""
    torch.manual_seed(0)
    generator = small_translator()
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

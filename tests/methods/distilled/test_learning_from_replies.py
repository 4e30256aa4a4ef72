"""GAD, TextGAIL and SPIN from one generator in a small world: exact divergences, ``pytest -m slow -s``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from translation_world import (
    LENGTH,
    VOCABULARY,
    forward_kl,
    reverse_kl,
    small_translator,
    translations,
)

from seqgan_kit.core.game import Move
from seqgan_kit.methods.distilled import gad, spin, textgail
from seqgan_kit.methods.distilled.gad import GADMethod
from seqgan_kit.methods.distilled.spin import SPINMethod
from seqgan_kit.methods.distilled.textgail import SETTINGS, TextGAILMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.pair_cnn import PairCNNConfig
from seqgan_kit.sequences.estimators.proximal import PolicySettings
from seqgan_kit.sequences.generators.lstm import LSTMGenerator
from seqgan_kit.sequences.proximal_game import ProximalGame
from seqgan_kit.sequences.reply_training import ReplyTraining

PAIRS, FIRST_OF_G, FIRST_OF_D, ROUNDS = 2000, 60, 50, 200
REPLIES, BATCH = 256, 64


def updates(module: nn.Module, rate: float) -> Callable[[Tensor], None]:
    """Adam with a clipped gradient."""
    optimizer = torch.optim.Adam(module.parameters(), rate)

    def update(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()

    return update


def batches(data: Tensor, size: int, seed: int) -> Iterator[Tensor]:
    rng = torch.Generator().manual_seed(seed)
    while True:
        yield data[torch.randint(len(data), (size,), generator=rng)]


def taught(generator: LSTMGenerator, data: Tensor, count: int, rate: float, seed: int):
    """The generator after ``count`` updates of maximum likelihood."""
    generator = copy.deepcopy(generator)
    update = updates(generator, rate)
    for _, real in zip(range(count), batches(data, BATCH, seed), strict=False):
        update(-generator.sequence_log_prob(real).mean())
    return generator


def judge() -> nn.Module:
    choice = DiscriminatorChoice("pair_cnn", pair_cnn=PairCNNConfig(16, 32, dropout=0.0))
    return build_discriminator(choice, VOCABULARY, 1 + LENGTH, pad=0, given=1)


def rewarded(game: ProximalGame, data: Tensor, seed: int) -> LSTMGenerator:
    """G after rounds of one update of G and one of D."""
    generator, rng = game.generator, torch.Generator().manual_seed(seed)
    learn, discriminate = updates(generator, 1e-3), updates(game.discriminator, 5e-3)
    source = batches(data, REPLIES // game.settings.replies, seed)
    for number in range(FIRST_OF_D + ROUNDS):
        move = Move("adversarial", number, FIRST_OF_D + ROUNDS, rng)
        game.rule("draw_replies", {"real": next(source)}, move)
        if number >= FIRST_OF_D:
            game.rule("reward_replies", {}, move)
            learn(game.loss("generator_loss", {}, move).total)
        discriminate(game.loss("discriminator_loss", {}, move).total)
    return generator


def by_gad(generator: LSTMGenerator, data: Tensor, seed: int, reward: str, **policy):
    settings = PolicySettings(**policy)
    training = ReplyTraining(batch_size=REPLIES // settings.replies)
    game = gad.build(copy.deepcopy(generator), judge(), GADMethod(reward), settings, training)
    return rewarded(game, data, seed)


def by_textgail(generator: LSTMGenerator, data: Tensor, seed: int, reward: str):
    players, method = (copy.deepcopy(generator), judge()), TextGAILMethod(reward=reward)
    game = textgail.build(*players, method, replace(SETTINGS), ReplyTraining(batch_size=REPLIES))
    return rewarded(game, data, seed)


def by_spin(generator: LSTMGenerator, data: Tensor, seed: int, beta: float):
    game = spin.build(copy.deepcopy(generator), SPINMethod(beta))
    update, rng = updates(game.generator, 1e-3), torch.Generator().manual_seed(seed)
    for number, real in zip(range(ROUNDS), batches(data, BATCH, seed), strict=False):
        move = Move("self-play", number, ROUNDS, rng)
        if number % (ROUNDS // 4) == 0:
            game.rule("match_generator", {}, move)
        update(game.loss("self_play_loss", {"real": real}, move).total)
    return game.generator


ARMS: dict[str, Callable[[LSTMGenerator, Tensor, int], LSTMGenerator]] = {
    "start": lambda g, data, seed: g,
    "more likelihood": lambda g, data, seed: taught(g, data, ROUNDS, 1e-3, seed),
    "SPIN, beta 0.1": lambda g, data, seed: by_spin(g, data, seed, 0.1),
    "SPIN, beta 1": lambda g, data, seed: by_spin(g, data, seed, 1.0),
    "TextGAIL": lambda g, data, seed: by_textgail(g, data, seed, "probability"),
    "TextGAIL, random": lambda g, data, seed: by_textgail(g, data, seed, "random"),
    "GAD": lambda g, data, seed: by_gad(g, data, seed, "score"),
    "GAD, leave_one_out": lambda g, data, seed: by_gad(
        g, data, seed, "score", advantage="leave_one_out"
    ),
    "GAD, random": lambda g, data, seed: by_gad(g, data, seed, "random"),
    "GAD, constant": lambda g, data, seed: by_gad(g, data, seed, "constant"),
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_discriminator_teaches_and_a_constant_reward_does_not(seed):
    torch.manual_seed(seed)
    start = small_translator()
    rows, law = translations(start)
    rng = torch.Generator().manual_seed(100 + seed)
    data = rows.flatten(0, 1)[torch.multinomial(law.flatten(), PAIRS, True, generator=rng)]
    start = taught(start, data, FIRST_OF_G, 5e-3, seed)
    found = {}
    for name, arm in ARMS.items():
        torch.manual_seed(seed)
        generator = arm(start, data, seed + 7)
        found[name] = forward_kl(generator, rows, law), reverse_kl(generator, rows, law)
        print(f"{seed} {name}: forward {found[name][0]:.3f}, reverse {found[name][1]:.3f}")
    for kl in (0, 1):
        first = found["start"][kl]
        assert found["GAD"][kl] < found["GAD, random"][kl]
        assert found["TextGAIL"][kl] < min(0.8 * first, found["TextGAIL, random"][kl])
        assert found["GAD, constant"][kl] == pytest.approx(first, abs=0.02)
    assert found["GAD"][1] < 0.95 * found["start"][1]

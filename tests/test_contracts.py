"""What every method owes the trainer: a turn changes its own players and nothing else.

A new method comes under this contract by its recipe: the game of the smoke preset is built as the recipe does
it. Every turn of its phases is then played once, in order, through the trainer's own move, and all
parameters, gradients, buffers and modes of all players are compared before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
import torch
from conftest import RunConfig
from recipe_games import RECIPES, trainer_of_recipe
from torch import Tensor, nn

from image_gans.methods import dcgan, sngan, wgan_gp
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Game, Loss, Move, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.methods import seqgan
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

TOKENS = torch.tensor([[3, 4, 2, 0, 0], [5, 6, 3, 4, 2], [6, 2, 0, 0, 0], [3, 3, 4, 5, 6]]).repeat(
    4, 1
)
PICTURES = torch.linspace(-1, 1, 16 * 3 * 16 * 16).view(16, 3, 16, 16)

IMAGE_TRAINING = ImageTraining(batch_size=4)
TUNING = FineTuning(batch_size=4, negatives=6, pools=1, teacher_forcing_moves=1)

Played = tuple[Game, tuple[Phase, ...], Tensor | dict[str, Tensor]]


def text_generator() -> LSTMGenerator:
    config = LSTMConfig(embedding=3, hidden=4, dropout=0.2)
    return LSTMGenerator(config, 7, 5, bos=1, eos=2, pad=0)


def text_discriminator() -> Discriminator:
    trunk = TextCNN(TextCNNConfig(embedding=3, filters=((1, 4), (2, 4))), 7, 5, pad=0)
    return Discriminator(trunk, trunk.features)


def play_seqgan_with_a_critic() -> Played:
    method = seqgan.SeqGANMethod(rollouts=2, rollout_lag=0.0, baseline="critic")
    game = seqgan.build(text_generator(), text_discriminator(), method, TUNING)
    return game, seqgan.phases(method, TUNING), TOKENS


ALL_KINDS_OF_TECHNIQUES = (
    Techniques(packing=2, instance_noise=0.1, historical_averaging=0.01),
    Techniques(unrolled_steps=2, minibatch_kernels=3, instance_noise=0.1),
    Techniques(feature_matching=True, minibatch_kernels=3, historical_averaging=0.01),
    Techniques(augmentation="ada", lecam=0.1),
    Techniques(consistency=1.0, packing=2),
    Techniques(adversarial_epsilon=4.0, adversarial_steps=2, packing=2, lecam=0.1),
    Techniques(generator_batch=2, top_share=0.5, packing=2),
)


def play_dcgan_with_techniques(number: int) -> Played:
    choice, data = NetworkChoice(width=2, latent=5), ImageData(size=16)
    techniques = ALL_KINDS_OF_TECHNIQUES[number]
    networks = build_networks(choice, data, packing=techniques.packing)
    game = dcgan.build(*networks, dcgan.DCGANMethod(), techniques)
    return game, dcgan.phases(IMAGE_TRAINING, techniques), PICTURES


def image_players(**choice: object) -> tuple[nn.Module, Discriminator]:
    chosen = NetworkChoice(width=2, latent=5, **choice)  # type: ignore[arg-type]
    return build_networks(chosen, ImageData(size=16))


def play_wgan_gp(norm: str) -> Played:
    game = wgan_gp.build(*image_players(discriminator_norm=norm), wgan_gp.WGANGPMethod())
    return game, wgan_gp.phases(IMAGE_TRAINING), PICTURES


def play_sngan(network: str) -> Played:
    players = image_players(network=network, discriminator_norm="spectral")
    game = sngan.build(*players, sngan.SNGANMethod())
    return game, sngan.phases(IMAGE_TRAINING), PICTURES


VARIANTS: dict[str, Callable[[], Played]] = {
    "seqgan with a critic": play_seqgan_with_a_critic,
    "dcgan packed, noisy, remembering": lambda: play_dcgan_with_techniques(0),
    "dcgan unrolled, comparing": lambda: play_dcgan_with_techniques(1),
    "dcgan matching features": lambda: play_dcgan_with_techniques(2),
    "dcgan adapting": lambda: play_dcgan_with_techniques(3),
    "dcgan consistent": lambda: play_dcgan_with_techniques(4),
    "dcgan attacked": lambda: play_dcgan_with_techniques(5),
    "dcgan of the best samples": lambda: play_dcgan_with_techniques(6),
    "wgan_gp with spectral norm": lambda: play_wgan_gp("spectral"),
    "sngan of strided convolutions": lambda: play_sngan("dcgan"),
}
"""Games that no recipe's smoke preset plays."""
GAMES = (*RECIPES, *VARIANTS)


@dataclass(frozen=True)
class Snapshot:
    """Copies of all tensors of every player, and the mode of every part."""

    tensors: dict[str, dict[str, Tensor]]
    modes: dict[str, list[bool]]

    @classmethod
    def of(cls, game: Game) -> Snapshot:
        def tensors(player: nn.Module) -> dict[str, Tensor]:
            named = [*player.named_parameters(), *player.named_buffers()]
            return {name: tensor.detach().clone() for name, tensor in named}

        players = game.players.items()
        return cls(
            {name: tensors(player) for name, player in players},
            {name: [part.training for part in player.modules()] for name, player in players},
        )

    def changed(self, game: Game) -> dict[str, list[str]]:
        """Names of the tensors that are no longer bit-identical, by player."""
        now = Snapshot.of(game).tensors
        return {
            name: [t for t, old in tensors.items() if not torch.equal(old, now[name][t])]
            for name, tensors in self.tensors.items()
        }


def breaches(trainer: Trainer, turn: Turn, move: Move) -> list[str]:
    """Plays one move of the turn; what it did that it may not, and what it should have done and did not."""
    game, found = trainer.game, []
    before = Snapshot.of(game)
    trainer._make_move(turn, move, 0.0)
    for player, tensors in before.changed(game).items():
        if player in turn.players and not tensors:
            found.append(f"{player} did not move")
        if player not in turn.players and tensors:
            found.append(f"{player} changed in {', '.join(tensors)}")
    found += [f"{name} keeps a .grad" for name, p in game.named_parameters() if p.grad is not None]
    if Snapshot.of(game).modes != before.modes:
        found.append("a part changed between training and evaluation mode")
    return found


def trainer_of(played: Played, new_run) -> Trainer:
    game, phases, rows = played
    tensors = rows if isinstance(rows, dict) else {"real": rows}
    trainer = Trainer(new_run(), game, phases, TensorFeed(tensors, 4, seed=0))
    trainer.game.train()
    return trainer


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trainer]:
    """The trainer of a recipe's smoke preset or of a variant; made when it is first asked for."""
    folder = tmp_path_factory.mktemp("games")

    @cache
    def build(name: str) -> Trainer:
        if name in RECIPES:
            return trainer_of_recipe(name, folder / name)
        settings = RunSettings(out=folder / name, quiet=True, device="cpu")
        with open_run("test", RunConfig(settings)) as run:
            return trainer_of(VARIANTS[name](), lambda: run)

    return build


@pytest.mark.parametrize("name", GAMES)
def test_a_turn_moves_its_own_players_and_nobody_else(name, built):
    trainer = built(name)
    trainer.game.train()
    assert all(parameter.grad is None for parameter in trainer.game.parameters())
    for phase in trainer.phases:
        for turn in phase.turns:
            move = Move(phase.name, 0, 1, trainer.state.rng)
            assert breaches(trainer, turn, move) == [], f"{phase.name}: {turn.loss or turn.rule}"


@pytest.mark.parametrize("name", GAMES)
def test_every_player_has_a_turn(name, built):
    trainer = built(name)
    moved = {player for phase in trainer.phases for turn in phase.turns for player in turn.players}
    assert moved == set(trainer.game.players)


@pytest.mark.parametrize("name", GAMES)
def test_losses_are_finite_scalars_and_log_scalars(name, built):
    trainer = built(name)
    for phase in trainer.phases:
        for turn in phase.turns:
            move = Move(phase.name, 0, 1, trainer.state.rng)
            if not turn.loss:
                trainer._make_move(turn, move, 0.0)  # A rule prepares what later losses read.
                continue
            batch = trainer.feeds[turn.feed].next_batch() if turn.feed is not None else {}
            loss = trainer.game.loss(turn.loss, batch, move)
            assert loss.total.shape == ()
            assert loss.total.isfinite()
            assert all(torch.as_tensor(value).numel() == 1 for value in loss.logs.values())


@pytest.mark.parametrize("name", GAMES)
def test_sampling_leaves_the_players_as_they_are(name, built):
    """As the trainer samples between rounds: in evaluation mode, without gradients."""
    trainer = built(name)
    batch, before = next(iter(trainer.feeds.values())).next_batch(), Snapshot.of(trainer.game)
    with trainer.state.aside():
        first = trainer.game.draw(3, batch, torch.Generator().manual_seed(1))
        again = trainer.game.draw(3, batch, torch.Generator().manual_seed(1))
    assert torch.equal(first, again)
    assert not any(before.changed(trainer.game).values())
    assert Snapshot.of(trainer.game).modes == before.modes


class Meddling(Game):
    """Breaks the contract in every way that the test must see."""

    def __init__(self) -> None:
        super().__init__({"mine": nn.Linear(2, 1), "yours": nn.BatchNorm1d(2)})

    def buffer_loss(self, batch, move):
        yours = self.players["yours"]
        yours.running_mean.add_(1)
        return Loss(self.players["mine"](yours(batch["real"])).mean())

    def parameter_loss(self, batch, move):
        with torch.no_grad():
            self.players["yours"].weight.add_(1e-7)
        return Loss(self.players["mine"](batch["real"]).mean())

    def gradient_loss(self, batch, move):
        self.players["yours"](batch["real"]).sum().backward()
        return Loss(self.players["mine"](batch["real"]).mean())

    def mode_loss(self, batch, move):
        self.players["yours"].eval()
        return Loss(self.players["mine"](batch["real"]).mean())

    def idle_loss(self, batch, move):
        return Loss(self.players["mine"](batch["real"]).mean() * 0)

    def honest_loss(self, batch, move):
        return Loss(self.players["mine"](self.players["yours"](batch["real"])).mean())


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        ("buffer_loss", ["yours changed in running_mean"]),
        ("parameter_loss", ["yours changed in weight"]),
        ("gradient_loss", ["yours.weight keeps a .grad", "yours.bias keeps a .grad"]),
        ("mode_loss", ["a part changed between training and evaluation mode"]),
        ("idle_loss", ["mine did not move"]),
        ("honest_loss", []),
    ],
)
def test_the_contract_is_broken_visibly(loss, wanted, new_run):
    turn = Turn(("mine",), loss=loss, optimizer=Optimizer(0.1, "sgd"))
    rows = torch.arange(16.0).view(8, 2)
    trainer = trainer_of((Meddling(), (Phase("p", (turn,)),), rows), new_run)
    found = breaches(trainer, turn, Move("p", 0, 1, trainer.state.rng))
    assert [f.removeprefix("players.") for f in found] == wanted

"""What every method owes the trainer: a turn changes its own players and nothing else.

A new method adds one builder. Every turn of its phases is then played once, in order, through the trainer's
own move, and all parameters, gradients, buffers and modes of all players are compared before and after.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

import image_gans.methods
import seqgan_kit.methods
from image_gans.conditions import Conditions, LabelledCorpus
from image_gans.methods import (
    acgan,
    began,
    boundary_seeking_images,
    cgan,
    dcgan,
    gan,
    infogan,
    lsgan,
    modes_2d,
    projection,
    relativistic,
    sagan,
    semi_supervised,
    sngan,
    wgan,
    wgan_gp,
)
from image_gans.methods.translation import pix2pix
from image_gans.networks.bernoulli import (
    BernoulliConfig,
    BernoulliGenerator,
    bernoulli_discriminator,
)
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.networks.coded import CodeSettings, build_coded_networks
from image_gans.networks.conditional import (
    ConditionalGenerator,
    ConditionSettings,
    build_conditional_networks,
)
from image_gans.networks.mlp import JudgeConfig, MLPConfig, MLPGenerator, mlp_discriminator
from image_gans.networks.translators.patch_discriminator import PatchConfig, patch_discriminator
from image_gans.networks.translators.unet import UNet, UNetConfig
from image_gans.player_schedule import PlayerTraining
from image_gans.schedule import ImageTraining
from image_gans.switches import Techniques
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Game, Loss, Move, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.methods import (
    boundary_seeking,
    char_boundary_seeking,
    char_wgan_gp,
    gumbel_softmax,
    maligan,
    mle,
    relgan,
    seqgan,
)
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNNConfig
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.char_resnet import (
    CharResNet,
    CharResNetConfig,
    CharResNetGenerator,
    CharResNetGeneratorConfig,
)
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig, RelationalGenerator

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


def play_mle() -> Played:
    return mle.build(text_generator()), mle.phases(mle.MLEMethod(batch_size=4)), TOKENS


def play_seqgan() -> Played:
    method = seqgan.SeqGANMethod(rollouts=2)
    game = seqgan.build(text_generator(), text_discriminator(), method, TUNING)
    return game, seqgan.phases(method, TUNING), TOKENS


def play_char_boundary_seeking() -> Played:
    method = char_boundary_seeking.CharBoundarySeekingMethod(batch_size=4, samples=3)
    config = CharResNetGeneratorConfig(4, 1, batch_norm=True, decoding="drawn")
    trunk = CharResNet(CharResNetConfig(4, 1), 7, 5, pad=0)
    judge = Discriminator(trunk, trunk.features)
    game = char_boundary_seeking.build(CharResNetGenerator(config, 7, 5), judge, method)
    return game, char_boundary_seeking.phases(method), TOKENS


def play_char_wgan_gp() -> Played:
    method = char_wgan_gp.CharWGANGPMethod(batch_size=4)
    generator = CharResNetGenerator(CharResNetGeneratorConfig(4, 1), 7, 5)
    trunk = CharResNet(CharResNetConfig(4, 1), 7, 5, pad=0)
    game = char_wgan_gp.build(generator, Discriminator(trunk, trunk.features), method)
    return game, char_wgan_gp.phases(method), TOKENS


def play_boundary_seeking_images() -> Played:
    networks = BernoulliConfig(size=16, latent=5, width=2)
    method = boundary_seeking_images.BoundarySeekingImagesMethod(samples=3)
    players = BernoulliGenerator(networks), bernoulli_discriminator(networks)
    game = boundary_seeking_images.build(*players, method)
    return game, boundary_seeking_images.phases(IMAGE_TRAINING), PICTURES[:, :1].sign()


def play_seqgan_with_a_critic() -> Played:
    method = seqgan.SeqGANMethod(rollouts=2, rollout_lag=0.0, baseline="critic")
    game = seqgan.build(text_generator(), text_discriminator(), method, TUNING)
    return game, seqgan.phases(method, TUNING), TOKENS


def play_maligan() -> Played:
    method = maligan.MaliGANMethod(kept=0, rollouts=2)
    game = maligan.build(text_generator(), text_discriminator(), method, TUNING)
    return game, maligan.phases(method, TUNING), TOKENS


def play_boundary_seeking() -> Played:
    method = boundary_seeking.BoundarySeekingMethod(samples=3)
    game = boundary_seeking.build(text_generator(), text_discriminator(), method, TUNING)
    return game, boundary_seeking.phases(method, TUNING), TOKENS


def play_gumbel_softmax() -> Played:
    method, training = gumbel_softmax.GumbelSoftmaxMethod(), replace(TUNING, negatives=0)
    game = gumbel_softmax.build(text_generator(), text_discriminator(), method, training)
    return game, gumbel_softmax.phases(method, training), TOKENS


def play_relgan() -> Played:
    method, training = relgan.RelGANMethod(), replace(TUNING, negatives=0)
    config = RelationalConfig(embedding=3, heads=2, head_size=4)
    generator = RelationalGenerator(config, 7, 5, bos=1, eos=2, pad=0)
    views = RelGANCNNConfig(representations=3, filters=((2, 4),), features=5)
    choice = DiscriminatorChoice("relgan_cnn", relgan_cnn=views)
    game = relgan.build(generator, build_discriminator(choice, 7, 5, pad=0), method, training)
    return game, relgan.phases(method, training), TOKENS


def play_dcgan() -> Played:
    choice, data = NetworkChoice(width=2, latent=5), ImageData(size=16)
    game = dcgan.build(*build_networks(choice, data), dcgan.DCGANMethod())
    return game, dcgan.phases(IMAGE_TRAINING), PICTURES


CONDITIONS = Conditions(("coat", "eyes"), (("black", "white"), ("open", "shut", "odd")))
LABELS = {"coat": torch.arange(16) % 2, "eyes": torch.arange(16) % 3}


def conditional_networks(norm: bool = False) -> tuple[ConditionalGenerator, Discriminator]:
    choice, settings = NetworkChoice(width=2, latent=5), ConditionSettings(conditional_norm=norm)
    names = dict(zip(CONDITIONS.names, CONDITIONS.classes, strict=True))
    account = ImageAccount(16, 3, {}, names)
    corpus = ImageCorpus(PICTURES, PICTURES[:0], LABELS, {}, names, [], [], account)
    labelled = LabelledCorpus(corpus, CONDITIONS)
    return build_conditional_networks(choice, ImageData(size=16), labelled, settings)


def play_cgan() -> Played:
    game = cgan.build(*conditional_networks(), cgan.CGANMethod(joint_width=3))
    return game, cgan.phases(IMAGE_TRAINING), {"real": PICTURES, **LABELS}


def play_acgan() -> Played:
    game = acgan.build(*conditional_networks(), acgan.ACGANMethod())
    return game, acgan.phases(IMAGE_TRAINING), {"real": PICTURES, **LABELS}


def play_infogan() -> Played:
    choice, codes = NetworkChoice(width=2, latent=5), CodeSettings((3, 2), 2)
    networks = build_coded_networks(choice, ImageData(size=16), codes)
    game = infogan.build(*networks, infogan.InfoGANMethod(recogniser_width=4))
    return game, infogan.phases(IMAGE_TRAINING), PICTURES


def play_semi_supervised() -> Played:
    networks = build_networks(NetworkChoice(width=2, latent=5), ImageData(size=16))
    game = semi_supervised.build(*networks, 2, semi_supervised.SemiSupervisedMethod())
    told = {"labelled": PICTURES.flip(0), "classes": torch.arange(16) % 2}
    return game, semi_supervised.phases(IMAGE_TRAINING), {"real": PICTURES, **told}


def play_projection() -> Played:
    game = projection.build(*conditional_networks(norm=True))
    return game, projection.phases(IMAGE_TRAINING), {"real": PICTURES, **LABELS}


ALL_KINDS_OF_TECHNIQUES = (
    Techniques(packing=2, instance_noise=0.1, historical_averaging=0.01),
    Techniques(unrolled_steps=2, minibatch_kernels=3, instance_noise=0.1),
    Techniques(feature_matching=True, minibatch_kernels=3, historical_averaging=0.01),
)


def play_dcgan_with_techniques(number: int) -> Played:
    choice, data = NetworkChoice(width=2, latent=5), ImageData(size=16)
    techniques = ALL_KINDS_OF_TECHNIQUES[number]
    networks = build_networks(choice, data, packing=techniques.packing)
    game = dcgan.build(*networks, dcgan.DCGANMethod(), techniques)
    return game, dcgan.phases(IMAGE_TRAINING, techniques), PICTURES


def play_modes_2d() -> Played:
    players = MLPGenerator(MLPConfig(width=4, layers=2)), mlp_discriminator(JudgeConfig(), 2)
    method = modes_2d.Modes2DMethod("wasserstein", gradient_penalty=0.1)
    techniques = Techniques(packing=2)
    game = modes_2d.build(*players, method, techniques)
    return game, modes_2d.phases(IMAGE_TRAINING, techniques), PICTURES[:, 0, 0, :2]


def image_players(**choice: object) -> tuple[nn.Module, Discriminator]:
    chosen = NetworkChoice(width=2, latent=5, **choice)  # type: ignore[arg-type]
    return build_networks(chosen, ImageData(size=16))


def play_gan() -> Played:
    game = gan.build(*image_players(network="mlp", pieces=4, dropout=0.5), gan.GANMethod())
    return game, gan.phases(IMAGE_TRAINING), PICTURES


def play_wgan() -> Played:
    method = wgan.WGANMethod()
    game = wgan.build(*image_players(), method)
    return game, wgan.phases(method, replace(IMAGE_TRAINING, optimizer="rmsprop")), PICTURES


def play_wgan_gp(norm: str) -> Played:
    game = wgan_gp.build(*image_players(discriminator_norm=norm), wgan_gp.WGANGPMethod())
    return game, wgan_gp.phases(IMAGE_TRAINING), PICTURES


def play_sngan(network: str) -> Played:
    players = image_players(network=network, discriminator_norm="spectral")
    game = sngan.build(*players, sngan.SNGANMethod())
    return game, sngan.phases(IMAGE_TRAINING), PICTURES


def play_sagan() -> Played:
    game = sagan.build(*image_players(network="resnet", attention=8))
    return game, sagan.phases(IMAGE_TRAINING), PICTURES


def play_began() -> Played:
    game = began.build(*image_players(network="autoencoder"), began.BEGANMethod())
    return game, began.phases(IMAGE_TRAINING), PICTURES


def play_lsgan() -> Played:
    return (
        lsgan.build(*image_players(), lsgan.LSGANMethod()),
        lsgan.phases(IMAGE_TRAINING),
        PICTURES,
    )


def play_relativistic() -> Played:
    game = relativistic.build(*image_players(), relativistic.RelativisticMethod())
    return game, relativistic.phases(IMAGE_TRAINING), PICTURES


def play_pix2pix() -> Played:
    generator = UNet(UNetConfig(16, 3, width=2))
    discriminator = patch_discriminator(PatchConfig(width=2, halvings=1), 6)
    method = pix2pix.Pix2PixMethod()
    game = pix2pix.build(generator, discriminator, method)
    pairs = torch.cat([PICTURES, PICTURES.flip(3)], 1)
    return game, pix2pix.phases(method, PlayerTraining(batch_size=4)), pairs


BUILDERS: dict[str, Callable[[], Played]] = {
    "pix2pix": play_pix2pix,
    "char_boundary_seeking": play_char_boundary_seeking,
    "char_wgan_gp": play_char_wgan_gp,
    "mle": play_mle,
    "seqgan": play_seqgan,
    "seqgan with a critic": play_seqgan_with_a_critic,
    "maligan": play_maligan,
    "boundary_seeking": play_boundary_seeking,
    "gumbel_softmax": play_gumbel_softmax,
    "relgan": play_relgan,
    "boundary_seeking_images": play_boundary_seeking_images,
    "dcgan": play_dcgan,
    "dcgan packed, noisy, remembering": lambda: play_dcgan_with_techniques(0),
    "dcgan unrolled, comparing": lambda: play_dcgan_with_techniques(1),
    "dcgan matching features": lambda: play_dcgan_with_techniques(2),
    "gan": play_gan,
    "wgan": play_wgan,
    "wgan_gp": lambda: play_wgan_gp("layer"),
    "wgan_gp with spectral norm": lambda: play_wgan_gp("spectral"),
    "lsgan": play_lsgan,
    "sngan": lambda: play_sngan("resnet"),
    "sngan of strided convolutions": lambda: play_sngan("dcgan"),
    "sagan": play_sagan,
    "began": play_began,
    "relativistic": play_relativistic,
    "modes_2d": play_modes_2d,
    "cgan": play_cgan,
    "acgan": play_acgan,
    "infogan": play_infogan,
    "projection": play_projection,
    "semi_supervised": play_semi_supervised,
}


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


@pytest.mark.parametrize("method", BUILDERS)
def test_a_turn_moves_its_own_players_and_nobody_else(method, new_run):
    trainer = trainer_of(BUILDERS[method](), new_run)
    assert all(parameter.grad is None for parameter in trainer.game.parameters())
    for phase in trainer.phases:
        for turn in phase.turns:
            move = Move(phase.name, 0, 1, trainer.state.rng)
            assert breaches(trainer, turn, move) == [], f"{phase.name}: {turn.loss or turn.rule}"


@pytest.mark.parametrize("method", BUILDERS)
def test_every_player_has_a_turn(method):
    game, phases, _ = BUILDERS[method]()
    moved = {player for phase in phases for turn in phase.turns for player in turn.players}
    assert moved == set(game.players)


@pytest.mark.parametrize("method", BUILDERS)
def test_losses_are_finite_scalars_and_log_scalars(method, new_run):
    trainer = trainer_of(BUILDERS[method](), new_run)
    batch = trainer.feeds["train"].next_batch()
    for phase in trainer.phases:
        for name in {turn.loss for turn in phase.turns if turn.loss}:
            loss = trainer.game.loss(name, batch, Move(phase.name, 0, 1, trainer.state.rng))
            assert loss.total.shape == ()
            assert loss.total.isfinite()
            assert all(torch.as_tensor(value).numel() == 1 for value in loss.logs.values())


@pytest.mark.parametrize("method", BUILDERS)
def test_sampling_leaves_the_players_as_they_are(method, new_run):
    """As the trainer samples between rounds: in evaluation mode, without gradients."""
    trainer = trainer_of(BUILDERS[method](), new_run)
    before = Snapshot.of(trainer.game)
    with trainer.state.aside():
        batch = trainer.feeds["train"].next_batch()
        first = trainer.game.draw(3, batch, torch.Generator().manual_seed(1))
        again = trainer.game.draw(3, batch, torch.Generator().manual_seed(1))
    assert torch.equal(first, again)
    assert not any(before.changed(trainer.game).values())
    assert Snapshot.of(trainer.game).modes == before.modes


def test_every_method_is_under_contract():
    """A module with ``build`` and ``phases`` in a methods room is a method; it needs a builder above."""
    methods = set()
    for room in (seqgan_kit.methods, image_gans.methods):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            module = importlib.import_module(found.name)
            if hasattr(module, "build") and hasattr(module, "phases"):
                methods.add(found.name.split(".")[-1])
    assert methods == {name.split()[0] for name in BUILDERS}


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

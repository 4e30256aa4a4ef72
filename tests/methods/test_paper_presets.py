"""Presets called paper: what the authors' code has, read there, and the presets must have too."""

from pathlib import Path

import pytest

from seqgan_kit.cli.recipe_commands import load_recipe
from seqgan_kit.core.game import Epochs, Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods import char_boundary_seeking, maligan, relgan
from seqgan_kit.methods.maligan import MaliGANMethod
from seqgan_kit.methods.relgan import RelGANMethod
from seqgan_kit.methods.rewarded import leakgan

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def preset(recipe: str, name: str = "paper"):
    return load_recipe(RECIPES / f"{recipe}.py").PRESETS[name]


def test_relgan_is_the_authors_run_on_image_coco(tiny_generator, tiny_text_discriminator):
    """weilinie/RelGAN, coco_relgan.py and real_train.py: 150 epochs at 1e-2, 2,000 rounds of one update of G
    and five of D at 1e-4, all gradients clipped at 5, temperature 100 ** (i / 5000)."""
    config = preset("relgan")
    pretrain, _, adversarial = relgan.phases(config.method, config.training)
    assert (pretrain.rounds, pretrain.turns[0].optimizer.learning_rate) == (150, 1e-2)
    assert adversarial.rounds == 2000
    learn, judge = adversarial.turns
    assert (learn.players, learn.moves, judge.players, judge.moves) == (
        ("generator",), 1, ("discriminator",), 5,
    )  # fmt: skip
    assert learn.optimizer == judge.optimizer
    assert (judge.optimizer.learning_rate, judge.optimizer.clip_norm) == (1e-4, 5.0)
    players = tiny_generator(), tiny_text_discriminator()
    estimator = relgan.build(*players, config.method, config.training).estimator
    assert 1 / estimator.temperature(Move("adversarial", 1999, 2000, None)) == pytest.approx(
        100 ** (1999 / 5000)
    )
    shape, judge_shape = config.generator.relational, config.discriminator.relgan_cnn
    assert (shape.embedding, shape.slots, shape.heads, shape.head_size) == (32, 1, 2, 256)
    assert (judge_shape.representations, judge_shape.embedding, judge_shape.dropout) == (
        64,
        1,
        0.25,
    )
    assert judge_shape.filters == ((2, 300), (3, 300), (4, 300), (5, 300))
    with pytest.raises(UsageError, match="annealing_rounds is -1"):
        RelGANMethod(annealing_rounds=-1)


@pytest.mark.parametrize("recipe", ["seqgan", "maligan", "boundary_seeking"])
def test_the_schedule_and_networks_are_seqgans(recipe):
    """LantaoYu/SeqGAN, sequence_gan.py and discriminator.py."""
    config = preset(recipe)
    training, judge, writer = config.training, config.discriminator.textcnn, config.generator.lstm
    assert (training.batch_size, training.mle_epochs, training.mle_learning_rate) == (64, 120, 1e-2)
    assert (training.negatives, training.pretrain_pools, training.discriminator_epochs) == (
        10_000, 50, 3,
    )  # fmt: skip
    assert (training.rounds, training.generator_moves, training.pools) == (200, 1, 5)
    assert (training.generator_learning_rate, training.discriminator_learning_rate) == (1e-2, 1e-4)
    assert (training.clip_norm, training.discriminator_clip_norm, training.score_l2) == (5, 0, 0.2)
    assert (writer.embedding, writer.hidden, writer.layers, writer.initial_std) == (32, 32, 1, 0.1)
    assert (judge.embedding, judge.filters, judge.dropout) == (64, None, 0.25)
    assert (judge.highway, judge.gate_bias) == (True, 0.0)


def test_maligan_full_is_mixed_training_with_rollouts(tiny_generator, tiny_text_discriminator):
    config = preset("maligan", "full")
    assert config.method == MaliGANMethod(rollouts=16, kept=30, kept_step=5)
    players = tiny_generator(), tiny_text_discriminator()
    estimator = maligan.build(*players, config.method, config.training).estimator
    assert (estimator.rollouts, estimator.kept) == (16, 30)


def test_leakgan_is_the_authors_run_on_20_tokens():
    """CR-Gjx/LeakGAN, Synthetic Data/Main.py: 10 times 5 pools for D and 8 epochs for G; 800 rounds of one
    update of G and 5 pools of 3 epochs; no L2 penalty reaches D there, and no dropout."""
    config = preset("leakgan")
    method, training, network = config.method, config.training, config.generator
    pretrain, judge, adversarial = leakgan.phases(method, training)
    assert (pretrain.rounds, pretrain.turns[-1].moves, judge.rounds) == (10, Epochs(8.0), 0)
    assert [t.rule for t in pretrain.turns].count("draw_negatives") == 5
    learn, *judging, leak = adversarial.turns
    assert (adversarial.rounds, learn.moves, len(judging), leak.rule) == (800, 1, 10, "leak")
    assert (judging[1].moves, judging[1].optimizer.learning_rate) == (Epochs(3.0), 5e-5)
    assert learn.optimizer == pretrain.turns[-1].optimizer
    assert (learn.optimizer.learning_rate, learn.optimizer.clip_norm) == (1.5e-3, 5.0)
    assert (training.batch_size, training.negatives, training.score_l2) == (64, 10_000, 0.0)
    assert (method.rollouts, method.sharpness, method.discriminator_weight) == (4, 16, 0)
    assert (method.training_temperature, method.negatives_temperature) == (1, 2 / 3)
    assert (network.embedding, network.hidden, network.goal, network.step) == (32, 32, 16, 4)
    assert (network.trunk.embedding, network.trunk.filters, network.trunk.dropout) == (64, None, 0)


def test_sentigan_is_the_authors_run_on_reviews():
    """Nrgeup/SentiGAN, Real_dataset/train.py: 150 epochs for G, 10 pools of 70 batches for D; 2,000 rounds of
    2 penalties, a pool of 3 epochs and 10 times 200 updates of maximum likelihood."""
    config = preset("sentigan")
    training, network, judge = config.training, config.generator, config.discriminator
    assert (training.mle_epochs, training.pretrain_pools, training.negatives) == (150, 10, 70 * 64)
    assert (training.rounds, training.generator_moves, training.pools) == (2000, 2, 1)
    assert (training.discriminator_epochs, training.teacher_forcing_moves) == (3, 2000)
    assert (training.generator_learning_rate, training.discriminator_learning_rate) == (1e-2, 1e-4)
    assert (training.clip_norm, training.score_l2, config.method.rollouts) == (5, 0.2, 16)
    assert (network.embedding, network.hidden) == (200, 200)
    assert (judge.embedding, judge.filters, judge.dropout) == (64, None, 0.25)


def test_boundary_seeking_on_characters_judges_all_draws():
    """rdevon/BGAN, old/BILLION-WORD/main.py."""
    config = preset("char_boundary_seeking")
    method, (phase,) = config.method, char_boundary_seeking.phases(config.method)
    assert (method.batch_size, method.samples, method.judged_samples) == (64, 20, 0)
    assert [turn.optimizer.learning_rate for turn in phase.turns] == [1e-3, 1e-3]
    assert [turn.optimizer.betas[0] for turn in phase.turns] == [0.5, 0.5]
    assert [turn.moves for turn in phase.turns] == [1, 1]
    assert (config.length, config.generator.width, config.generator.blocks) == (32, 256, 3)
    assert (config.generator.latent, config.generator.batch_norm) == (100, True)
    assert (config.discriminator.width, config.discriminator.blocks) == (256, 3)


def test_wgan_gp_on_characters_is_its_codes():
    """igul222/improved_wgan_training, gan_language.py."""
    config = preset("char_wgan_gp")
    method = config.method
    assert (method.batch_size, method.rounds, method.critic_moves) == (64, 200_000, 10)
    assert (method.generator_learning_rate, method.critic_learning_rate) == (1e-4, 1e-4)
    assert (config.length, config.generator.width, config.generator.blocks) == (32, 512, 5)
    assert (config.generator.latent, config.generator.kernel) == (128, 5)
    assert (config.critic.width, config.critic.blocks, config.critic.kernel) == (512, 5, 5)


def test_mle_is_seqgans_pretraining():
    config = preset("mle")
    assert (config.method.batch_size, config.method.mle_epochs) == (64, 120)
    assert (config.method.mle_learning_rate, config.method.clip_norm) == (1e-2, 5)
    assert (config.generator.lstm.hidden, config.generator.lstm.dropout) == (32, 0)


def test_gumbel_softmax_starts_from_scratch_and_its_temperature_falls_linearly():
    config = preset("gumbel_softmax")
    method = config.method
    assert config.training.mle_epochs == 0
    assert (method.initial_temperature, method.final_temperature) == (5, 1)
    assert method.temperature_course == "linear"


def test_maskgan_has_the_sizes_and_rates_of_the_authors_code():
    """tensorflow/models, research/maskgan/README.md: the commands on the Penn Treebank."""
    config = preset("maskgan")
    method, training = config.method, config.training
    assert (method.blank_rate, method.strategy, method.baseline) == (0.5, "contiguous", "critic")
    assert (method.discount, method.critic_learning_rate) == (0.89072, 5.1761e-7)
    assert (training.batch_size, training.rounds, training.discriminator_moves) == (128, 100_000, 2)
    rates = training.generator_learning_rate, training.discriminator_learning_rate
    assert (*rates, training.mle_learning_rate) == (3.8877e-5, 5e-4, 7.4876e-4)
    writer, judge = config.generator.rnn_search, config.discriminator.rnn_search
    assert (writer.embedding, writer.hidden, judge.hidden) == (650, 650, 650)
    assert (1 - writer.dropout, 1 - judge.dropout) == pytest.approx((0.33971, 0.71940))


def test_catgan_is_the_authors_run_on_real_text():
    """williamSYSU/TextGAN-PyTorch, run/run_catgan.py, job 1."""
    config = preset("catgan")
    method, training = config.method, config.training
    assert method.mutations == ("ragan", "rsgan")
    assert (method.beta_max, method.quality_weight) == (100, 1)
    # Theirs: 0.001 times a mean beside a sum over the samples.
    assert method.diversity_weight == pytest.approx(0.001 / method.fitness_samples, rel=0.03)
    assert method.fitness_samples == 8 * training.batch_size == 512
    assert (training.mle_epochs, training.mle_learning_rate) == (150, 1e-2)
    assert (training.rounds, training.discriminator_moves, training.generator_moves) == (2000, 3, 1)
    assert training.generator_learning_rate == training.discriminator_learning_rate == 1e-4
    shape, judge = config.generator.relational, config.discriminator.relgan_cnn
    assert (shape.embedding, shape.slots, shape.heads, shape.head_size) == (32, 1, 2, 512)
    assert (judge.representations, judge.embedding) == (64, 1)


def test_an_epoch_of_the_discriminator_is_a_number_of_epochs():
    """So that the paper's three passes over a pool stay three whatever the batch."""
    config = preset("seqgan")
    phases = load_recipe(RECIPES / "seqgan.py").seqgan.phases(config.method, config.training)
    assert phases[1].turns[1].moves == Epochs(3.0)


def test_dialogue_has_the_sizes_and_updates_of_the_authors_code():
    """jiweil/Neural-Dialogue-Generation, README.md and Adversarial/Reinforce/parse.lua."""
    config = preset("dialogue")
    method, training = config.method, config.training
    assert (config.data.vocabulary, config.data.max_tokens, config.pairs.source_tokens) == (
        25_000, 50, 50,
    )  # fmt: skip
    assert (method.rollouts, method.baseline, method.critic_learning_rate) == (5, "critic", 5e-4)
    moves = training.generator_moves, training.teacher_forcing_moves, training.discriminator_moves
    assert (training.batch_size, training.negatives, training.pools, *moves) == (64, 0, 1, 1, 1, 5)
    assert (config.generator.rnn_search.hidden, config.discriminator.pair_rnn.hidden) == (512, 512)

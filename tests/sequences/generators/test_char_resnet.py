"""The networks of WGAN-GP on characters: the paper's layers, and what a generator of whole rows can do."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.data.text.tokenizers import train_tokenizer
from seqgan_kit.errors import CheckpointError, UsageError
from seqgan_kit.evaluation.text_export import load_text_model, save_text_model
from seqgan_kit.sequences.generators.char_resnet import (
    CharResNet,
    CharResNetConfig,
    CharResNetGenerator,
    CharResNetGeneratorConfig,
    TokenResidualBlock,
)

pytestmark = pytest.mark.numerics


def make(vocabulary=5, length=4, **config) -> CharResNetGenerator:
    torch.manual_seed(0)
    config = {"width": 6, "blocks": 2, "kernel": 3, "latent": 3} | config
    return CharResNetGenerator(CharResNetGeneratorConfig(**config), vocabulary, length)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_block_is_the_papers():
    """x + 0.3 conv5(relu(conv5(relu(x)))), zeros beyond both ends, by torch's one-dimensional convolution."""
    torch.manual_seed(0)
    block, x = TokenResidualBlock(4, 5), torch.randn(3, 7, 4)
    inner = x.transpose(1, 2)
    for layer in (block.first.convolution, block.second.convolution):
        assert (layer.bias == 0).all()
        torch.nn.init.normal_(layer.bias)
        inner = F.conv1d(inner.relu(), layer.weight.squeeze(2), layer.bias, padding=2)
    torch.testing.assert_close(block(x), x + 0.3 * inner.transpose(1, 2))


def test_sizes_are_the_papers():
    """DIM 512, five blocks: 10 (512 512 5 + 512) weights in the blocks of each, 32*512 features."""
    blocks = 10 * (512 * 512 * 5 + 512)
    generator = CharResNetGenerator(CharResNetGeneratorConfig(), 100, 32)
    assert sum(p.numel() for p in generator.parameters()) == (129 * 32 * 512 + blocks + 513 * 100)
    critic = CharResNet(CharResNetConfig(), 100, 32, pad=0)
    assert critic.features == 32 * 512
    assert sum(p.numel() for p in critic.parameters()) == 101 * 512 + blocks
    weight = critic.blocks[0].first.convolution.weight
    assert weight.std().item() == pytest.approx((4 / (2 * 512 * 5)) ** 0.5, rel=0.01)


def test_the_critic_reads_rows_of_its_length_alone():
    critic = CharResNet(CharResNetConfig(4, 1, 3), 5, 4, pad=None)
    with pytest.raises(UsageError, match="rows of 4 tokens, but got 3"):
        critic(torch.zeros(2, 3, dtype=torch.long))


def test_relaxed_rows_are_probabilities_that_carry_a_gradient():
    generator = make()
    rows = generator.relaxed(6, rng())
    assert rows.shape == (6, 4, 5)
    torch.testing.assert_close(rows.sum(-1), torch.ones(6, 4))
    rows.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in generator.parameters())


@pytest.mark.parametrize("decoding", ["likeliest", "drawn"])
def test_samples_follow_the_seed_and_not_the_chunks(decoding):
    generator = make(decoding=decoding, batch_norm=True).train()
    tokens = generator.sample(20, rng=rng())
    assert torch.equal(tokens, generator.sample(20, rng=rng(), chunk_rows=3))
    assert not torch.equal(tokens, generator.sample(20, rng=rng(1)))
    assert generator.training
    assert tokens.shape == (20, 4)
    assert tokens.dtype == torch.int64


def test_the_likeliest_characters_are_those_of_the_relaxed_row():
    generator = make()
    assert torch.equal(generator.sample(9, rng=rng()), generator.relaxed(9, rng()).argmax(-1))


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.5, None), (1.0, 2)])
def test_drawn_characters_follow_their_probabilities(temperature, top_k):
    """The noise's weights at zero: every row has the same probabilities, which the counts must show."""
    generator = make(vocabulary=4, length=2, decoding="drawn")
    with torch.no_grad():
        generator.enter.weight.zero_()
        generator.enter.bias.normal_(generator=rng(5))
    probabilities = (generator(torch.zeros(1, 3))[0] / temperature).softmax(-1)
    if top_k:
        kept = probabilities.topk(top_k).indices
        probabilities = torch.zeros_like(probabilities).scatter(
            1, kept, probabilities.gather(1, kept)
        )
        probabilities /= probabilities.sum(1, keepdim=True)
    n = 20_000
    tokens = generator.sample(n, rng=rng(), temperature=temperature, top_k=top_k)
    for position in range(2):
        share = tokens[:, position].bincount(minlength=4) / n
        error = (probabilities[position] * (1 - probabilities[position]) / n).sqrt()
        assert ((share - probabilities[position]).abs() <= 4.5 * error + 1e-7).all()


def test_options_that_do_nothing_are_refused():
    for option in ({"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.9}):
        with pytest.raises(UsageError, match="have no effect: leave them out"):
            make().sample(3, rng=rng(), **option)
    with pytest.raises(UsageError, match="temperature is 0; it must be above 0"):
        make(decoding="drawn").sample(3, rng=rng(), temperature=0)
    with pytest.raises(UsageError, match="cannot sample 0 rows"):
        make().sample(0, rng=rng())


def test_groups_share_their_noise_and_know_their_probabilities():
    generator = make()
    samples, log_probs = generator.draw_groups(3, 50, rng())
    assert samples.shape == (3, 50, 4)
    probabilities = generator.relaxed(3, rng())  # the same noise: it is drawn first
    expected = torch.stack(
        [sum(probabilities[g, t, samples[g, :, t]].log() for t in range(4)) for g in range(3)]
    )
    torch.testing.assert_close(log_probs, expected)
    log_probs.sum().backward()
    assert generator.enter.weight.grad.abs().sum() > 0


def test_groups_draw_every_position_from_its_own_probabilities():
    """Positions and noises that differ much: a draw that went to another's cell would show."""
    generator = make(vocabulary=3, length=3)
    with torch.no_grad():
        generator.enter.bias.normal_(std=4, generator=rng(5))
    n = 4000
    samples, _ = generator.draw_groups(2, n, rng())
    share = F.one_hot(samples, 3).float().mean(1)
    true = generator.relaxed(2, rng()).detach()
    assert (true[0, 0] - true[0, 1]).abs().max() > 0.2
    assert ((share - true).abs() <= 4.5 * (true * (1 - true) / n).sqrt() + 1e-3).all()


def test_the_gradient_of_groups_is_that_of_the_expectation():
    """mean f(x) log g(x|z) over many draws of one z, against d/dtheta sum_x g(x|z) f(x) by enumeration."""
    generator = make(vocabulary=3, length=2)
    table = torch.tensor([[1.0, -2, 0.5], [0, 3, 1], [-1, 0.2, 2]])
    bias = generator.output.bias
    samples, log_probs = generator.draw_groups(1, 40_000, rng())
    value = table[samples[0, :, 0], samples[0, :, 1]]
    (estimate,) = torch.autograd.grad((value * log_probs[0]).mean(), bias)
    first, second = generator.relaxed(1, rng())[0]
    expectation = sum(
        first[a] * second[b] * table[a, b] for a, b in itertools.product(range(3), repeat=2)
    )
    (exact,) = torch.autograd.grad(expectation, bias)
    torch.testing.assert_close(estimate, exact, atol=0.04, rtol=0)
    assert exact.abs().max() > 0.2


def test_batch_norm_is_before_every_relu_and_rests_while_sampling():
    generator = make(batch_norm=True, blocks=3)
    norms = [m for m in generator.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    assert len(norms) == 6
    generator.sample(30, rng=rng())
    assert all(norm.num_batches_tracked == 0 for norm in norms)
    generator.relaxed(30, rng())
    assert all(norm.num_batches_tracked == 1 for norm in norms)
    assert not [m for m in make().modules() if isinstance(m, torch.nn.BatchNorm1d)]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kernel": 2}, "and the kernel odd"),
        ({"latent": 0}, "latent is 0; it must be at least 1"),
        ({"vocabulary": 1}, "use at least 2, 1 and 1"),
        ({"decoding": "draw"}, "Did you mean 'drawn'"),
    ],
)
def test_impossible_settings_are_refused(config, message):
    with pytest.raises(UsageError, match=message):
        make(**config)


@pytest.mark.parametrize("decoding", ["likeliest", "drawn"])
def test_it_is_saved_and_sampled_as_a_text_model(decoding, tmp_path):
    tokenizer = train_tokenizer("char", ["a cat sat", "the cat"])
    generator = make(tokenizer.vocabulary_size, 6, decoding=decoding, batch_norm=True)
    generator.relaxed(16, rng(3))
    save_text_model(tmp_path / "model", generator, tokenizer)
    model = load_text_model(tmp_path)
    assert model.generator.config == generator.config
    tokens = generator.sample(8, rng=rng(4))
    assert model.sample(8, seed=4) == [tokenizer.decode(row) for row in tokens.tolist()]
    if decoding == "drawn":
        assert len(set(model.sample(8, seed=4, temperature=3.0))) > 1
    else:
        with pytest.raises(UsageError, match="have no effect: leave them out"):
            model.sample(8, temperature=0.5)
    other = train_tokenizer("char", ["a cat"])
    other.save(tmp_path / "model" / "tokenizer.json")
    with pytest.raises(CheckpointError, match="belongs to another run"):
        load_text_model(tmp_path)

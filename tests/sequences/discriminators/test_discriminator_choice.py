"""What every trunk owes: ids and soft one-hots alike, two derivatives, padding, learning, any game."""

import copy

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.core.penalties import R1, GradientPenalty
from seqgan_kit.core.runs.machine import memory
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.attentive_reader import AttentiveReaderConfig
from seqgan_kit.sequences.discriminators.birnn import BiRNN, BiRNNConfig, soft_gru
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DISCRIMINATORS,
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.pair_cnn import PairCNNConfig
from seqgan_kit.sequences.discriminators.pair_rnn import PairRNNConfig
from seqgan_kit.sequences.discriminators.pair_textcnn import PairTextCNNConfig
from seqgan_kit.sequences.discriminators.textcnn import TextCNNConfig
from seqgan_kit.sequences.discriminators.transformer_reader import (
    TransformerReader,
    TransformerReaderConfig,
    soft_attention,
)
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.generators.char_resnet import CharResNetConfig
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

pytestmark = pytest.mark.numerics

PAD, EOS, VOCABULARY, LENGTH = 0, 2, 9, 7
GIVEN = 3
"""S of the discriminators of pairs; the others do not use it."""
SMALL = {
    "textcnn": TextCNNConfig(embedding=6, filters=((1, 6), (2, 6))),
    "birnn": BiRNNConfig(embedding=5, hidden=6, layers=2),
    "transformer_reader": TransformerReaderConfig(width=16, heads=2, feedforward=24),
    "char_resnet": CharResNetConfig(width=8, blocks=2, kernel=3),
    "pair_cnn": PairCNNConfig(embedding=6, channels=12, layers=3),
    "pair_textcnn": PairTextCNNConfig(embedding=6, filters=((1, 6), (2, 6), (5, 4))),
    "pair_rnn": PairRNNConfig(embedding=5, hidden=6, matching=8),
    "attentive_reader": AttentiveReaderConfig(embedding=5, hidden=6),
}
PAIRS = sorted(k for k, trunk in DISCRIMINATORS.items() if getattr(trunk, "reads_pairs", False))
# Those of several scores a sequence have tests of their own.
SEVERAL_SCORES = {"relgan_cnn", "step_reader"}
VARIANTS = [
    *((kind, SMALL.get(kind)) for kind in DISCRIMINATORS if kind not in SEVERAL_SCORES),
    ("birnn", BiRNNConfig(embedding=5, hidden=6, pooling="mean")),
    ("birnn", BiRNNConfig(embedding=5, hidden=6, pooling="max")),
    (
        "transformer_reader",
        TransformerReaderConfig(width=16, heads=4, feedforward=24, pooling="start"),
    ),
]
MASKED = [
    variant
    for variant in VARIANTS
    if variant[0] in ("birnn", "transformer_reader", "pair_rnn", "attentive_reader")
]
TIES = ("textcnn", "pair_cnn", "pair_textcnn")
"""Those that take a maximum over windows."""


def name(value):
    return value if isinstance(value, str) else getattr(value, "pooling", "small")


every = pytest.mark.parametrize(("kind", "config"), VARIANTS, ids=name)
every_masked = pytest.mark.parametrize(("kind", "config"), MASKED, ids=name)


def make(kind, config, length=LENGTH, pad=PAD) -> Discriminator:
    torch.manual_seed(0)
    choice = DiscriminatorChoice(kind, **{kind: config})
    return build_discriminator(choice, VOCABULARY, length, pad=pad, given=GIVEN)


def rows(n=6, length=LENGTH, seed=0):
    """Ordinary tokens, EOS, PAD; of all lengths from none to unfinished."""
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, VOCABULARY, (n, length), generator=draw)
    for row in range(n):
        end = row % (length + 1)
        tokens[row, end : end + 1] = EOS
        tokens[row, end + 1 :] = PAD
    return tokens


def one_hot(tokens):
    return F.one_hot(tokens, VOCABULARY).float()


def test_every_kind_has_a_setting_of_its_own():
    choice = DiscriminatorChoice()
    for kind, trunk in DISCRIMINATORS.items():
        options = {"given": GIVEN} if kind in PAIRS else {}
        assert type(trunk(getattr(choice, kind), 30, 20, pad=0, **options)) is trunk
    language_model = {"discriminator_model", "hf_reader"}
    assert set(vars(choice)) == {"discriminator", *language_model, *DISCRIMINATORS}


@every
def test_the_score_is_one_a_row_and_repeats_itself_in_eval_mode(kind, config):
    discriminator = make(kind, config).eval()
    critique = discriminator(rows())
    assert critique.score.shape == (6,)
    assert critique.features.shape == (6, discriminator.trunk.features)
    assert torch.equal(critique.score, discriminator(rows()).score)
    assert critique.score.std() > 0


@every
@pytest.mark.parametrize("pad", [PAD, None])
def test_soft_one_hots_at_the_corners_are_read_like_ids(kind, config, pad):
    discriminator = make(kind, config, pad=pad).eval()
    tokens = rows()
    soft = one_hot(tokens).requires_grad_()
    score = discriminator(soft).score
    torch.testing.assert_close(score, discriminator(tokens).score)
    (gradient,) = torch.autograd.grad(score.sum(), soft)
    assert (gradient.flatten(1).norm(dim=1) > 0).all()


@every
def test_rows_are_judged_each_by_itself(kind, config):
    discriminator, tokens = make(kind, config).eval(), rows(8)
    alone = torch.cat([discriminator(row[None]).score for row in tokens])
    torch.testing.assert_close(discriminator(tokens).score, alone, atol=1e-5, rtol=1e-4)
    soft = one_hot(tokens)
    alone = torch.cat([discriminator(row[None]).score for row in soft])
    torch.testing.assert_close(discriminator(soft).score, alone, atol=1e-5, rtol=1e-4)


@every
@pytest.mark.parametrize("penalty", [GradientPenalty(), R1()], ids=lambda p: p.name)
def test_gradient_penalties_have_their_gradient(kind, config, penalty):
    """Against finite differences along the penalty's own gradient, in training mode as in a run."""
    discriminator = make(kind, config)
    # Where two windows tie, as two of PAD do, their maximum has no derivative.
    real = one_hot(torch.arange(2, VOCABULARY).expand(4, -1) if kind in TIES else rows(4))
    noise = torch.rand(real.shape, generator=torch.Generator().manual_seed(1))
    fake = (4 * noise).softmax(-1)

    def value() -> torch.Tensor:
        with evaluating(discriminator):
            rng = torch.Generator().manual_seed(2)
            return penalty(discriminator, real, fake, rng)

    parameters = list(discriminator.parameters())
    gradients = torch.autograd.grad(value(), parameters, allow_unused=True)
    moving = [(p, g) for p, g in zip(parameters, gradients, strict=True) if g is not None]
    size = sum(g.square().sum() for _, g in moving).sqrt()
    assert size > 0
    step = 1e-3

    def shifted(sign: int) -> float:
        with torch.no_grad():
            for parameter, gradient in moving:
                parameter.add_(gradient, alpha=sign * step / size.item())
        return value().item()

    above, _, below = shifted(1), shifted(-1), shifted(-1)
    assert (above - below) / (2 * step) == pytest.approx(size.item(), rel=0.03)
    penalty(discriminator.train(), real, fake, torch.Generator().manual_seed(2)).backward()


@every
def test_gradients_of_ids_and_of_soft_rows_are_the_same(kind, config):
    """Two ways through the network, one function of its weights."""
    first = make(kind, config).double().eval()
    second = copy.deepcopy(first)
    first(rows()).score.square().sum().backward()
    second(one_hot(rows()).double()).score.square().sum().backward()
    for (key, one), other in zip(first.named_parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-12, rtol=1e-10, msg=key)


@every_masked
def test_padding_marks_the_end_and_no_more(kind, config):
    """Neither how much of it there is nor what it is embedded as."""
    trunk = make(kind, config).trunk.eval()
    tokens = torch.tensor([[5, 3, EOS, PAD, PAD, PAD, PAD], [4, 4, 8, EOS, PAD, PAD, PAD]])
    features = trunk(tokens)
    for shorter in (4, 5, 6):
        torch.testing.assert_close(trunk(tokens[:, :shorter]), features)
        torch.testing.assert_close(trunk(one_hot(tokens[:, :shorter])), features)
    with torch.no_grad():
        for embedding in (m for m in trunk.modules() if isinstance(m, torch.nn.Embedding)):
            embedding.weight[PAD] = 7
    torch.testing.assert_close(trunk(tokens), features)
    torch.testing.assert_close(trunk(one_hot(tokens)), features)
    tokens[0, 3] = 6
    assert not torch.allclose(trunk(tokens)[0], features[0])


@every_masked
def test_rows_of_padding_alone_are_finite(kind, config):
    trunk = make(kind, config).trunk.eval()
    empty = torch.full((2, LENGTH), PAD)
    features = trunk(empty)
    assert features.isfinite().all()
    torch.testing.assert_close(trunk(one_hot(empty)), features)
    soft = one_hot(empty).requires_grad_()
    trunk(soft).sum().backward()
    assert soft.grad.isfinite().all()


@every
def test_two_simple_distributions_are_told_apart(kind, config):
    """Reals rise, fakes fall: nothing but the order of tokens says which."""
    discriminator = make(kind, config)
    draw = torch.Generator().manual_seed(3)

    def batch(sign: int) -> torch.Tensor:
        start = torch.randint(0, 6, (32, 1), generator=draw)
        return 3 + (start + sign * torch.arange(LENGTH)) % 6

    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-2)
    loss, steps = torch.tensor(1.0), 0
    while loss > 0.1 and steps < 200:
        steps += 1
        real, fake = discriminator(batch(1)).score, discriminator(batch(-1)).score
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with evaluating(discriminator):
        assert (discriminator(batch(1)).score > 0).float().mean() > 0.95
        assert (discriminator(batch(-1)).score < 0).float().mean() > 0.95


@every
@pytest.mark.parametrize("length", [5, 8])
def test_it_judges_the_rollouts_of_any_generator(kind, config, length):
    discriminator = make(kind, config, length)
    given = GIVEN if kind in PAIRS else 0
    generator = LSTMGenerator(
        LSTMConfig(4, 4), VOCABULARY, length - given, bos=1, eos=EOS, pad=PAD, given=given
    )
    game = AdversarialGame(generator, discriminator, expected_probability(), Reinforce(rollouts=2))
    rng = torch.Generator().manual_seed(0)
    sources = torch.randint(3, VOCABULARY, (5, given), generator=rng)
    tokens = generator.sample(5, rng=rng, given=sources)
    values = game.estimator.action_values(game, tokens, rng)
    with evaluating(discriminator):
        last = values.gather(1, generator.token_mask(tokens).sum(1, keepdim=True) - 1)
        torch.testing.assert_close(last.squeeze(1), discriminator(tokens).score.sigmoid())
    assert ((values >= 0) & (values <= 1)).all()


@every
def test_it_runs_in_bfloat16(kind, config):
    discriminator = make(kind, config).eval()
    with torch.autocast("cpu", torch.bfloat16):
        for given in (rows(), one_hot(rows())):
            score = discriminator(given).score
            assert score.dtype == torch.float32
            torch.testing.assert_close(
                score, discriminator.float()(rows()).score, atol=0.1, rtol=0.1
            )
            score.sum().backward()


def test_soft_gru_is_torchs_gru_where_everything_is_present():
    torch.manual_seed(0)
    both = torch.nn.GRU(4, 5, bidirectional=True, batch_first=True)
    right, left = torch.nn.GRU(4, 5, batch_first=True), torch.nn.GRU(4, 5, batch_first=True)
    right.load_state_dict({k: v for k, v in both.state_dict().items() if "reverse" not in k})
    reverse = {
        k.removesuffix("_reverse"): v for k, v in both.state_dict().items() if "reverse" in k
    }
    left.load_state_dict(reverse)
    x = torch.randn(3, 6, 4)
    torch.testing.assert_close(soft_gru(x, torch.ones(3, 6), right, left), both(x)[0])


def test_ids_are_read_as_torch_reads_packed_rows():
    """The independent reading of rows of several lengths: pack_padded_sequence."""
    torch.manual_seed(0)
    trunk = BiRNN(BiRNNConfig(4, 5), VOCABULARY, LENGTH, pad=PAD).eval()
    both = torch.nn.GRU(4, 5, bidirectional=True, batch_first=True)
    both.load_state_dict(
        dict(trunk.rightward[0].state_dict())
        | {f"{k}_reverse": v for k, v in trunk.leftward[0].state_dict().items()}
    )
    tokens = rows()
    lengths = (tokens != PAD).sum(1)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        trunk.embedding(tokens), lengths, batch_first=True, enforce_sorted=False
    )
    last = both(packed)[1]
    torch.testing.assert_close(trunk(tokens), torch.cat(list(last), dim=1))


def test_soft_attention_is_masked_attention_at_the_corners():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 5, 3)
    present = torch.tensor([[1, 1, 0, 1, 0], [1, 0, 0, 0, 0]]).float()
    expected = F.scaled_dot_product_attention(
        query, key, value, attn_mask=present.bool()[:, None, None]
    )
    torch.testing.assert_close(soft_attention(query, key, value, present), expected)


def test_soft_attention_counts_a_key_as_far_as_it_is_present():
    """Two equal keys of presence 1/2 weigh what one of presence 1 does."""
    query = torch.ones(1, 1, 1, 2)
    key = torch.zeros(1, 1, 3, 2)
    value = torch.tensor([[1.0, 0], [5, 0], [5, 0]]).view(1, 1, 3, 2)
    halves = soft_attention(query, key, value, torch.tensor([[1, 0.5, 0.5]]))
    torch.testing.assert_close(halves[..., 0].item(), 3.0)


def test_positions_matter_to_the_transformer_and_are_as_many_as_promised():
    trunk = TransformerReader(SMALL["transformer_reader"], VOCABULARY, LENGTH, pad=PAD).eval()
    tokens = torch.tensor([[3, 4, 5, 6, 7, 8, 2]])
    assert not torch.allclose(trunk(tokens), trunk(tokens.flip(1)))
    with pytest.raises(UsageError, match="8 tokens does not fit the 7 positions"):
        trunk(torch.ones(1, 8, dtype=torch.long))


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("birnn", lambda: BiRNNConfig(hidden=0), "hidden is 0; it must be at least 1"),
        (
            "birnn",
            lambda: BiRNNConfig(dropout=1.0),
            "dropout is 1.0; it must be 0 or more and below 1",
        ),
        ("birnn", lambda: BiRNNConfig(pooling="maxx"), "Did you mean 'max'"),
        (
            "transformer_reader",
            lambda: TransformerReaderConfig(layers=0),
            "layers is 0; it must be at least 1",
        ),
        (
            "transformer_reader",
            lambda: TransformerReaderConfig(width=10, heads=4),
            "split over 4 heads",
        ),
        (
            "transformer_reader",
            lambda: TransformerReaderConfig(pooling="meen"),
            "Did you mean 'mean'",
        ),
        (
            "char_resnet",
            lambda: CharResNetConfig(kernel=4),
            "kernel is 4; width and blocks must be at least 1, and the kernel odd",
        ),
        ("char_resnet", lambda: CharResNetConfig(width=0), "width is 0; it must be at least 1"),
    ],
)
def test_impossible_settings_are_refused(kind, config, message):
    with pytest.raises(UsageError, match=message):
        make(kind, config())


@pytest.mark.parametrize("kind", sorted(DISCRIMINATORS))
def test_a_discriminator_too_large_to_train_is_refused_before_it_is_made(kind, monkeypatch):
    """As a generator is: 16 bytes a parameter, and looking costs no random numbers."""
    choice = DiscriminatorChoice(kind)
    with pytest.raises(UsageError, match=rf"training a {kind} on 1,000,000,000,000 tokens takes"):
        build_discriminator(choice, 10**12, 20, pad=None, given=GIVEN)
    monkeypatch.setattr(memory, "LARGE_VOCABULARY", 50)
    torch.manual_seed(0)
    trunk = build_discriminator(choice, 50, 6, pad=None, given=GIVEN).trunk
    after = torch.rand(1)
    size = 16 * sum(parameter.numel() for parameter in trunk.parameters())
    monkeypatch.setattr(memory, "machine_bytes", lambda: size)
    torch.manual_seed(0)
    build_discriminator(choice, 50, 6, pad=None, given=GIVEN)
    assert torch.equal(torch.rand(1), after)
    monkeypatch.setattr(memory, "machine_bytes", lambda: size - 1)
    with pytest.raises(UsageError, match=f"{size // 16:,} parameters of 16 bytes"):
        build_discriminator(choice, 50, 6, pad=None, given=GIVEN)

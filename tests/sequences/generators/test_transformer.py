"""The Transformer against torch's own layers, its cache, and its initialisation."""

import math

import pytest
import torch
from torch import nn

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.transformer import (
    Block,
    TransformerConfig,
    TransformerGenerator,
)
from seqgan_kit.sequences.sampling.rows_in_progress import join_rows, take_rows

pytestmark = pytest.mark.numerics


def make(vocabulary=11, length=7, **config):
    config = {"width": 12, "layers": 2, "heads": 3, "initial_std": 0.4} | config
    rng = torch.Generator().manual_seed(0)
    return TransformerGenerator(
        TransformerConfig(**config), vocabulary, length, bos=1, eos=2, pad=0, rng=rng
    ).eval()


def torch_layer(block, width):
    """The same weights in torch's own layer."""
    layer = nn.TransformerEncoderLayer(
        width, block.heads, 4 * width, 0.0, "gelu", norm_first=True, batch_first=True
    )
    ours = {
        "self_attn.in_proj_": block.query_key_value,
        "self_attn.out_proj.": block.attended,
        "linear1.": block.expand,
        "linear2.": block.contract,
        "norm1.": block.attention_norm,
        "norm2.": block.mlp_norm,
    }
    layer.load_state_dict(
        {
            name + part: getattr(own, part)
            for name, own in ours.items()
            for part in ("weight", "bias")
        }
    )
    return layer.train()  # its fast path in evaluation is another kernel


def test_a_block_is_torchs_own_layer():
    block = Block(12, 3, 0.0)
    for parameter in block.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    x, mask = torch.randn(4, 7, 12), nn.Transformer.generate_square_subsequent_mask(7)
    expected = torch_layer(block, 12)(x, src_mask=mask, is_causal=True)
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-5)


def test_a_generator_is_embeddings_blocks_and_a_norm():
    generator, tokens = make(), torch.randint(3, 11, (4, 7))
    x = generator.embedding.weight[tokens] + generator.position.weight
    for block in generator.blocks:
        x = block(x)
    torch.testing.assert_close(generator.encode(tokens), generator.norm(x))


def test_the_cache_holds_the_keys_and_values_of_every_input():
    generator, tokens = make(), torch.randint(3, 11, (4, 7))
    state = generator.start(torch.empty(4, 0, dtype=torch.int64))
    assert [part.shape for part in state] == [(4, 0, 24)] * 2
    for time in range(7):
        _, state = generator.advance(tokens[:, time], state)
    assert [part.shape for part in state] == [(4, 7, 24)] * 2
    first = generator.blocks[0]
    x = generator.embedding.weight[tokens] + generator.position.weight
    torch.testing.assert_close(
        state[0], first.query_key_value(first.attention_norm(x))[..., 12:], atol=1e-5, rtol=1e-5
    )


def test_rows_of_a_state_can_be_taken_and_joined():
    """Each goes on as it would have alone, at every position from the empty cache on."""
    generator, tokens = make(), torch.randint(3, 11, (4, 7))
    whole = generator.encode(tokens)
    first, second = (
        generator.start(torch.empty(2, 0, dtype=torch.int64)),
        generator.start(torch.empty(2, 0, dtype=torch.int64)),
    )
    for time in range(7):
        state = take_rows(join_rows(first, second), torch.tensor([3, 0, 0, 2]))
        hidden, _ = generator.advance(tokens[[3, 0, 0, 2], time], state)
        torch.testing.assert_close(hidden, whole[[3, 0, 0, 2], time], atol=1e-5, rtol=1e-5)
        _, first = generator.advance(tokens[:2, time], first)
        _, second = generator.advance(tokens[2:, time], second)


def test_order_matters_beyond_the_last_token():
    """Without positions attention would read a set."""
    generator = make()
    one, other = generator.encode(torch.tensor([[3, 4, 5, 6], [4, 3, 5, 6]]))[:, -1]
    assert (one - other).abs().max() > 1e-3


def test_attention_weights_are_dropped_where_their_module_says_so():
    block, x = Block(12, 3, 0.5).train(), torch.randn(4, 7, 12)
    block.attended.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    seen: list[torch.Tensor] = []
    block(x), block(x)
    assert not torch.equal(*seen)
    block.dropout.training = False
    seen.clear()
    block(x), block(x)
    assert torch.equal(*seen)


def test_initialisation_is_gpt_2s():
    """N(0, 0.02), what is added to the stream N(0, 0.02 / sqrt(2 layers)), biases 0, norms 1 (Radford et
    al. 2019); so a new generator is close to uniform."""
    generator = TransformerGenerator(
        TransformerConfig(layers=3), 500, 40, bos=0, eos=None, pad=None
    ).eval()
    for name, parameter in generator.named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all(), name
        elif "norm" in name:
            assert (parameter == 1).all(), name
        else:
            scaled = "attended" in name or "contract" in name
            std = 0.02 / math.sqrt(6) if scaled else 0.02
            assert parameter.std().item() == pytest.approx(std, rel=0.05), name
    tokens = generator.sample(50, rng=torch.Generator().manual_seed(0))
    assert -generator.log_probs(tokens).mean().item() == pytest.approx(math.log(500), abs=0.1)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"width": 10}, "cannot be split over 3 heads: make it a multiple"),
        ({"layers": 0}, "layers is 0; it must be at least 1"),
        ({"heads": 0}, "heads is 0; it must be at least 1"),
        ({"initial_std": 0.0}, r"initial_std is 0\.0; it must be above 0"),
    ],
)
def test_config_is_checked(config, message):
    with pytest.raises(UsageError, match=message):
        make(**config)

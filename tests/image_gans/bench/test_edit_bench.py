"""The yardstick of edits by strokes: its task is the cat world's, and its rows are what they say."""

import pytest
import torch

from image_gans.bench.edit_bench import COLUMNS, edit_task, edited_rows, strokes
from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.latent.editing import transferred
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from seqgan_kit.errors import UsageError


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    generator = DCGANGenerator(DCGANConfig(size=16, width=2, latent=5))
    with torch.no_grad():
        for weights in generator.parameters():
            weights.mul_(8)
    save_image_model(tmp_path / "model", generator)
    return tmp_path


def test_strokes_lie_in_the_mask_and_the_rest_is_equal():
    task = edit_task("coat=ginger", 8, 16, 0.5, 0)
    assert 0 < len(task.sources) <= 8
    changed = (task.sources != task.twins).any(1, keepdim=True)
    assert not (changed & ~task.masks).any()
    assert changed.flatten(1).any(1).all()
    inside = task.strokes[:, None] & task.masks
    assert torch.equal(inside[:, 0], task.strokes)
    assert inside.sum() / task.masks.sum() == pytest.approx(0.5, abs=0.1)
    assert torch.equal(edit_task("coat=ginger", 8, 16, 0.5, 0).strokes, task.strokes)


def test_rows_are_the_edits(run):
    explorer, task = load_image_model(run).explore(), edit_task("accessory=hat", 2, 16, 0.5, 0)
    rows, seconds = edited_rows(explorer, task, 5)
    assert min(seconds) > 0
    pasted = rows["source with the strokes"]
    stroked = task.strokes[:, None].expand_as(pasted)
    assert torch.equal(pasted[stroked], task.twins[stroked])
    assert torch.equal(pasted[~stroked], task.sources[~stroked])
    carried = transferred(task.sources, rows["nearest image of G"], rows["edited"])
    torch.testing.assert_close(rows["source with the edit"], carried)


def test_the_command_prints_its_table(run, capsys):
    strokes(["--run", str(run), "--view", "accessory=hat", "--images", "2", "--percent", "50"])
    printed = capsys.readouterr().out
    for name in (*COLUMNS, "source with the edit", "50 % of the mask"):
        assert name in printed


def test_an_edit_that_changes_nothing_is_refused():
    with pytest.raises(UsageError, match="changes none of the 2 images"):
        edit_task("coat=ginger", 2, 16, 0.5, 0)

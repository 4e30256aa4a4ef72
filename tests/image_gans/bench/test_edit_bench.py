"""The yardstick of edits by strokes: its task is the cat world's, and its rows are what they say."""

import pytest
import torch

from image_gans.bench.brush_tasks import brush_task
from image_gans.bench.edit_bench import COLUMNS, edited_rows, strokes
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
    task = brush_task("coat=ginger", 8, 16, 0.5, 0)
    assert 0 < len(task.sources) <= 8
    changed = (task.sources != task.twins).any(1, keepdim=True)
    assert not (changed & ~task.masks).any()
    assert changed.flatten(1).any(1).all()
    inside = task.strokes[:, None] & task.masks
    assert torch.equal(inside[:, 0], task.strokes)
    assert inside.sum() / task.masks.sum() == pytest.approx(0.5, abs=0.1)
    assert torch.equal(brush_task("coat=ginger", 8, 16, 0.5, 0).strokes, task.strokes)


def test_rows_are_the_edits(run):
    explorer, task = load_image_model(run).explore(), brush_task("accessory=hat", 2, 16, 0.5, 0)
    rows, seconds = edited_rows(explorer, task, 5)
    assert min(seconds) > 0
    pasted = rows["source with the strokes"]
    stroked = task.strokes[:, None].expand_as(pasted)
    assert torch.equal(pasted[stroked], task.twins[stroked])
    assert torch.equal(pasted[~stroked], task.sources[~stroked])
    carried = transferred(task.sources, rows["nearest image of G"], rows["edited"])
    torch.testing.assert_close(rows["source with the edit"], carried)


def test_lines_are_borders_of_the_twin():
    task = brush_task("accessory=hat", 4, 16, 0.5, 0, "outline")
    assert task.strokes.flatten(1).any(1).all()
    assert not (task.strokes & ~task.masks[:, 0]).any()
    for (outline,), lines in zip(task.brushes, task.strokes, strict=True):
        touched = torch.nn.functional.max_pool2d(lines[None].float(), 7, 1, 3)[0] > 0
        cells = outline.cells.repeat_interleave(2, 0).repeat_interleave(2, 1)
        assert (cells & ~touched).float().mean() < 0.2  # cells lie along the lines


def test_a_moved_cat_is_the_moved_image_of_the_cat():
    """Where the window ends, the twin has what was dragged there, but for light and background."""
    task = brush_task("", 6, 32, 0.5, 0, "warp", 3)
    pasted = torch.where(task.strokes[:, None], task.painted, task.sources)
    away = [(x - task.twins).square().mean() for x in (pasted, task.sources)]
    assert away[0] < 0.5 * away[1]
    assert 0.2 < task.strokes.float().mean() < 0.5
    assert all(len(brushes) == 2 for brushes in task.brushes)


def test_the_command_prints_its_table(run, capsys):
    strokes(["--run", str(run), "--view", "accessory=hat", "--images", "2", "--percent", "50"])
    printed = capsys.readouterr().out
    for name in (*COLUMNS, "source with the edit", "50 % of the mask"):
        assert name in printed


def test_a_dragged_window_is_told_in_the_last_line(run, capsys):
    strokes(["--run", str(run), "--images", "2", "--brush", "warp", "--pixels", "2"])
    assert "moved by 2 pixels, warp" in capsys.readouterr().out


def test_an_edit_that_changes_nothing_is_refused():
    with pytest.raises(UsageError, match="changes none of the 2 images"):
        brush_task("coat=ginger", 2, 16, 0.5, 0)
    with pytest.raises(UsageError, match="allowed are 1 to 7 pixels"):
        brush_task("", 2, 16, 0.5, 0, "warp", 8)
    with pytest.raises(UsageError, match="the edit 'glasses' has no value"):
        brush_task("glasses", 2, 16, 0.5, 0)
    with pytest.raises(UsageError, match="unknown brush 'pen'"):
        brush_task("coat=ginger", 2, 16, 0.5, 0, "pen")

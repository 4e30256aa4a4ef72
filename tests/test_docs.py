"""The blocks of every page in docs/ run, in the order they are read, in one folder of a user.

Generated parts are checked too: a page for each recipe, with metrics that are explained once, and commands
that the recipe's own parser takes. The examples run as programs.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from document_blocks import ROOT, blocks, make_home, run_command
from one_process import OneProcess

import seqgan_kit
from seqgan_kit.core.runs.launch import parse

sys.path.insert(0, str(ROOT / "docs" / "hooks"))
import recipe_facts as facts
import recipe_tables as tables
import site_hook

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
TEXTS = {page: (DOCS / page).read_text(encoding="utf-8") for page in PAGES}
RUN = [page for page in PAGES if any(not block.not_run for block in blocks(TEXTS[page]))]
NOT_RUN = [
    pytest.param(block.not_run, id=f"{page}: {block.text.splitlines()[0][:60]}")
    for page in PAGES
    for block in blocks(TEXTS[page])
    if block.not_run
]
EXAMPLES = {
    "own_generator_and_reward.py": [],
    "image_gan_on_a_folder.py": ["photos"],
    "evaluate_lines.py": ["my.txt", "data/catworld/test.txt"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def shell(home: Path) -> Iterator[OneProcess]:
    """A process in the folder, with the run that the start page makes."""
    with OneProcess(home) as shell:
        run_command("seqgan-kit run seqgan smoke --out runs/first", home, shell)
        yield shell


@pytest.mark.parametrize("page", RUN)
def test_page(page: str, home: Path, shell: OneProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(TEXTS[page]):
        if block.not_run:
            continue
        if block.language == "python":
            exec(compile(block.text, page, "exec"), names)
        else:
            for command in block.commands():
                if "--out runs/first" not in command:
                    run_command(command, home, shell)


@pytest.mark.parametrize("reason", NOT_RUN)
def test_block_that_is_not_run(reason: str) -> None:
    pytest.skip(reason)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, shell: OneProcess) -> None:
    done = shell.run([f"examples/{name}", *EXAMPLES[name]])
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout


def test_every_example_is_run() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


def test_every_recipe_has_a_page() -> None:
    pages = {path.stem for path in (DOCS / "methods").glob("*.md")} - {"index"}
    assert pages == set(facts.recipe_names())


@pytest.mark.parametrize("recipe", facts.recipe_names())
def test_a_method_page_is_generated(recipe: str) -> None:
    page = f"methods/{recipe}.md"
    site_hook.check_method_page(recipe, TEXTS[page])
    shown = site_hook.MARKER.sub(
        lambda found: site_hook._generated(found[1], found[2] or "", page), TEXTS[page]
    )
    assert "{{" not in shown
    assert f"python recipes/{recipe}.py" in shown
    assert "| `--seed` | `0` |" in shown
    untold = [s.flag for s in facts.presets(recipe)["default"] if not s.help]
    assert not untold, f"settings without a help text: {untold}"


@pytest.mark.parametrize("recipe", facts.recipe_names())
def test_the_commands_in_a_recipe_are_ones_that_it_takes(recipe: str) -> None:
    module = facts.load(recipe)
    for line in facts.commands(recipe):
        words = shlex.split(line.splitlines()[-1])
        if f"recipes/{recipe}.py" in words and "--resume" not in words:
            parse(module.PRESETS, words[words.index(f"recipes/{recipe}.py") + 1 :], "")


def unexplained(recipe: str, run: Path) -> set[str]:
    """Metrics in a run's log that the page of its recipe does not name."""
    page = f"methods/{recipe}.md"
    shown = site_hook.MARKER.sub(
        lambda found: tables.logged(found[2]) if found[1] == "logged" else "", TEXTS[page]
    )
    rows = [json.loads(row) for row in (run / "metrics.jsonl").read_text().splitlines()]
    kept = [row["values"] for row in rows if row["kind"] in ("train", "evaluation")]
    return {name for values in kept for name in values if f"`{name}`" not in shown}


def test_a_page_explains_all_that_its_recipe_logs(home: Path, shell: OneProcess) -> None:
    assert not unexplained("seqgan", home / "runs" / "first")


def test_a_command_is_told_from_its_comment() -> None:
    assert facts.commands("char_wgan_gp")[-1] == (
        "# go on where a run stopped\npython recipes/char_wgan_gp.py --resume runs/char_wgan_gp"
    )


def test_settings_show_nested_flags_defaults_and_the_papers_values() -> None:
    flags = {s.flag: s for s in facts.presets("seqgan")["default"]}
    assert flags["--lstm.hidden"].value == 128
    shown = tables.settings("seqgan")
    assert re.search(r"\| `--rollouts` \| `4` \| `16` \| N: completions", shown)
    assert "`--preset`" not in shown


def test_an_unknown_metric_or_marker_is_refused() -> None:
    with pytest.raises(KeyError, match="no_such_metric"):
        tables.logged("judged, no_such_metric")
    with pytest.raises(ValueError, match="unknown marker 'nothing'"):
        site_hook._generated("nothing", "", "index.md")
    with pytest.raises(ValueError, match="no recipe of that name"):
        site_hook.check_method_page("nothing", "")


def test_included_files_link_within_the_site() -> None:
    text = site_hook.included("README.md", "howto/page.md")
    assert "](../cats.png)" in text
    assert "](docs/" not in text


@pytest.mark.parametrize(
    ("html", "fetches"),
    [
        ('<script src="https://host/x.js">', True),
        ("<link rel=stylesheet href=//host/x.css>", True),
        ("@font-face { src: url(https://host/x.woff2) }", True),
        ('<a href="https://host/paper">paper</a> <img src="x.png">', False),
    ],
)
def test_what_a_built_page_would_fetch_is_seen(html: str, fetches: bool) -> None:
    assert bool(site_hook.FETCHED.search(html)) is fetches


def test_no_page_asks_another_host_for_anything() -> None:
    for page, text in TEXTS.items():
        assert not re.search(r"!\[[^\]]*\]\(https?:|<(img|script|link|iframe)[^>]+https?:", text), (
            page
        )
    for file in (DOCS / "assets").iterdir():
        assert "http" not in file.read_text(encoding="utf-8")
    for svg in DOCS.rglob("*.svg"):
        assert set(re.findall(r"https?://[^\"' ]+", svg.read_text())) <= {
            "http://www.w3.org/2000/svg"
        }


def test_the_habits_files_agree_with_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == seqgan_kit.__version__
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in hooks["repos"]} == {"local"}
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    ran = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert [command.split()[:2] for command in ran] == [["make", "test"], ["make", "docs"]]

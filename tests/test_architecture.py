"""The house rules that a machine can hold: who imports whom, what loads torch, how long files are."""

from __future__ import annotations

import ast
import collections
import dataclasses
import importlib
import itertools
import re
import subprocess
import sys
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import pytest

from seqgan_kit.core.bounds import Bounds

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("seqgan_kit", "image_gans")
LONGEST_FILE_LINES = 275
FILES_IN_A_ROOM = 16

# A room may import itself and these. The longest name that fits a module is its room.
FOUNDATION = {"seqgan_kit", "seqgan_kit.errors", "seqgan_kit.resources"}
CORE = FOUNDATION | {"seqgan_kit.core"}
PARTS = CORE | {"seqgan_kit.data", "seqgan_kit.sequences", "seqgan_kit.metrics"}
SCORED = PARTS | {"seqgan_kit.methods", "seqgan_kit.evaluation"}
CLI_PARTS = {"seqgan_kit.cli.command", "seqgan_kit.cli.user_files"}
BELOW_IMAGES = CORE | {"seqgan_kit.data", "seqgan_kit.metrics", "image_gans"}
IMAGE_SETTINGS = {
    "image_gans.grids",
    "image_gans.conditions",
    "image_gans.techniques",
    "image_gans.schedule",
    "image_gans.player_schedule",
}
IMAGE_PARTS = (
    BELOW_IMAGES
    | IMAGE_SETTINGS
    | {"image_gans.attacks", "image_gans.networks", "image_gans.metrics"}
)
MAY_IMPORT: dict[str, set[str]] = {
    "seqgan_kit": set(),
    "seqgan_kit.__main__": {"seqgan_kit", "seqgan_kit.cli"},
    "seqgan_kit.errors": set(),
    "seqgan_kit.resources": {"seqgan_kit.errors"},
    "seqgan_kit.core": FOUNDATION,
    "seqgan_kit.data": CORE,
    "seqgan_kit.sequences": CORE,
    "seqgan_kit.metrics": CORE,
    "seqgan_kit.methods": PARTS,
    "seqgan_kit.evaluation": PARTS,
    "seqgan_kit.integrations": PARTS,
    "seqgan_kit.sharing": CORE,
    "seqgan_kit.report": SCORED,
    "seqgan_kit.explorer": SCORED | {"seqgan_kit.report"},
    "seqgan_kit.text_recipe": SCORED | {"seqgan_kit.report"},
    "seqgan_kit.bench": SCORED | CLI_PARTS,
    "seqgan_kit.cli": SCORED
    | CLI_PARTS
    | {"seqgan_kit.report", "seqgan_kit.bench", "seqgan_kit.sharing", "seqgan_kit.explorer"},
    "seqgan_kit.cli.command": FOUNDATION,
    "seqgan_kit.cli.user_files": FOUNDATION,
    # What ``import seqgan_kit as sk`` offers; the lazy table in seqgan_kit/__init__.py names its modules.
    "seqgan_kit.face": SCORED
    | CLI_PARTS
    | {"seqgan_kit.report", "seqgan_kit.cli", "seqgan_kit.sharing"},
    "image_gans": set(),
    "image_gans.conditions": BELOW_IMAGES,
    "image_gans.networks": BELOW_IMAGES | {"image_gans.conditions"},
    "image_gans.metrics": BELOW_IMAGES,
    "image_gans.augmentations": BELOW_IMAGES,
    "image_gans.attacks": BELOW_IMAGES,
    "image_gans.techniques": BELOW_IMAGES
    | {"image_gans.networks", "image_gans.augmentations", "image_gans.attacks"},
    "image_gans.schedule": BELOW_IMAGES | {"image_gans.techniques"},
    "image_gans.player_schedule": BELOW_IMAGES,
    "image_gans.distances": BELOW_IMAGES | {"image_gans.metrics"},
    "image_gans.pair_game": IMAGE_PARTS | {"image_gans.distances"},
    "image_gans.image_presets": {"image_gans", "image_gans.schedule"},
    "image_gans.image_fitting": IMAGE_PARTS,
    "image_gans.few_labels": BELOW_IMAGES,
    "image_gans.recommended": IMAGE_PARTS | {"image_gans.methods"},
    "image_gans.far_near": BELOW_IMAGES,
    "image_gans.robust_game": IMAGE_PARTS,
    "image_gans.conditional_game": IMAGE_PARTS,
    "image_gans.grids": BELOW_IMAGES,
    "image_gans.latent": IMAGE_PARTS,
    "image_gans.methods": IMAGE_PARTS
    | {
        "image_gans.distances",
        "image_gans.pair_game",
        "image_gans.conditional_game",
        "image_gans.far_near",
        "image_gans.few_labels",
        "image_gans.robust_game",
    },
    "image_gans.evaluation": IMAGE_PARTS
    | {
        "image_gans.latent",
        "image_gans.far_near",
        "image_gans.few_labels",
        "image_gans.robust_game",
    },
    "image_gans.bench": IMAGE_PARTS
    | {
        "image_gans.methods",
        "image_gans.evaluation",
        "image_gans.latent",
        "seqgan_kit.bench",
        "seqgan_kit.cli.command",
    },
    "image_gans.recipe": IMAGE_PARTS
    | {"image_gans.evaluation", "image_gans.far_near", "seqgan_kit.report"},
}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it: at the top, in a function, for type checking only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in inner if is_module(name)}
            found |= modules if modules == inner else modules | {node.module or ""}
    return found


def room(module: str) -> str:
    fitting = [r for r in MAY_IMPORT if module == r or module.startswith(f"{r}.")]
    return max(fitting, key=len)


def ours(modules: set[str]) -> set[str]:
    return {m for m in modules if m.split(".")[0] in (*PACKAGES, "recipes")}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=module_name)
def test_rooms_import_only_what_lies_below_them(path):
    own = room(module_name(path))
    for imported in ours(imports(path)):
        assert imported.split(".")[0] != "recipes", "nobody imports recipes"
        allowed = MAY_IMPORT[own] | {own}
        assert room(imported) in allowed, f"{module_name(path)} may not import {imported}"


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that reach each other, by Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for imported in sorted(edges[module]):
            if imported not in index:
                visit(imported)
                low[module] = min(low[module], low[imported])
            elif imported in stack:
                low[module] = min(low[module], index[imported])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in sorted(edges):
        if module not in index:
            visit(module)
    return found


def test_no_files_import_each_other_in_a_circle():
    """Imports in functions and under TYPE_CHECKING count: they tie files together all the same."""
    modules = {module_name(path): path for path in sources(*PACKAGES) if path.stem != "__init__"}
    edges = {name: imports(path) & set(modules) - {name} for name, path in modules.items()}
    assert circles(edges) == []


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"]]


def test_no_room_is_crowded():
    rooms = collections.Counter(p.parent for p in sources(*PACKAGES) if p.stem != "__init__")
    assert {str(room): n for room, n in rooms.items() if n > FILES_IN_A_ROOM} == {}


def methods() -> list[Path]:
    """The method files; their rooms hold nothing else."""
    folders = sources("seqgan_kit/methods", "image_gans/methods")
    return [path for path in folders if path.stem != "__init__"]


def test_every_method_has_a_recipe_of_its_name():
    assert [p.name for p in methods() if not (ROOT / "recipes" / p.name).exists()] == []


def test_methods_do_not_import_each_other():
    names = {module_name(path) for path in methods()}
    assert {
        "seqgan_kit.methods.mle",
        "seqgan_kit.methods.seqgan",
        "image_gans.methods.dcgan",
    } <= names
    for path in methods():
        assert not imports(path) & (names - {module_name(path)}), path.name


def test_estimators_and_the_sequence_game_know_no_network():
    """What they need of one it offers itself (``prefix_scorer``, ``scores_per_sample``)."""
    rooms = ("seqgan_kit.sequences.generators.", "seqgan_kit.sequences.discriminators.")
    general = {f"{rooms[0]}autoregressive", f"{rooms[0]}given_tokens", f"{rooms[1]}weight_penalty"}
    game = ROOT / "seqgan_kit" / "sequences" / "sequence_game.py"
    for path in (*sources("seqgan_kit/sequences/estimators"), game):
        assert {m for m in imports(path) if m.startswith(rooms)} <= general, path.name


def test_the_import_rules_can_be_broken(tmp_path):
    """The walk sees imports in functions, of submodules by name, and under TYPE_CHECKING."""
    path = tmp_path / "x.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from seqgan_kit.core.training.trainer import Trainer\n"
        "def f():\n    from seqgan_kit.methods import seqgan\n    import image_gans.grids as g\n",
        encoding="utf-8",
    )
    found = ours(imports(path))
    assert found == {
        "seqgan_kit.core.training.trainer",
        "seqgan_kit.methods.seqgan",
        "image_gans.grids",
    }
    assert {room(m) for m in found} == {"seqgan_kit.core", "seqgan_kit.methods", "image_gans.grids"}


RUN = "from seqgan_kit.cli.main import main; assert main({}) == 0"


@pytest.mark.parametrize(
    "statement",
    [
        "import seqgan_kit",
        "import seqgan_kit.errors, seqgan_kit.resources, seqgan_kit.core.runs.log",
        "from seqgan_kit.report.run_page import write_report",
        RUN.format(["--help"]),
        RUN.format(["bleu", "--help"]),
        RUN.format(["bleu", "lines.txt", "--refs", "lines.txt"]),
        RUN.format(["self-bleu", "lines.txt"]),
        RUN.format(["ls"]),
    ],
)
def test_no_torch_is_loaded_where_nothing_is_computed(statement, tmp_path):
    (tmp_path / "lines.txt").write_text("a cat sat on the mat\nthe dog sat there\n" * 3)
    script = (
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{statement}\n"
        "heavy = {'torch', 'datasets', 'pyarrow', 'sentencepiece'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sources(*PACKAGES, "recipes"), ids=module_name)
def test_files_are_short_enough_to_read(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE_LINES, f"{lines} lines"


def test_names_say_what_is_inside():
    vague = re.compile(r"(^|_)(utils?|helpers?|managers?|misc|common)($|_)")
    named = [p for p in sources(*PACKAGES, "recipes", "tests") if vague.search(p.stem)]
    assert named == []
    classes = [
        f"{path.name}: {node.name}"
        for path in sources(*PACKAGES, "recipes")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Helper|Utils?)$", node.name)
    ]
    assert classes == []


def test_no_two_files_or_classes_have_one_name():
    paths = [path for path in sources(*PACKAGES) if path.stem != "__init__"]
    assert repeated(path.stem for path in paths) == []
    assert (
        repeated(
            node.name
            for path in paths
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        )
        == []
    )


def repeated(names: Iterable[str]) -> list[str]:
    return [name for name, times in collections.Counter(names).items() if times > 1]


def test_data_holds_no_python():
    assert list((ROOT / "data").rglob("*.py")) == []


def test_nothing_is_unpickled_and_no_code_comes_from_data():
    """torch.load always with weights_only=True; no pickle, no trust_remote_code, no eval; exec only for the
    command that runs a recipe's file."""
    for path in sources(*PACKAGES, "recipes"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not {m.split(".")[0] for m in imports(path)} & {
            "pickle",
            "dill",
            "cloudpickle",
            "joblib",
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name, keywords = ast.unparse(call.func), {k.arg: k.value for k in call.keywords}
            runs_recipes = path == ROOT / "seqgan_kit" / "cli" / "recipe_commands.py"
            assert name not in ("eval", "exec") or runs_recipes, path
            assert "trust_remote_code" not in keywords, path
            if name == "torch.load":
                assert ast.unparse(keywords["weights_only"]) == "True", path
            if name in ("np.load", "numpy.load"):
                assert "allow_pickle" not in keywords, path


def configs() -> list[tuple[str, type]]:
    """The frozen dataclasses of settings: those of the methods, and all that recipes' configurations hold."""
    found: dict[str, type] = {}
    for path in methods():
        module = importlib.import_module(module_name(path))
        found |= {
            f"{cls.__module__}.{cls.__name__}": cls
            for cls in vars(module).values()
            if dataclasses.is_dataclass(cls) and cls.__module__ == module.__name__
        }
    for path in sources("recipes"):
        for name in imports(path):
            if name.split(".")[0] not in PACKAGES:
                continue
            for cls in vars(importlib.import_module(name)).values():
                if isinstance(cls, type) and re.search(
                    r"(Config|Settings|Method|Data|Training|Techniques)$", cls.__name__
                ):
                    found[f"{cls.__module__}.{cls.__name__}"] = cls
    return [(n, c) for n, c in sorted(found.items()) if dataclasses.is_dataclass(c)]


CONFIGS = configs()


@pytest.mark.parametrize(("name", "config"), CONFIGS, ids=[name for name, _ in CONFIGS])
def test_settings_are_frozen_explained_and_read(name, config):
    """Every field has its help text under it, and is read by something: a setting that does nothing lies."""
    assert config.__dataclass_params__.frozen
    path = ROOT / (config.__module__.replace(".", "/") + ".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (body,) = (
        n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == config.__name__
    )
    explained = {
        field.target.id
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    fields = {field.name for field in dataclasses.fields(config)}
    assert fields <= explained, f"no help text: {sorted(fields - explained)}"
    assert fields <= ATTRIBUTES_READ, f"read by nothing: {sorted(fields - ATTRIBUTES_READ)}"


def attributes_read() -> set[str]:
    """Every name that is read off an object in the packages and recipes."""
    return {
        node.attr
        for path in sources(*PACKAGES, "recipes")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


ATTRIBUTES_READ = attributes_read()


def test_settings_of_every_room_are_under_this_rule():
    names = {config.__name__ for _, config in CONFIGS}
    assert {
        "RunSettings",
        "SeqGANMethod",
        "MLEMethod",
        "DCGANMethod",
        "LSTMConfig",
        "TextData",
    } <= names


@pytest.mark.parametrize("path", sources("recipes"), ids=lambda path: path.stem)
def test_recipes_do_no_maths_and_do_not_know_each_other(path):
    found = imports(path)
    assert not {m for m in found if m.split(".")[0] == "recipes"}
    stems = {other.stem for other in sources("recipes")}
    assert not {m for m in found if m in stems and "." not in m}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a recipe begins with its command lines"
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert "main" in functions


@pytest.mark.parametrize("path", sources("recipes"), ids=lambda path: path.stem)
def test_recipes_end_in_one_call(path):
    """What is written at the end, and by which process, is the same for all recipes of a kind."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"runtime\.leads|write_scores|player_after|save_\w+_model", text)


# Made by the library of settings that are checked (check_shape), and one with rules of its own.
CHECKED_ELSEWHERE = {
    "AutoencoderConfig",
    "BernoulliConfig",
    "CodedConfig",
    "ConditionalConfig",
    "DCGANConfig",
    "ModernConfig",
    "StyleConfig",
    "ResNetConfig",
    "RunSettings",
}
ALSO_CHECKED = (
    {"ImageData.size", "ImageData.channels", "TextData.vocabulary"}
    | {
        "ImagePairData.size",
        "ImagePairData.channels",
    }
    | {f"TextScoreSettings.{name}" for name in ("temperatures", "top_ks", "top_ps", "best_of")}
)


def bare_numbers(hint: object) -> bool:
    """Whether a type leaves a number without bounds."""
    if hint in (int, float):
        return True
    if typing.get_origin(hint) is Annotated and any(
        isinstance(part, Bounds) for part in typing.get_args(hint)
    ):
        return False
    return any(bare_numbers(part) for part in typing.get_args(hint))


@pytest.mark.parametrize(("name", "config"), CONFIGS, ids=[name for name, _ in CONFIGS])
def test_every_number_among_the_settings_states_its_bounds(name, config):
    """So that `--textcnn.dropout -1` is refused by the library, whatever the network."""
    if config.__name__ in CHECKED_ELSEWHERE or config.__name__.endswith("Pathwise"):
        return
    hints = typing.get_type_hints(config, include_extras=True)
    bare = {f"{config.__name__}.{field}" for field, hint in hints.items() if bare_numbers(hint)}
    assert bare <= ALSO_CHECKED
    if any(isinstance(part, Bounds) for hint in hints.values() for part in _parts(hint)):
        assert config.__post_init__.__module__ == "seqgan_kit.core.bounds", "without @bounded"


def _parts(hint: object) -> Iterator[object]:
    for part in typing.get_args(hint):
        yield part
        yield from _parts(part)

"""The rules that keep the code readable, held by tests."""

import ast
import contextlib
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "src" / "vpnet"
CORE = (
    "geometry",
    "recordings",
    "saliency",
    "dataset",
    "models",
    "training",
    "evaluation",
    "inference",
)
"""The forecast, from a recording to an error. It imports no wing."""

WINGS = (
    "studies",
    "questionnaires",
    "quest_pro",
    "simulation",
    "video",
    "paver",
    "alignment",
    "plots",
    "quality",
    "readers",
    "checkpoints",
    "runtime",
    "runs",
    "cli",
)
"""What surrounds the core: files, headsets, pictures, machines, commands."""

ORDER = CORE + WINGS
"""A package imports only what stands before it, and itself."""

EVERYWHERE = {
    "allowed_values",
    "errors",
    "settings",
    "table_files",
    "text_table",
    "viewer_ids",
    "whole_files",
}
"""Modules that every package may import, and which import none but each other."""

MODULES = sorted(SOURCE.rglob("*.py"))
CODE = [
    *MODULES,
    *sorted((REPOSITORY / "tests").rglob("*.py")),
    *sorted((REPOSITORY / "benchmarks").glob("*.py")),
    *sorted(REPOSITORY.glob("*.py")),
]


def imports(file: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever it does so."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide the order"
            assert node.module is not None
            yield node.module


def committed_files() -> list[Path]:
    """What git holds, and what it would be given next."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("not a git repository")
    names = [name for name in listed.stdout.split("\0") if name]
    files = [REPOSITORY / name for name in names]
    return [file for file in files if file.is_file() or file.is_symlink()]


def test_every_package_has_its_place():
    packages = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    assert packages == set(ORDER)
    modules = {path.stem for path in SOURCE.glob("*.py")} - {"__init__"}
    assert modules == EVERYWHERE


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_go_one_way(file):
    package = file.relative_to(SOURCE).parts[0]
    allowed = set(EVERYWHERE)
    if package in ORDER:
        allowed |= set(ORDER[: ORDER.index(package) + 1])
    for name in imports(file):
        parts = name.split(".")
        if parts[0] == "vpnet":
            assert len(parts) > 1, "import the module that is meant, not the whole package"
            assert parts[1] in allowed, f"{package} imports {name}"
        if parts[0] in ("hydra", "omegaconf"):
            assert package == "cli", "only commands read configurations; classes take arguments"


def test_the_picture_of_imports():
    """Which packages each imports; ``pytest -k picture -s`` prints it."""
    picture = {package: set() for package in ORDER}
    for file in MODULES:
        package = file.relative_to(SOURCE).parts[0]
        if package in picture:
            picture[package] |= {
                name.split(".")[1] for name in imports(file) if name.startswith("vpnet.")
            }
    print()
    for package in ORDER:
        others = [name for name in ORDER if name in picture[package] - {package}]
        print(f"{'core' if package in CORE else 'wing'} {package:15} <- {', '.join(others) or '-'}")
        if package in CORE:
            assert not set(others) & set(WINGS), f"the core imports no wing, {package} does"


def needed_by(package: str) -> set[str]:
    """Whatever the modules of a package import, in turn, wherever they do so."""
    found: set[str] = set()
    waiting = [f"vpnet.{package}.{file.stem}" for file in SOURCE.glob(f"{package}/*.py")]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        parts = name.split(".")
        if parts[0] != "vpnet":
            continue
        # A module brings its packages along.
        waiting += [".".join(parts[:length]) for length in range(1, len(parts))]
        path = SOURCE.joinpath(*parts[1:])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                waiting += imports(file)
    return found


def test_models_import_no_trainer():
    """A network can be used where Lightning is not installed."""
    outside = {name.split(".")[0] for name in needed_by("models")} - {"vpnet"}
    assert "torch" in outside
    assert not {name for name in outside if "lightning" in name}
    assert "pytorch_lightning" in needed_by("training"), "it would be found"


@pytest.mark.slow
def test_models_need_no_trainer():
    """Nor does a package that they need bring it along."""
    names = ", ".join(
        f"vpnet.models.{file.stem}" for file in SOURCE.glob("models/*.py") if file.stem[0] != "_"
    )
    program = f"import sys, {names}; print(sorted(set(sys.modules) & {{'pytorch_lightning'}}))"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_files_stay_short(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 500


def test_names_say_what_is_inside():
    vague = re.compile(r"(util|helper|common|misc)s?$")
    assert not [file for file in CODE if vague.search(file.stem)]


PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


@pytest.mark.parametrize("file", [*MODULES, *PAGES], ids=lambda file: file.name)
def test_names_in_prose_exist(file):
    """Whatever prose calls ``vpnet.package.module.Name`` can be imported; the log may be older."""
    if file.name == "LOG.md":
        return
    for name in re.findall(r"`(vpnet(?:\.\w+)+)`", file.read_text(encoding="utf-8")):
        assert exists(name), name


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or what can be reached in one."""
    module, _, rest = name.rpartition(".")
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
        return True
    while module:
        with contextlib.suppress(ImportError):
            found = importlib.import_module(module)
            for part in rest.split("."):
                if not hasattr(found, part) and part not in getattr(found, "__annotations__", {}):
                    return False
                found = getattr(found, part, None)
            return True
        module, _, last = module.rpartition(".")
        rest = f"{last}.{rest}"
    return False


def test_no_name_has_two_subjects():
    names = [file.name for file in MODULES if file.stem != "__init__"]
    assert not {name for name in names if names.count(name) > 1}


def test_tests_mirror_the_package():
    """A test file has the name of what it tests, or tests a promise of the whole repository."""
    whole = {"architecture", "bad_input", "configs", "future", "predict", "readme", "notebooks"}
    whole |= {"train", "train_options", "endings", "kills", "makefile"}
    whole |= {"hostile_checkpoints", "people_in_checkpoints", "extending", "planted_faults"}
    for file in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        inside = file.relative_to(REPOSITORY / "tests")
        tested = SOURCE / inside.with_name(file.name.removeprefix("test_"))
        if len(inside.parts) == 1:
            assert tested.is_file() or file.stem.removeprefix("test_") in whole, inside
        else:
            assert tested.parent.is_dir(), inside


def test_no_file_knows_a_machine_or_a_registry():
    """Nothing that is committed names a folder of one machine, or where packages came from."""
    machine = re.compile(r"(?<![\w.])/(?:home|Users|root|work|mnt|scratch)/[\w.-]+")
    registry = re.compile(r"(?:index-url|pypi\.|/simple\b|artifactory)")
    found = []
    for file in committed_files():
        if file.suffix in (".png", ".parquet", ".ckpt", ".npy") or file == Path(__file__):
            continue
        if file.is_symlink():
            continue  # refused below
        text = file.read_text(encoding="utf-8")
        allowed = file.name == "Makefile"  # it refuses addresses, and so names them
        found += [f"{file}: {match}" for match in machine.findall(text)]
        found += [f"{file}: {match}" for match in registry.findall(text) if not allowed]
    assert not found


def test_no_link_is_committed():
    """Where it leads is a folder of one machine, and whoever checks it out may lose his own."""
    assert not [file for file in committed_files() if file.is_symlink()]


@pytest.mark.parametrize("cuda", ["12", "13"])
def test_pinned_packages_are_names_and_versions(cuda):
    name = "requirements.txt" if cuda == "12" else f"requirements-cuda{cuda}.txt"
    lines = (REPOSITORY / name).read_text().splitlines()
    for line in lines:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+( ; .+)?$", line), line
        assert "://" not in line
    pinned = {line.partition("==")[0] for line in lines}
    assert {"torch", "torchvision", "torchcodec"} <= pinned
    torch = [line for line in lines if line.startswith("torch==")]
    minors = {int(line.partition("==")[2].split(".")[1]) for line in torch}
    # The torch on PyPI is built for CUDA 12 up to 2.10, for CUDA 13 from 2.11 on.
    assert all(minor <= 10 if cuda == "12" else minor >= 11 for minor in minors)

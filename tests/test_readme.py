"""Every command of README.md and of the pages in docs/ is run, small; an unknown one fails."""

import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from vpnet.cli.app import app
from vpnet.studies.exclusions import write_exclusions
from vpnet.video.video_file import video_writer

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/GUIDE.md", "docs/RESULTS.md")
SCRIPTS = ("train.py", "predict.py")
HYDRAS = ("train", "predict")
"""Commands of vpnet that are these scripts."""

RANDOM_PAVER = (
    "saliency.random_weights=true",
    "saliency.width=32",
    "saliency.depth=1",
    "saliency.heads=2",
)
"""PAVER with random weights and a small encoder, in place of its released weights."""


def blocks(language: str) -> list[str]:
    """The code blocks of all pages in a language."""
    texts = [(REPOSITORY / page).read_text(encoding="utf-8") for page in PAGES]
    pattern = rf"^```{language}\n(.*?)^```"
    return [
        block for text in texts for block in re.findall(pattern, text, re.MULTILINE | re.DOTALL)
    ]


def commands() -> list[str]:
    """Lines of the bash blocks, each once, continued lines joined, comments left out."""
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return list(dict.fromkeys(shlex.join(line) for line in words if line))


COMMANDS = commands()
(STUDY,) = blocks("yaml")
"""The configuration file of a study that the guide shows."""


def of(*first_words: str) -> list[str]:
    return [line for line in COMMANDS if line.startswith(tuple(f"{word} " for word in first_words))]


def train_commands() -> list:
    """To evaluate, and to train the small demo on, is quick; other training and sweeps are not."""
    quick = ("fit=false", "stage=", "resume=true", "+study=")
    return [
        pytest.param(line, marks=() if any(word in line for word in quick) else pytest.mark.slow)
        for line in of("python train.py", "vpnet train")
    ]


@pytest.fixture(scope="session")
def videos(tmp_path_factory) -> Path:
    """Folder of one short film, grey and simulated, of a video of the simulated study."""
    folder = tmp_path_factory.mktemp("films") / "videos"
    with video_writer(folder / "simulated_01.mp4", 256, 128, 30.0) as add:
        for number in range(12):
            add(torch.full((3, 128, 256), 100 + number, dtype=torch.uint8))
    return folder


@pytest.fixture(scope="session")
def maps(videos, run_script, tmp_path_factory) -> Path:
    """Folder of its maps, made with random weights."""
    folder = tmp_path_factory.mktemp("made") / "maps"
    settings = (*RANDOM_PAVER, "clip=sampled")
    ended = run_script(
        "predict.py", "predict=saliency", f"videos={videos}", f"output={folder}", *settings
    )
    assert ended.code == 0, ended.err
    return folder


@pytest.fixture(scope="session")
def lstm_run(smoke_train, tmp_path_factory) -> Path:
    """Folder of a finished run of the LSTM, as the guide trains it; not to be written to."""
    return smoke_train(tmp_path_factory.mktemp("runs") / "lstm", "model=lstm", "split=cross_user")


@pytest.fixture
def served(videos) -> Iterator[str]:
    """Address of a server on this machine that has the film."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(videos))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def prepare(tmp_path, simulated_study, request, monkeypatch) -> Callable[[str], list[str]]:
    """Function that provides the files a command names, and gives its arguments, mended.

    Runs are copies of one smoke run, of one of the general stage or of one of the LSTM; simulated
    studies are one tiny study, and what lies under ../shared is looked for where the real
    recordings are. PAVER has random weights, and a list of videos names a server on this
    machine.
    """
    monkeypatch.chdir(tmp_path)

    def mend(word: str) -> str:
        name, equals, value = word.rpartition("=")
        if value.startswith("../shared/"):
            shared = request.getfixturevalue("shared")
            return f"{name}{equals}{shared / value.removeprefix('../shared/')}"
        if word == "+study=mine":
            Path("study").mkdir()
            Path("study", "mine.yaml").write_text(STUDY, encoding="utf-8")
            (root,) = re.findall(r"root: (.*)", STUDY)
            mend(f"data.root={root}")
        if value == "videos.csv":
            address = request.getfixturevalue("served")
            Path(value).write_text(f"name,link\nsimulated_01,{address}/simulated_01.mp4\n")
        parts = Path(value).parts
        if (
            parts[:1] in (("videos",), ("maps",))
            and name != "output"
            and not Path(parts[0]).exists()
        ):
            shutil.copytree(request.getfixturevalue(parts[0]), parts[0])
        if parts[:1] == ("runs",) and len(parts) > 1 and name != "hydra.run.dir":
            made = {"general": "general_run", "lstm": "lstm_run"}
            run = made.get(parts[1], "fusion_run")
            shutil.copytree(request.getfixturevalue(run), Path(*parts[:2]), dirs_exist_ok=True)
        if parts[:1] == ("simulated",) and not Path(*parts[:2]).exists():
            Path("simulated").mkdir(exist_ok=True)
            Path(*parts[:2]).symlink_to(simulated_study)
        if name == "data.exclude" and not Path(value).exists():
            write_exclusions(value, [])
        return word

    def arguments(line: str) -> list[str]:
        words = shlex.split(line)
        program = 2 if words[0] == "python" or words[1] in HYDRAS else 1
        spread = []
        for word in words[program:]:
            # A pattern of videos is the command's own to resolve.
            if word.startswith("saliency.checkpoint="):
                spread += RANDOM_PAVER
                continue
            is_spread = "*" in word and not word.startswith("videos=")
            spread += [word.replace("*", number) for number in "12"] if is_spread else [word]
        return [mend(word) for word in spread]

    return arguments


def test_the_tables_are_those_of_the_files():
    subprocess.run(
        [sys.executable, "benchmarks/result_tables.py", "--check"], cwd=REPOSITORY, check=True
    )


def test_the_readme_is_short():
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_pages_have_commands():
    assert len(COMMANDS) >= 8
    known = of("make", "source", "vpnet", *(f"python {script}" for script in SCRIPTS))
    unknown = sorted(set(COMMANDS) - set(known))
    assert not unknown, "teach this test to run them, or leave them out of the page"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("line", of("make"))
def test_make(line):
    _, *targets = shlex.split(line)
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", makefile, flags=re.MULTILINE)
    ended = subprocess.run(
        ["make", "--dry-run", *targets], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("line", train_commands())
def test_train(line, prepare, run_script, smoke_settings, tiny_settings, tmp_path):
    replaced = tuple(setting.split("=")[0] + "=" for setting in smoke_settings)
    arguments = [word for word in prepare(line) if not word.startswith(replaced)]
    if "+study=mine" in arguments:
        arguments += ["--config-dir", "."]
    elif not any(word.startswith("data=") for word in arguments):
        replaced = tuple(setting.split("=")[0] + "=" for setting in tiny_settings)
        arguments = [word for word in arguments if not word.startswith(replaced)]
        arguments += tiny_settings
    if "resume=true" in arguments:
        arguments.append("trainer.max_epochs=2")
    ended = run_script("train.py", *arguments, *smoke_settings, folder=tmp_path)
    assert ended.code == 0, ended.err
    folders = re.findall(r"^run folder: (.*)$", ended.out, flags=re.MULTILINE)
    assert len(folders) == (6 if "-m" in arguments else 1)
    for folder in folders:
        assert (Path(folder) / "errors.parquet").is_file()


@pytest.mark.parametrize("line", of("python predict.py", "vpnet predict"))
def test_predict(line, prepare, run_script, tmp_path):
    arguments = prepare(line)
    ended = run_script("predict.py", *arguments, folder=tmp_path)
    assert ended.code == 0, ended.err
    (output,) = (word.split("=")[1] for word in arguments if word.startswith("output="))
    assert Path(output).exists()


@pytest.mark.parametrize("line", [line for line in of("vpnet") if line.split()[1] not in HYDRAS])
def test_vpnet(line, prepare):
    arguments = shlex.split(line)[1:]
    if arguments[0] == "simulate":
        arguments += ["--users", "2", "--videos", "1", "--duration-s", "12"]
    else:
        arguments = prepare(line)
    ended = CliRunner().invoke(app, arguments)
    # The doctor ends with 1 where something of this machine does not work.
    assert ended.exit_code in ((0, 1) if arguments[0] == "doctor" else (0,)), ended.output

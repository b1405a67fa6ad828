"""What the README names is there, and what it tells to type is accepted."""

import re
import shlex
import subprocess
import sys

import pytest

import evaluate
import main as main_script
import measure_pass_rates
import plot_result
import prepare_data
import show_rollouts
from data_augment.training.experiment_yaml import compose
from safe_files import REPO
from tests.conftest import write_taskset
from tests.figure.test_plot_result import write_run

DOCUMENTS = ["README.md", *(f"docs/{path.name}" for path in (REPO / "docs").glob("*.md"))]
# beside the data, and in a run's folder
MADE = {"prepare_report.json", "config.yaml", "metrics.jsonl"}
MADE |= {"selector/", "rollouts/", "monitor/", "log/", "global_step_N/"}


def blocks(name: str, language: str) -> list[str]:
    """The code blocks of a document in a language, "" for those that name none."""
    found = re.findall(r"```(\w*)\n(.*?)```", (REPO / name).read_text(), re.DOTALL)
    return [block for marked, block in found if marked == language]


def commands(name: str) -> list[str]:
    lines = "\n".join(blocks(name, "bash")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line]


COMMANDS = list(dict.fromkeys(line for name in DOCUMENTS for line in commands(name)))


@pytest.mark.parametrize("name", [*DOCUMENTS, "README_zh.md"])
def test_files_and_links_exist(name):
    text = (REPO / name).read_text()
    for link in re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", text):
        assert ((REPO / name).parent / link).exists(), link
    named = re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|yaml|txt|in|md|jpg|csv|jsonl))`", text)
    folders = re.findall(r"`((?:[\w-]+/)+)`", text)
    for path in {*named, *folders} - MADE:
        assert (REPO / path).exists(), path


def test_the_map_lists_every_command_and_folder():
    tree = blocks("README.md", "")[-1]
    scripts = [path.name for path in REPO.glob("*.py")]
    folders = [f"{path.parent.name}/" for path in REPO.glob("*/__init__.py")]
    assert len(scripts) >= 5
    assert [name for name in [*scripts, *folders] if name not in tree and name != "tests/"] == []


def test_the_chinese_readme_has_the_same_sections_commands_and_numbers():
    english, chinese = ((REPO / name).read_text() for name in ("README.md", "README_zh.md"))
    assert re.findall(r"^#+ ", english, re.MULTILINE) == re.findall(r"^#+ ", chinese, re.MULTILINE)
    for language in ("bash", "yaml", ""):
        assert blocks("README.md", language) == blocks("README_zh.md", language)
    table = re.compile(r"<!-- results.*?<!-- end of results -->", re.DOTALL)
    assert table.findall(english) == table.findall(chinese) != []


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_accepted(workplace, command):
    """Each runs as far as it does without a GPU, the network, a server or hours."""
    comment = command.partition("#")[2]
    words = shlex.split(command.partition(" > ")[0], comments=True)
    ours = ("config_", "results/")
    match [str(REPO / word) if word.startswith(ours) else word for word in words]:
        case ["make", target]:
            subprocess.run(["make", "-n", target], cwd=REPO, check=True, capture_output=True)
        case ["python", "main.py", *arguments] if "laptop" in arguments:
            args = main_script.parse_args(arguments)
            compose(args.config, args.profile, args.overrides)
        case ["python", "main.py", *arguments]:
            assert "--check" in arguments or "GPU" in comment
            write_taskset(workplace / "data/mine/train.parquet")
            assert main_script.main([*arguments, "--check", "--no-gpu-check"]) == 0
        case ["python", "prepare_data.py", *arguments]:
            assert "network" in comment or "--source" in arguments
            prepare_data.parse_arguments(arguments)
        case ["python", "measure_pass_rates.py", *arguments]:
            args = measure_pass_rates.parse_arguments(arguments)
            assert "network" in comment or all(
                "127.0.0.1" in u for *_, us in args.model for u in us
            )
        case ["python", "evaluate.py", *arguments]:
            evaluate.parse_arguments(arguments)
        case ["python", "plot_result.py", "--selection"]:
            plot_result.parse_args(["--selection"])
        case ["python", "plot_result.py", *arguments]:
            write_run(workplace / "checkpoints/Data-Augmentation/r", {"selector_type": "random"})
            assert plot_result.main(arguments) == 0
        case ["python", "show_rollouts.py", *arguments]:
            show_rollouts.parse_args(arguments)
        case ["python", "-m", module, *_]:
            done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=REPO)
            assert done.returncode == 0
        case ["pip", "install", *_, "-r", lock]:
            assert (REPO / lock).exists()
        case _:
            assert "GPU" in comment or command.startswith("python3.11 -m venv .venv && .")


def test_the_commands_are_found():
    assert len(COMMANDS) > 20
    assert sum(command.startswith("python main.py") for command in COMMANDS) >= 6


def test_the_yaml_shown_is_that_of_the_configurations():
    """The snippets are cut out of the shipped files: each line stands there."""
    shipped = "\n".join(
        (REPO / f"config_{kind}.yaml").read_text() for kind in ("random", "difficulty")
    )
    lines = {line.partition("#")[0].strip() for line in shipped.splitlines()}
    for block in blocks("README.md", "yaml"):
        shown = {line.partition("#")[0].strip() for line in block.splitlines()} - {"", "# ..."}
        assert shown <= lines

"""What the README names is there, and what it tells to type is accepted."""

import re
import shlex
import subprocess
import sys

import pytest

import main as main_script
import measure_pass_rates
import plot_result
import prepare_data
from data_augment.training.experiment_yaml import REPO, compose
from tests.conftest import write_taskset
from tests.figure.test_plot_result import write_run

README = (REPO / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line]
MINE = ("mine", "my.")  # the reader's own files


def test_files_and_links_exist():
    linked = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    named = re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|yaml|txt|in|md|jpg|csv))`", README)
    folders = re.findall(r"`((?:results|profiles|examples|laptop|no_vllm|tests)/)`", README)
    assert len(linked) > 0 and len(named) > 10 and len(folders) > 1
    made = ("config.yaml", "prepare_report.json")  # beside a run, beside the data
    for name in {*linked, *named, *folders} - {*made}:
        assert (REPO / name).exists(), name


def test_the_map_lists_every_script():
    tree = README.partition("## What is where")[2].partition("```bash")[0]
    scripts = sorted(path.name for path in REPO.glob("*.py"))
    assert [name for name in scripts if name not in tree] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_accepted(workplace, command):
    """Each runs as far as it does without a GPU, the network, a server or hours."""
    comment = command.partition("#")[2]
    words = shlex.split(command, comments=True)
    match [str(REPO / word) if word.startswith("config_") else word for word in words]:
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
        case ["python", "plot_result.py", *arguments]:
            write_run(workplace / "checkpoints/Data-Augmentation/r", {"selector_type": "random"})
            assert plot_result.main(arguments) == 0
        case ["python", "-m", module]:
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
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL):
        shown = {line.partition("#")[0].strip() for line in block.splitlines()} - {"", "# ..."}
        assert shown <= lines

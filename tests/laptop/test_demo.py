"""`make demo`: its stages in order, with commands that the doors accept, and nothing left behind."""

import signal
import socket
import subprocess
import sys

import pytest

import measure_pass_rates
import show_rollouts
from data_augment.training.experiment_yaml import compose
from laptop import demo
from laptop.server.process import start_server
from safe_files import REPO

URL = "http://127.0.0.1:12345"


class FakeServer:
    """What stands for the server's process: counts how often it was ended."""

    def __init__(self):
        self.ended = 0

    def terminate(self):
        self.ended += 1

    def wait(self):
        return 0


@pytest.fixture
def stages(monkeypatch, tmp_path):
    """The commands that a demo runs, in order, none of them run; `failing` is one that fails."""

    class Stages(list):
        failing = None
        failure = None
        server = FakeServer()

        def run(self, command, check):
            self.append(command[1:])
            if self.failing in command:
                raise self.failure or subprocess.CalledProcessError(3, command)

    stages = Stages()

    def start(models, state, log):
        stages.append(["server", str(models)])
        return stages.server, URL

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo.subprocess, "run", stages.run)
    monkeypatch.setattr(demo, "start_server", start)
    monkeypatch.setattr(demo, "end_on_sigterm", lambda: None)
    return stages


def test_stages_come_in_order_and_the_server_ends(stages):
    assert demo.main() == 0
    doors = [stage[0] if stage[0] != "-m" else stage[1] for stage in stages]
    assert doors == [
        *["laptop.make_base", "server", "measure_pass_rates.py"],
        *["main.py", "main.py", "plot_result.py", "show_rollouts.py"],
    ]
    configs = [stage[2] for stage in stages if stage[0] == "main.py"]
    assert configs == ["config_random.yaml", "config_difficulty.yaml"]
    assert stages.server.ended == 1


@pytest.mark.parametrize("door", ["measure_pass_rates.py", "config_difficulty.yaml"])
def test_a_failing_stage_ends_the_demo_with_its_status(stages, door):
    stages.failing = door
    assert demo.main() == 3
    assert door in stages[-1]
    assert stages.server.ended == 1


def test_ctrl_c_ends_the_server_and_the_demo(stages):
    stages.failing, stages.failure = "config_random.yaml", KeyboardInterrupt()
    assert demo.main() == 130
    assert stages.server.ended == 1


def test_nothing_is_started_where_the_models_cannot_be_made(stages):
    stages.failing = "laptop.make_base"
    assert demo.main() == 3
    assert len(stages) == 1
    assert stages.server.ended == 0


def composed_by_main(arguments):
    """The configuration that main.py makes of its arguments."""
    _, config, _, profile, *overrides = arguments
    return compose(str(REPO / config), profile, overrides)


def test_commands_are_those_of_the_doors_and_go_to_the_own_server(stages):
    demo.main()
    measure, *trainings = [stage for stage in stages if stage[0].endswith(".py")][:3]
    args = measure_pass_rates.parse_arguments(measure[1:])
    assert args.samples == 16
    assert URL in str(args.model) and URL in str(args.candidate)
    for training in trainings:
        config = composed_by_main(training[1:])
        assert config.model.tinker.base_url == URL
        assert demo.RUNS.endswith(config.group)
        assert config.model.model_path == str(demo.DATA / "models/base")
    assert stages[-1][0] == "show_rollouts.py"
    shown = show_rollouts.parse_args(stages[-1][1:])
    assert shown.learned
    assert shown.run == f"checkpoints/{config.project}/{config.group}/{config.name}"


def test_a_server_that_has_the_port_already_is_not_taken_for_ours(tmp_path):
    (tmp_path / "models/tiny").mkdir(parents=True)
    (tmp_path / "models/tiny/config.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(subprocess.CalledProcessError):
            start_server(tmp_path / "models", tmp_path / "state", tmp_path / "log", taken)
    assert f"port {taken}" in (tmp_path / "log").read_text()


def test_sigterm_unwinds_the_demo():
    code = (
        "import time; from laptop.demo import end_on_sigterm; end_on_sigterm()\n"
        "try: print('begun', flush=True); time.sleep(60)\n"
        "finally: print('ended')"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as demo_process:
        assert demo_process.stdout.readline() == "begun\n"
        demo_process.terminate()
        assert demo_process.stdout.read() == "ended\n"
    assert demo_process.returncode == 128 + signal.SIGTERM

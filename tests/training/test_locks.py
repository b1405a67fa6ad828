"""Both locks hold what their sources ask for; no network."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from safe_files import REPO


def requirements(name):
    """Requirements of a file and of those that it includes, by package."""
    found = {}
    for line in (REPO / name).read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-r "):
            found |= requirements(line.removeprefix("-r "))
        elif line:
            requirement = Requirement(line)
            found[requirement.name.lower()] = requirement
    return found


@pytest.mark.parametrize(
    ("lock", "source", "overrides"),
    [
        ("requirements.txt", "requirements.in", {}),
        ("requirements-gpu.txt", "requirements-gpu.in", requirements("requirements-gpu.overrides")),
    ],
)
def test_a_lock_pins_what_its_source_asks_for(lock, source, overrides):
    pins = requirements(lock)
    assert all(str(pin.specifier).startswith("==") for pin in pins.values())
    wanted = requirements(source) | overrides
    assert len(wanted) > 20
    for name, requirement in wanted.items():
        version = str(pins[name].specifier).removeprefix("==")
        assert requirement.specifier.contains(version), f"{requirement}, but {version} is locked"


def test_one_version_of_what_both_sets_share_but_for_what_vllm_decides():
    laptop, gpu = requirements("requirements.txt"), requirements("requirements-gpu.txt")
    for name in ("agentscope", "trinity-rft", "verl", "ray", "tinker", "transformers", "pyarrow"):
        assert laptop[name].specifier == gpu[name].specifier
    assert {"vllm", "torch"} <= gpu.keys()
    assert "vllm" not in laptop


def test_the_gpu_lock_has_the_tensordict_that_verl_asserts_at_its_first_step():
    """verl 0.8.0 allows 0.8 in its metadata; DataProto.to_tensordict fails below 0.10."""
    folder = Path(find_spec("verl").origin).parent  # without its import, which takes seconds
    sources = [folder / "protocol.py", folder / "utils/tensordict_utils.py"]
    asserted = re.compile(r'assert .*tensordict\.__version__\) >= .*\("([\d.]+)"\)')
    minimums = [Version(v) for path in sources for v in asserted.findall(path.read_text())]
    assert minimums
    locked = Version(str(requirements("requirements-gpu.txt")["tensordict"].specifier)[2:])
    assert locked >= max(minimums)

"""Small inputs that several tests share, and walls around all tests: no network, no user's cache."""

import os
import re
import shutil
import socket
import sys
import tempfile

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# One folder for the caches of all tests. Set before anything reads it, for subprocesses and for
# the workers of pytest-xdist, which inherit it.
if "TEST_CACHES" not in os.environ:
    os.environ["TEST_CACHES"] = tempfile.mkdtemp(prefix="test-caches-")
CACHES = os.environ["TEST_CACHES"]
os.environ["HF_HOME"] = f"{CACHES}/huggingface"
os.environ["MPLCONFIGDIR"] = f"{CACHES}/matplotlib"
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"  # nobody answers; a test may name a server
os.environ["OMP_NUM_THREADS"] = "1"  # torch's threads wait for each other where others compute
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"


SLOW_FILE = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path, config):
    """`-m "not slow"` does not even import a file of slow tests: torch, peft, transformers."""
    if config.option.markexpr == "not slow" and collection_path.suffix == ".py":
        return True if SLOW_FILE.search(collection_path.read_text()) else None
    return None


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):  # not in a worker of pytest-xdist: others still run
        shutil.rmtree(CACHES, ignore_errors=True)


def own_addresses():
    """The addresses of this machine; "" stands for all of them."""
    found = {"", "localhost"}
    for addresses in psutil.net_if_addrs().values():
        found.update(address.address for address in addresses)
    return found


OWN = own_addresses()


@pytest.fixture(autouse=True)
def no_logger_of_another_test(monkeypatch):
    """Trinity 0.6.0 gives the logger of a process's first actor, and its stdout, to all others."""
    log = sys.modules.get("trinity.utils.log")
    if log is not None:
        monkeypatch.setattr(log, "_ray_logger", None)
        log._ray_logger_ctx.set(None)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A test's own process gets the error of a machine without a network."""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def connect_here(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in OWN:
            raise OSError(101, f"Network is unreachable: {address[0]} (tests/conftest.py)")
        return connect(self, address)

    def find_here(host, *arguments, **options):
        if host and (host if isinstance(host, str) else host.decode()) not in OWN:
            raise socket.gaierror(
                socket.EAI_AGAIN, f"no name server for {host} (tests/conftest.py)"
            )
        return getaddrinfo(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    monkeypatch.setattr(socket, "getaddrinfo", find_here)


def write_taskset(path, rows=40, **columns):
    """A GSM8K-format parquet of sums with two pass-rate columns; `columns` replace or (None) drop."""
    table = {
        "question": [f"{i}+{i}=" for i in range(rows)],
        "answer": [f"#### {2 * i}" for i in range(rows)],
        "qwen2.5_7b_pass_rate": [(i % 9) / 8 for i in range(rows)],
        "qwen3_30b_pass_rate": [max(i % 9, 4) / 8 for i in range(rows)],
    } | columns
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({k: v for k, v in table.items() if v is not None}), path)
    return path.parent


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the two default datasets and a model folder; the current directory of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRINITY_MODEL_PATH", str(tmp_path / "model"))
    for name in ("RAY_ADDRESS", "TINKER_API_KEY", "TRINITY_CHECKPOINT_ROOT_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    write_taskset(tmp_path / "data/math/train.parquet")
    write_taskset(
        tmp_path / "data/aime24/test.parquet",
        rows=3,
        question=["What is 2^10?", "What is 3^4?", "What is 5^3?"],
    )
    return tmp_path

"""The local Tinker server as a child process, which says itself where it listens."""

import re
import subprocess
import sys
from pathlib import Path

from safe_files import REPO

READY = re.compile(r"ready at (http://\S+),")


def start_server(
    models: Path, state: Path, log: Path, port: int = 0
) -> tuple[subprocess.Popen, str]:
    """Start a server and wait until it takes requests.

    Its address is read from its own first line, so that no other server is taken for it, and no
    proxy is asked.

    Args:
        log: file that its errors are appended to.
        port: 0 takes a port that is free.

    Returns:
        the process, which the caller ends, and its address.

    Raises:
        subprocess.CalledProcessError: it ended before; the log says why.
    """
    command = [sys.executable, "-m", "laptop.server", "--port", str(port)]
    command += ["--models", str(models.absolute()), "--state", str(state.absolute())]
    with open(log, "a") as errors:
        server = subprocess.Popen(
            command, cwd=REPO, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8"
        )
    ready = READY.search(server.stdout.readline())  # an empty line if it ends
    if ready is None:
        raise subprocess.CalledProcessError(server.wait(), command)
    return server, ready[1]

"""A local Tinker server: Trinity's tinker engine trains and samples small models without a GPU.

    python -m laptop.server             # data/laptop/models, port 8765 as in profiles/laptop.yaml
    python -m laptop.server --port 0    # on any free port

It speaks the JSON of tinker 0.20.0 and, for the same models, OpenAI's chat completions. Training is
LoRA, with the rank and the layers that the client asks for. Every snapshot is one file under
--state, written whole and never changed. The server listens on 127.0.0.1 only, and prints its
address when it takes requests.
"""

import argparse
import signal
import socket
import sys
from pathlib import Path

from laptop.server.paths import model_names


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    names = model_names(args.models)
    if not names:
        return refuse(f"no model under {args.models}; make them: python -m laptop.make_base")
    try:
        listener = bind(args.port)
    except (OSError, OverflowError) as error:
        return refuse(
            f"port {args.port}: {error}; end the server that has it, or give another --port"
        )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again after its shutdown
        signal.signal(number, lambda *_: sys.exit(0))
    serve(args.models, args.state, listener, names)
    return 0


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("laptop.server", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("data/laptop/models"),
        help="folder of the models (default: %(default)s)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path("data/laptop/server"),
        help="folder of the snapshots (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8765,
        help="port on 127.0.0.1, 0 for any free one (default: %(default)s)",
    )
    return parser.parse_args(argv)


def refuse(message: str) -> int:
    print(f"laptop.server: {message}", file=sys.stderr)
    return 2


def bind(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def serve(models: Path, state: Path, listener: socket.socket, names: list[str]) -> None:
    """Serve until a signal comes; the address is printed once a client may connect."""
    import uvicorn

    from laptop.server.app import create_app

    app = create_app(models, state)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    listener.listen(128)  # before the line is printed: who reads it may connect
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(f"Tinker server ready at {address}, models: {', '.join(names)}", flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())

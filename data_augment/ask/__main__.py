"""Ask a model one question, with the agent and the judge of the training.

    python -m data_augment.ask checkpoints/Data-Augmentation/laptop/Random-Selector "47+38"
    python -m data_augment.ask my-model "What is 12 + 30?" --answer 42
    python -m data_augment.ask Qwen/Qwen3-0.6B@http://localhost:8000/v1 "What is 12 + 30?"

It prints every turn of the agent, what the judge reads, and with --answer its verdict.

Exit status: 0 answered, whether right or wrong; 1 the model does not answer; 2 bad input.
"""

import asyncio
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.pass_rates.arguments import add_server_arguments, count, number, read_key
from data_augment.pass_rates.errors import Unanswered
from data_augment.terminal import replace_unprintable


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(
        "data_augment.ask", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "model",
        help="a model folder, a run (its newest checkpoint), MODEL@URL, or the URL of a server of "
        "one model",
    )
    parser.add_argument("question")
    parser.add_argument("--answer", metavar="GOLD", help="the right answer, for the verdict")
    parser.add_argument(
        "--temperature", type=number(0), default=0.0, help="0: the likeliest (default: %(default)s)"
    )
    parser.add_argument(
        "--max-tokens", type=count, default=4096, help="of a response (default: %(default)s)"
    )
    add_server_arguments(parser)
    args = parser.parse_args(argv)
    args.api_key = read_key(args.api_key_env, parser)
    return args


async def ask(args: Namespace) -> None:
    """Let the agent answer, and print it. Raises BadInput and Unanswered."""
    from data_augment.checkpoints import is_run
    from data_augment.evaluation.targets import find_served
    from data_augment.pass_rates.endpoints import Endpoints
    from data_augment.pass_rates.sampled_agent import AgentClient, SharedRequest, agent_model

    path = Path(args.model)
    if path.is_dir() and not is_run(path):
        from data_augment.ask.folder_model import FolderModel

        show("model", f"{path}, in this process")
        await answer(args, FolderModel(path, args.temperature, args.max_tokens))
        return
    served = find_served(args.model)
    show("model", f"{served.model} at {', '.join(served.urls)}")
    settings = {"temperature": args.temperature, "max_tokens": args.max_tokens}
    async with Endpoints(served.urls, args.api_key, args.timeout) as endpoints:
        await endpoints.check()
        client = AgentClient(SharedRequest(partial(endpoints.ask, 0), 1), 0)
        await answer(args, agent_model(served.model, settings, client))


async def answer(args: Namespace, model) -> None:
    """Run the agent on an AgentScope chat model; print its turns and the verdict."""
    from agentscope.agent import ReActAgent

    from math_agent import gsm8k_judge, run_react_agent
    from math_agent.answers import boxed

    show("question", args.question)
    ReActAgent.register_class_hook("post_reasoning", "ask", print_turn)
    try:
        output = await run_react_agent({"question": args.question}, model)
    finally:
        ReActAgent.remove_class_hook("post_reasoning", "ask")
    read = boxed(output.response.get_text_content())
    show("read", "no \\boxed{} with an answer" if read is None else read)
    if args.answer is None:
        return
    verdict = await gsm8k_judge({"answer": args.answer}, output.response)
    show("gold", args.answer)
    show("verdict", f"{'right' if verdict.reward == 1 else 'wrong'} (reward {verdict.reward:g})")


def print_turn(agent, inputs: dict, message) -> None:
    """What the model wrote in one turn: thoughts, text, calls of tools."""
    for block in message.get_content_blocks():
        if block["type"] == "thinking":
            show("thought", block["thinking"])
        elif block["type"] == "text":
            show("agent", block["text"])
        else:
            show(block["type"], str(block))


def show(name: str, text: str) -> None:
    """A named text; its further lines stand below the first one."""
    print(f"{name:<10} {text.strip()}".replace("\n", f"\n{' ' * 11}"), flush=True)


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    replace_unprintable()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # its advice is not for this command
    try:
        asyncio.run(ask(args))
        return 0
    except (BadInput, OSError) as error:
        print(f"ask: {error}", file=sys.stderr)
        return 2
    except Unanswered as error:
        print(f"ask: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""Rollouts from the LoRA adapter that is trained, not from the bare model under it.

trinity-rft 0.6.0 hands vLLM the new adapter at each weight sync, under the id 1. But an agent that
speaks the OpenAI protocol asks for the model by its path, and vLLM's server knows no adapter: every
rollout comes from the bare model, however long the run trains. So main.py lets the server take
adapters by request (`serve_adapters`), each process registers Trinity's once, by its name, and asks
for that name (`from_adapter`). vLLM 0.23 gives the first adapter of its server the id 1, too: what
Trinity loads under this id at a sync is what the name means from then on.
"""

import functools
from pathlib import Path

from data_augment.training.resume import checkpointed_step

servers_told: set[str] = set()  # by this process


def adapter_name(config) -> str | None:
    """The name of the adapter that a merged YAML trains with vLLM; None where it trains none."""
    from omegaconf import OmegaConf

    adapters = OmegaConf.select(config, "model.lora_configs")
    if not adapters or OmegaConf.select(config, "model.tinker.enable"):
        return None
    return adapters[0].get("name") or "lora"


def serve_adapters(config) -> None:
    """Let vLLM's server take an adapter by request, and never answer from an older one's cache.

    vLLM's prefix cache knows an adapter by its name alone, and Trinity does not empty it when it
    loads the next one: a prompt seen before would be read through the weights of that time.
    """
    from omegaconf import OmegaConf

    rollout = "explorer.rollout_model"
    for key, value in (("enable_runtime_lora_updating", True), ("enable_prefix_caching", False)):
        OmegaConf.update(config, f"{rollout}.{key}", value, force_add=True)


def adapter_folder(run_dir: Path, trinity) -> str:
    """The adapter that a start begins with: that of the last checkpoint, else Trinity's first.

    Args:
        trinity: Trinity's Config, after check_and_update, which makes the first one.
    """
    step = checkpointed_step(run_dir)
    if step:
        return str(run_dir / f"global_step_{step}/actor/lora_adapter")
    return trinity.explorer.rollout_model.lora_modules[0]["lora_path"]


def from_adapter(workflow, name: str, path: str):
    """The same workflow function, whose model is the adapter.

    Args:
        workflow: what `tune` takes as workflow_func.
        name: of the adapter.
        path: its folder, for an engine that Trinity has handed none yet.
    """

    @functools.wraps(workflow)  # tune looks at the names of its parameters
    async def run(task, model, *args, **kwargs):
        await register(model.client, name, path)
        model.model_name = name
        return await workflow(task, model, *args, **kwargs)

    return run


async def register(client, name: str, path: str) -> None:
    """Tell vLLM's server once that `name` is an adapter; another process may have done it."""
    import openai

    server = str(client.base_url)
    if server in servers_told:
        return
    body = {"lora_name": name, "lora_path": path}
    try:
        await client.post("/load_lora_adapter", cast_to=str, body=body)
    except openai.BadRequestError as error:
        if "already been loaded" not in str(error):
            raise
    servers_told.add(server)

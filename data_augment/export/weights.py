"""A checkpoint as a Hugging Face folder: weights, configuration, tokenizer, chat template.

What a checkpoint holds, and what is done with it:

    Tinker's snapshot               an adapter, downloaded from the server and merged into the base
    actor/lora_adapter              an adapter, merged into the base (verl, profile gpu1_lora)
    actor/huggingface with weights  copied (verl, the last checkpoint of a run that ended)
    actor/model_world_size_*.pt     the shards of FSDP, put together (verl, any other checkpoint)

Heavy imports are inside the functions, because `--help` imports this file.
"""

import io
import shutil
import tarfile
import tempfile
import urllib.error
import warnings
from pathlib import Path
from urllib.parse import quote

from data_augment.addresses import open_url
from data_augment.checkpoints import HOSTED, Checkpoint
from data_augment.errors import BadInput

PATIENCE = 120  # seconds for a server to pack an adapter


def save_model(checkpoint: Checkpoint, folder: Path, server: str | None) -> str:
    """Fill `folder`, which is empty, and return what was done.

    Args:
        server: Tinker server in place of the run's own.

    Raises:
        BadInput: the weights are not to be had.
    """
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # one for each file, which would hide what the command says
    actor = checkpoint.folder / "actor"
    if checkpoint.tinker_path:
        with tempfile.TemporaryDirectory() as adapter:
            download_adapter(checkpoint, server, Path(adapter))
            save_merged(checkpoint.base_model, Path(adapter), folder)
        done = "a LoRA adapter, merged into the base model"
    elif (actor / "lora_adapter/adapter_model.safetensors").is_file():
        save_merged(checkpoint.base_model, actor / "lora_adapter", folder)
        done = "a LoRA adapter, merged into the base model"
    elif any((actor / "huggingface").glob("*.safetensors")):
        shutil.copytree(actor / "huggingface", folder, dirs_exist_ok=True)
        done = "all weights were trained; as verl saved them"
    elif any(actor.glob("model_world_size_*.pt")):
        save_shards(actor, folder)
        done = "all weights were trained; put together from verl's shards, in bfloat16"
    else:
        raise BadInput(
            f"{actor}: neither a model folder, nor an adapter, nor shards of FSDP. For Megatron's: "
            f"trinity convert -c {checkpoint.folder} -b {checkpoint.base_model}, then again"
        )
    keep_chat_template(checkpoint, folder)
    return done


def download_adapter(checkpoint: Checkpoint, server: str | None, folder: Path) -> None:
    """The adapter of a snapshot in peft's format, by the archive of Tinker's API."""
    server = server or checkpoint.tinker_server
    if server is None:
        raise BadInput(f"{checkpoint.tinker_path}: is at hosted Tinker. {HOSTED}")
    run, kind, name = checkpoint.tinker_path.removeprefix("tinker://").split("/", 2)
    address = f"{server.rstrip('/')}/api/v1/training_runs/{run}/checkpoints/{kind}/{quote(name)}"
    try:
        with open_url(f"{address}/archive", PATIENCE) as answer:
            archive = io.BytesIO(answer.read())
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")[:200]
        raise BadInput(
            f"{checkpoint.tinker_path}: the server at {server} does not give it "
            f"(HTTP {error.code}: {said}). Name the one that trained it, --server URL"
        ) from None
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{server}: no server answers ({error}). Start the one that trained the run (laptop: "
            "python -m laptop.server), and name it if its port is another one: --server URL"
        ) from None
    with tarfile.open(fileobj=archive) as tar:
        tar.extractall(folder, filter="data")


def save_merged(base: str, adapter: Path, folder: Path) -> None:
    """Write `base` with an adapter of peft's format merged into its weights.

    It is merged in float32 and saved in the base model's own type. Raises BadInput where the base
    cannot be loaded, or a tensor of the adapter has no place in it.
    """
    import torch
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    # peft 0.21.2 asks transformers 5.23.0 by an old name
    warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
    try:
        dtype = AutoConfig.from_pretrained(base).dtype or torch.float32
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(base)
    except (OSError, ValueError) as error:
        raise BadInput(f"{base}: the run's base model cannot be loaded ({error})") from None
    tensors = load_file(adapter / "adapter_model.safetensors")
    if model.config.tie_word_embeddings and any("lm_head" in name for name in tensors):
        # The head gets an adapter and the embedding does not: they are one tensor no more.
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        model.config.tie_word_embeddings = False
    model = PeftModel.from_pretrained(model, str(adapter))
    placed = get_peft_model_state_dict(model, save_embedding_layers=False)
    misplaced = {name for name in tensors if ".lora_" in name} ^ set(placed)
    if misplaced:
        raise BadInput(f"{adapter}: not an adapter of {base}: {sorted(misplaced)[0]} has no place")
    model.merge_and_unload().to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_shards(actor: Path, folder: Path) -> None:
    """Put the shards of FSDP together, in bfloat16 (verl 0.8.0's merger knows no other type).

    Raises BadInput where the torch of this environment cannot read them.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from trinity.common.models.utils import load_fsdp_state_dict_from_verl_checkpoint

    shutil.copytree(actor / "huggingface", folder, dirs_exist_ok=True)  # tokenizer and the like
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    try:
        tensors = load_fsdp_state_dict_from_verl_checkpoint(str(actor))
    except (AttributeError, ImportError) as error:  # pickled by another version of torch
        raise BadInput(
            f"{actor}: its shards cannot be read by torch {torch.__version__} ({error}). "
            "Run this command in the environment that trained them"
        ) from None
    model.load_state_dict(tensors, assign=True)
    model.tie_weights()
    model.save_pretrained(folder)


def keep_chat_template(checkpoint: Checkpoint, folder: Path) -> None:
    """The template that the run was given in place of the model's own goes with it."""
    template = checkpoint.config["model"].get("custom_chat_template")
    if template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")

"""How much memory of a GPU a run needs, from the model's config.json and the settings.

The trainer is verl 0.8 with FSDP2 as Trinity 0.6.0 sets it up: weights, gradients and Adam's two
moments in float32, sharded over the trainer's GPUs; bfloat16 copies of a layer while it works;
gradient checkpoints; logits of all tokens of a pass at once. vLLM holds the weights in bfloat16,
and what is left of its share of the GPU is KV cache.

All sizes are in bytes. Not counted: fragmentation, and what a longer prompt than usual adds.
"""

import math
from dataclasses import dataclass

from data_augment.training.machine_checks import gpu_memory
from data_augment.training.model_files import read_config
from data_augment.training.plan import Plan

GIB = 2**30
CUDA = 1.0 * GIB  # the context of CUDA and the workspaces of its libraries, in each process
VLLM = 1.5 * GIB  # besides CUDA's context: activations of a prefill, CUDA graphs


@dataclass
class Model:
    """The sizes of a decoder with gated feed-forward layers: Llama, Mistral, Qwen and their kin."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    feed_forward: int
    vocabulary: int
    experts: int  # 1 in a dense model
    tied: bool  # whether input and output embeddings are one matrix

    @property
    def matrices(self) -> list[tuple[int, int, int]]:
        """(rows, columns, how many) of the weight matrices of one layer."""
        query, key = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return [
            (self.hidden, query, 2),  # query and output projections
            (self.hidden, key, 2),  # keys and values
            (self.hidden, self.feed_forward, 3 * self.experts),
        ]

    @property
    def layer_parameters(self) -> int:
        return sum(rows * columns * many for rows, columns, many in self.matrices)

    @property
    def embedding_parameters(self) -> int:
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All weights. Norms, biases and the router of experts are left out: under 0.1 %."""
        return self.layers * self.layer_parameters + self.embedding_parameters

    def adapter_parameters(self, rank: int) -> int:
        """Those of a LoRA adapter on all linear layers: two thin matrices for each."""
        thin = sum((rows + columns) * many for rows, columns, many in self.matrices)
        return self.layers * rank * thin

    @property
    def cache_of_a_token(self) -> int:
        """A key and a value in bfloat16 for each layer."""
        return self.layers * 2 * self.kv_heads * self.head_dim * 2


def read_model(config: dict) -> Model | None:
    """The sizes in a config.json; None for a model that is described otherwise."""
    try:
        hidden, heads = config["hidden_size"], config["num_attention_heads"]
        experts = config.get("num_experts") or config.get("num_local_experts") or 1
        width = config.get("moe_intermediate_size") if experts > 1 else None
        return Model(
            hidden=hidden,
            layers=config["num_hidden_layers"],
            heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            head_dim=config.get("head_dim") or hidden // heads,
            feed_forward=width or config["intermediate_size"],
            vocabulary=config["vocab_size"],
            experts=experts,
            tied=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError):
        return None


def trainer_parts(model: Model, settings) -> dict[str, float]:
    """What lies in the memory of one trainer GPU at the peak of a pass, by name."""
    gpus = trainer_gpus(settings)
    trainer = settings.trainer
    lora = settings.model.lora_configs
    trained = model.adapter_parameters(lora[0].lora_rank) if lora else model.parameters
    # The adapter is kept in bfloat16, everything else in float32.
    bytes_trained = 2 if lora else 4
    weights = 4 * model.parameters + (2 * trained if lora else 0)
    tokens = pass_tokens(settings)
    parts = {
        "weights": weights / gpus,
        "gradients": bytes_trained * trained / gpus,
        "optimizer": 2 * bytes_trained * trained / gpus,
        # What FSDP2 gathers: the embeddings, and a layer with the next one, in bfloat16.
        "gathered": 2 * (model.embedding_parameters + 2 * model.layer_parameters),
        # The input of each layer is kept; one layer at a time is computed again.
        "activations": 2 * tokens * (model.hidden * (model.layers + 4) + layer_width(model)),
        "logits": tokens * model.vocabulary * bytes_of_a_logit(settings),
        "CUDA": CUDA,
    }
    if trainer.offload_policy:  # FSDP2 keeps all three in main memory, and fetches a layer
        parts |= {"weights": 0.0, "gradients": 0.0, "optimizer": 0.0}
    elif trainer.optimizer_offload:  # back on the GPU for the update, when the logits are gone
        parts["optimizer"] = max(0.0, parts["optimizer"] - parts["activations"] - parts["logits"])
    return parts


def trainer_gpus(settings) -> int:
    if settings.mode == "colocate":
        return 1
    rollout = settings.explorer.rollout_model
    per_engine = rollout.tensor_parallel_size * rollout.data_parallel_size
    engines = rollout.engine_num * per_engine * rollout.pipeline_parallel_size
    return max(1, settings.cluster.node_num * settings.cluster.gpu_per_node - engines)


def pass_tokens(settings) -> int:
    """Tokens of one forward and backward pass on one GPU, as Trinity's validator sets them."""
    given = settings.trainer.max_token_len_per_gpu
    sequence_parallel = settings.trainer.ulysses_sequence_parallel_size
    return given or math.ceil(2 * settings.model.max_model_len / sequence_parallel)


def layer_width(model: Model) -> int:
    """Numbers of one token that a layer keeps while it is computed forward and backward."""
    attention = 2 * model.heads * model.head_dim + 2 * model.kv_heads * model.head_dim
    return 6 * model.hidden + 2 * attention + 5 * model.feed_forward


def bytes_of_a_logit(settings) -> int:
    """The logits in bfloat16 and their gradient; with an entropy term its gradient and the sum."""
    return 4 if settings.algorithm.entropy_loss_fn == "none" else 8


def rollout_parts(model: Model, settings) -> dict[str, float]:
    """What one GPU of a rollout engine holds, with a single response of full length."""
    rollout = settings.explorer.rollout_model
    share = rollout.tensor_parallel_size * rollout.pipeline_parallel_size
    lora = settings.model.lora_configs
    adapter = 2 * model.adapter_parameters(lora[0].lora_rank) if lora else 0
    return {
        "weights": (2 * model.parameters + adapter) / share,
        "cache of one full response": cache_of_a_response(model, settings),
        "vLLM": VLLM,
        "CUDA": CUDA,
    }


def cache_of_a_response(model: Model, settings) -> float:
    """The KV cache of prompt and response at their greatest length, on one GPU."""
    rollout = settings.explorer.rollout_model
    length = rollout.max_model_len or settings.model.max_model_len
    # Keys and values of a head are not divided among GPUs.
    share = min(rollout.tensor_parallel_size, model.kv_heads) * rollout.pipeline_parallel_size
    return model.cache_of_a_token * length / share


def show_memory(settings, plan: Plan) -> None:
    """The memory that this run needs as facts of the plan; a note where the GPU has less."""
    if settings.model.tinker.enable or not settings.cluster.gpu_per_node:
        return
    config = read_config(settings.model.model_path)
    model = read_model(config) if config else None
    if model is None:
        plan.note("memory", "not estimated: the config.json of the model tells no sizes")
        return
    trainer, rollout = trainer_parts(model, settings), rollout_parts(model, settings)
    plan.fact("memory", f"trainer {in_words(trainer)}")
    plan.fact("", f"rollout {in_words(rollout)}")
    cards = gpu_memory()
    if cards:
        compare_with_card(model, trainer, rollout, min(cards), settings, plan)


def in_words(parts: dict[str, float]) -> str:
    shown = [f"{name} {size / GIB:.1f}" for name, size in parts.items() if size >= 0.05 * GIB]
    return f"{sum(parts.values()) / GIB:.1f} GiB a GPU: {', '.join(shown)}"


def compare_with_card(model, trainer, rollout, card: int, settings, plan: Plan) -> None:
    share = settings.explorer.rollout_model.gpu_memory_utilization
    if settings.mode == "colocate":
        share = min(share, 0.25)  # Trinity's own limit in this mode
    left = card * (1 - share) if settings.mode == "colocate" else card
    need = sum(trainer.values())
    if need > left:
        by_tokens = trainer["activations"] + trainer["logits"]
        tokens = pass_tokens(settings) * (left - need + by_tokens) / by_tokens
        cure = "use a profile with LoRA, or more GPUs"
        if tokens >= 1024:
            cure = f"trainer.max_token_len_per_gpu={int(tokens) // 1024 * 1024} would fit"
        plan.note(
            "memory",
            f"the trainer needs {need / GIB:.0f} GiB, and this GPU has {left / GIB:.0f} for it: "
            f"it may run out. {cure}",
        )
    one = cache_of_a_response(model, settings)
    responses = int((card * share - sum(rollout.values()) + one) / one)
    if responses < 1:
        plan.note(
            "memory",
            f"vLLM needs {sum(rollout.values()) / GIB:.0f} GiB and gets {card * share / GIB:.0f}: "
            "lower model.max_model_len, or raise explorer.rollout_model.gpu_memory_utilization",
        )
    else:
        plan.fact("", f"the cache of an engine holds {responses} responses of full length at once")

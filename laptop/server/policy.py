"""What is sampled and trained: a base model, alone or with a LoRA adapter merged into its weights.

peft makes the adapter. It is then merged into the weights differentiably, for training and for
sampling alike: on models of about a million parameters a forward pass then takes half the time of
one through peft's own layers.
"""

import copy
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call
from transformers import AutoModelForCausalLM, AutoTokenizer

from laptop.server.errors import BadRequest

LORA_ALPHA = 32  # the constant of Tinker and of "LoRA Without Regret": the scaling is 32 / rank
LORA_TARGETS = {
    "train_attn": ["q_proj", "k_proj", "v_proj", "o_proj"],
    "train_mlp": ["gate_proj", "up_proj", "down_proj"],
    "train_unembed": ["lm_head"],
}


@dataclass(frozen=True)
class Lora:
    """The shape of an adapter, as in tinker's LoraConfig.

    Raises:
        BadRequest: a rank out of range, or no layer to train.
    """

    rank: int
    train_attn: bool
    train_mlp: bool
    train_unembed: bool

    def __post_init__(self):
        if not 1 <= self.rank <= 512:
            raise BadRequest(f"the LoRA rank is {self.rank}; it must be 1 to 512")
        if not self.targets():
            raise BadRequest("one of train_attn, train_mlp and train_unembed must be true")

    def targets(self) -> list[str]:
        """The names of the layers that get an adapter."""
        layers = []
        for switch, names in LORA_TARGETS.items():
            if getattr(self, switch):
                layers += names
        return layers


class BaseModel:
    """A Hugging Face folder: frozen float32 weights and tokenizer, shared by all its adapters."""

    def __init__(self, name: str, path: Path):
        self.name = name
        self.path = path
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
            self.model = AutoModelForCausalLM.from_pretrained(
                path, dtype=torch.float32, local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise BadRequest(f"{path} holds no model that can be loaded: {error}") from error
        self.model.eval().requires_grad_(False)
        self.context = self.model.config.max_position_embeddings
        self.vocabulary = self.model.config.vocab_size
        ends = self.model.generation_config.eos_token_id
        self.eos_ids = {*(ends if isinstance(ends, list) else [ends]), self.tokenizer.eos_token_id}

    def new_adapter(self, lora: Lora, seed: int | None) -> dict[str, Tensor]:
        """The parameters of peft's LoRA layers, by name, as peft initializes them under a seed."""
        from peft import LoraConfig, inject_adapter_in_model  # 3 s, which sampling does not need

        shared = {id(parameter): parameter for parameter in self.model.parameters()}
        model = copy.deepcopy(self.model, shared)  # other layers, the same weights
        config = LoraConfig(r=lora.rank, lora_alpha=LORA_ALPHA, target_modules=lora.targets())
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            torch.manual_seed(random.getrandbits(63) if seed is None else seed % 2**63)
            # peft warns of merging into a head tied to the embedding; merged() unties it
            warnings.filterwarnings("ignore", message=".*tie_word_embeddings.*")
            inject_adapter_in_model(config, model)
        return {name: p.detach() for name, p in model.named_parameters() if ".lora_" in name}

    def check_tokens(self, tokens: list[int], what: str) -> None:
        """Raises BadRequest unless the model can take these token ids."""
        if not 1 <= len(tokens) <= self.context:
            raise BadRequest(f"{what}: {len(tokens)} tokens; {self.name} takes 1 to {self.context}")
        if not all(isinstance(token, int) and 0 <= token < self.vocabulary for token in tokens):
            raise BadRequest(f"{what}: token ids must be integers from 0 to {self.vocabulary - 1}")


@dataclass(eq=False)
class Policy:
    """A base model, alone or with an adapter."""

    base: BaseModel
    lora: Lora | None = None
    adapter: dict[str, Tensor] = field(default_factory=dict)

    def merged(self) -> Callable:
        """A callable like the model's forward, with W + B @ A * alpha / rank for the weights W."""
        model = self.base.model
        weights = {}
        for name, a in self.adapter.items():
            layer, is_a, _ = name.partition(".lora_A.")
            if not is_a:
                continue
            b = self.adapter[name.replace("lora_A", "lora_B")]
            weight = model.get_parameter(f"{layer}.weight")
            weights[f"{layer}.weight"] = weight + LORA_ALPHA / self.lora.rank * (b @ a)

        def forward(**inputs):
            # tie_weights=False: the merged head must not become the embedding tied to it
            return functional_call(model, weights, (), inputs, tie_weights=False)

        return forward

"""The torch side of the local Tinker server: base models, LoRA runs, snapshots, the torch thread.

Made for models of about a million parameters on two CPU cores. How it departs from a serving
engine: one thread does all torch work in the order of arrival, and the sampling requests that wait
for the same weights are decoded as one batch (laptop/sampling.py); peft makes a LoRA adapter, which
is then merged into the weights differentiably, for training and for sampling alike: at this size a
forward pass takes half the time of one through peft's layers. The command is laptop.server.
"""

import copy
import json
import math
import os
import random
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.func import functional_call
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from laptop.sampling import MAX_ROWS, BadRequest, SampleJob, decode, pad, target_logprobs

# Two OpenMP threads spin when Ray's processes want the two cores too: 9 s a batch, not 0.3 s.
TORCH_THREADS = 1
LORA_ALPHA = 32  # the constant of Tinker and of "LoRA Without Regret": the scaling is 32 / rank
LORA_TARGETS = {
    "train_attn": ["q_proj", "k_proj", "v_proj", "o_proj"],
    "train_mlp": ["gate_proj", "up_proj", "down_proj"],
    "train_unembed": ["lm_head"],
}
TRAIN_ROWS = 64  # sequences in one forward pass of training; gradients add up over passes
GATHER_SECONDS = 0.02  # a sampling batch starts when nothing has arrived for so long


@dataclass(frozen=True)
class Lora:
    """The shape of an adapter, as in tinker's LoraConfig."""

    rank: int
    train_attn: bool
    train_mlp: bool
    train_unembed: bool

    def __post_init__(self):
        if not 1 <= self.rank <= 512:
            raise BadRequest(f"the LoRA rank is {self.rank}; it must be 1 to 512")
        if not (self.train_attn or self.train_mlp or self.train_unembed):
            raise BadRequest("one of train_attn, train_mlp and train_unembed must be true")


class BaseModel:
    """A Hugging Face folder: frozen float32 weights and tokenizer, shared by all its adapters."""

    def __init__(self, name: str, path: Path):
        self.name, self.path = name, path
        load = partial(AutoModelForCausalLM.from_pretrained, dtype=torch.float32)
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
            self.model = load(path, local_files_only=True)
        except (OSError, ValueError) as error:
            raise BadRequest(f"{path} holds no model that can be loaded: {error}") from error
        self.model.eval().requires_grad_(False)
        self.context = self.model.config.max_position_embeddings
        eos = self.model.generation_config.eos_token_id
        self.eos_ids = {*(eos if isinstance(eos, list) else [eos]), self.tokenizer.eos_token_id}

    def new_adapter(self, lora: Lora, seed: int | None) -> dict[str, Tensor]:
        """The parameters of peft's LoRA layers, by name, as peft initializes them under a seed."""
        from peft import LoraConfig, inject_adapter_in_model  # 3 s, which sampling does not need

        model = copy.deepcopy(self.model, {id(p): p for p in self.model.parameters()})
        targets = [m for key, names in LORA_TARGETS.items() if getattr(lora, key) for m in names]
        config = LoraConfig(r=lora.rank, lora_alpha=LORA_ALPHA, target_modules=targets)
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            torch.manual_seed(random.getrandbits(63) if seed is None else seed % 2**63)
            # peft warns of merging into a head tied to the embedding; merged() unties it
            warnings.filterwarnings("ignore", message=".*tie_word_embeddings.*")
            inject_adapter_in_model(config, model)
        return {name: p.detach() for name, p in model.named_parameters() if ".lora_" in name}

    def check(self, tokens: list[int], what: str) -> None:
        """Raises BadRequest unless the model can take these token ids."""
        size = self.model.config.vocab_size
        if not 1 <= len(tokens) <= self.context:
            raise BadRequest(f"{what}: {len(tokens)} tokens; {self.name} takes 1 to {self.context}")
        if not all(isinstance(token, int) and 0 <= token < size for token in tokens):
            raise BadRequest(f"{what}: token ids must be integers from 0 to {size - 1}")


@dataclass(eq=False)
class Policy:
    """A base model, alone or with an adapter."""

    base: BaseModel
    lora: Lora | None = None
    adapter: dict[str, Tensor] = field(default_factory=dict)

    def merged(self):
        """A callable like the model's forward, with W + B @ A * alpha / rank for the weights W."""
        weights = {}
        for name, a in self.adapter.items():
            layer, is_a, _ = name.partition(".lora_A.")
            if is_a:
                delta = self.adapter[name.replace("lora_A", "lora_B")] @ a
                weight = self.base.model.get_parameter(f"{layer}.weight")
                weights[f"{layer}.weight"] = weight + LORA_ALPHA / self.lora.rank * delta
        model = self.base.model
        # tie_weights=False: the merged head must not become the embedding tied to it.
        return lambda **inputs: functional_call(model, weights, (), inputs, tie_weights=False)

    @classmethod
    def load(cls, base: BaseModel, lora: Lora, file: Path) -> "Policy":
        return cls(base, lora, {k: v for k, v in load_file(file).items() if "/" not in k})


class TrainingRun(Policy):
    """An adapter in training, with the gradients gathered so far and AdamW's state."""

    def __init__(self, run_id: str, base: BaseModel, lora: Lora, seed: int | None):
        adapter = base.new_adapter(lora, seed)
        super().__init__(base, lora, {name: p.requires_grad_() for name, p in adapter.items()})
        self.run_id = run_id
        self.optimizer = torch.optim.AdamW(self.adapter.values(), fused=True)

    def forward(self, data: list[tuple[list[int], list[int], list[float]]], backward: bool):
        """Cross entropy as the plain sum of -weight x logprob, never divided by the weights.

        Args:
            data: (tokens, target tokens, weights of any sign) of each sequence, equally long.
            backward: whether to add the gradient to that of the next step.

        Returns:
            the targets' logprobs, a list a sequence, and the loss.

        Raises:
            BadRequest: if the loss is not finite.
        """
        logprobs, total = [[] for _ in data], 0.0
        order = sorted(range(len(data)), key=lambda i: len(data[i][0]))  # little padding
        for start in range(0, len(order), TRAIN_ROWS):
            batch = order[start : start + TRAIN_ROWS]
            tokens, targets, weights = zip(*(data[i] for i in batch), strict=True)
            with torch.set_grad_enabled(backward):
                picked = target_logprobs(self.merged(), tokens, targets)
                loss = -(pad(weights) * picked).sum()
            if not loss.isfinite():
                raise BadRequest("the loss is not finite: have the weights of the run diverged?")
            if backward:
                loss.backward()
            total += loss.item()
            for i, row in zip(batch, picked.tolist(), strict=True):
                logprobs[i] = row[: len(data[i][0])]
        return logprobs, total

    def step(self, adam) -> dict[str, float]:
        """One AdamW step on the gradient gathered, which it clears.

        Args:
            adam: tinker's AdamParams; grad_clip_norm 0 stands for no clipping.

        Raises:
            BadRequest: if there is no gradient or it is not finite; the weights stay as they are.
        """
        parameters = [p for p in self.adapter.values() if p.grad is not None]
        if not parameters:
            raise BadRequest("optim_step without a gradient: forward_backward comes first")
        norm = torch.nn.utils.clip_grad_norm_(parameters, adam.grad_clip_norm or math.inf)
        if norm.isfinite():
            group, betas = self.optimizer.param_groups[0], (adam.beta1, adam.beta2)
            group.update(lr=adam.learning_rate, betas=betas)
            group.update(eps=adam.eps, weight_decay=adam.weight_decay)
            self.optimizer.step()
        self.optimizer.zero_grad()
        if not norm.isfinite():
            raise BadRequest("the gradient is not finite; it was dropped, and no step taken")
        return {"grad_norm": norm.item()}

    def save(self, file: Path, optimizer: bool, overwrite: bool) -> None:
        """Writes a snapshot, atomically; a gradient not yet stepped on is no part of it.

        Raises:
            BadRequest: if the file exists and is not to be overwritten.
        """
        if file.exists() and not overwrite:
            raise BadRequest(f"snapshot {file.stem!r} exists, and snapshots do not change")
        tensors = {name: p.detach() for name, p in self.adapter.items()}
        for name, p in self.adapter.items() if optimizer else ():
            state = self.optimizer.state.get(p, {})
            tensors |= {f"adam.{key}/{name}": value for key, value in state.items()}
        about = {"base_model": self.base.name, "lora": asdict(self.lora), "optimizer": optimizer}
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.tmp")
        save_file(tensors, temporary, metadata={"tinker": json.dumps(about)})
        os.replace(temporary, file)

    def load(self, file: Path, optimizer: bool) -> None:
        """Takes a snapshot's weights and AdamW state; without `optimizer` AdamW starts anew."""
        self.optimizer.zero_grad()
        self.optimizer.state.clear()
        for name, value in load_file(file).items():
            key, _, parameter = name.rpartition("/")
            if not key:
                self.adapter[name].data.copy_(value)
            elif optimizer:
                state = self.optimizer.state[self.adapter[parameter]]
                state[key.removeprefix("adam.")] = value


class Engine:
    """The thread that does all torch work. Submit to it from one other thread."""

    def __init__(self):
        disable_progress_bar()
        limit = {"initializer": torch.set_num_threads, "initargs": (TORCH_THREADS,)}
        self._thread = ThreadPoolExecutor(1, "torch", **limit)
        self._waiting: list[SampleJob] = []
        self.close = self._thread.shutdown

    def submit(self, work) -> Future:
        """Queues a function without arguments, or a SampleJob; the future holds its result."""
        if isinstance(work, SampleJob):
            self._waiting.append(work)
            return self._thread.submit(self._sample, work)
        return self._thread.submit(work)

    def _sample(self, job: SampleJob) -> dict:
        seen = 0
        while job.result is None and seen < len(self._waiting) < MAX_ROWS:
            seen = len(self._waiting)
            time.sleep(GATHER_SECONDS)
        if job.result is None:  # else it went along in the batch of an earlier one
            batch, rows = [], 0
            for other in self._waiting[:]:  # the other thread only appends
                rows += other.params.num_samples if other.policy is job.policy else 0
                if other.policy is job.policy and rows <= MAX_ROWS:
                    batch.append(other)
            try:
                decode(batch)
            finally:  # after an error the others of the batch are tried again, each by its own call
                for other in batch:
                    if other is job or other.result is not None:
                        self._waiting.remove(other)
        return job.result

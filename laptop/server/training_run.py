"""An adapter in training: gradients, AdamW steps, and what its snapshots hold."""

import math
from dataclasses import asdict
from pathlib import Path

import torch

from laptop.server.errors import BadRequest
from laptop.server.policy import BaseModel, Lora, Policy
from laptop.server.sampling import pad, target_logprobs
from laptop.server.snapshots import read_adapter, read_optimizer, write_snapshot

TRAIN_ROWS = 64  # sequences in one forward pass of training; gradients add up over passes


class TrainingRun(Policy):
    """An adapter in training, with the gradients gathered so far and AdamW's state."""

    def __init__(self, run_id: str, base: BaseModel, lora: Lora, seed: int | None):
        adapter = base.new_adapter(lora, seed)
        super().__init__(base, lora, {name: p.requires_grad_() for name, p in adapter.items()})
        self.run_id = run_id
        self.optimizer = torch.optim.AdamW(self.adapter.values(), fused=True)

    def forward(
        self, data: list[tuple[list[int], list[int], list[float]]], backward: bool
    ) -> tuple[list[list[float]], float]:
        """Cross entropy as the plain sum of -weight x logprob, never divided by the weights.

        Args:
            data: (tokens, target tokens, weights of any sign) of each sequence, equally long.
            backward: whether to add the gradient to that of the next step.

        Returns:
            the targets' logprobs, a list for each sequence, and the loss.

        Raises:
            BadRequest: the loss is not finite.
        """
        logprobs: list[list[float]] = [[] for _ in data]
        total = 0.0
        by_length = sorted(range(len(data)), key=lambda i: len(data[i][0]))  # little padding
        for start in range(0, len(data), TRAIN_ROWS):
            batch = by_length[start : start + TRAIN_ROWS]
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
            BadRequest: there is no gradient, or it is not finite; the weights stay as they are.
        """
        parameters = [p for p in self.adapter.values() if p.grad is not None]
        if not parameters:
            raise BadRequest("optim_step without a gradient: forward_backward comes first")
        norm = torch.nn.utils.clip_grad_norm_(parameters, adam.grad_clip_norm or math.inf)
        finite = norm.isfinite()
        if finite:
            self.optimizer.param_groups[0].update(
                lr=adam.learning_rate,
                betas=(adam.beta1, adam.beta2),
                eps=adam.eps,
                weight_decay=adam.weight_decay,
            )
            self.optimizer.step()
        self.optimizer.zero_grad()
        if not finite:
            raise BadRequest("the gradient is not finite; it was dropped, and no step taken")
        return {"grad_norm": norm.item()}

    def save(self, file: Path, optimizer: bool, overwrite: bool) -> None:
        """Write a snapshot; a gradient that no step has used yet is no part of it.

        Raises:
            BadRequest: the file exists and is not to be overwritten.
        """
        tensors = {name: p.detach() for name, p in self.adapter.items()}
        if optimizer:
            for name, p in self.adapter.items():
                for key, value in self.optimizer.state.get(p, {}).items():
                    tensors[f"adam.{key}/{name}"] = value
        about = {"base_model": self.base.name, "lora": asdict(self.lora), "optimizer": optimizer}
        write_snapshot(file, tensors, about, overwrite)

    def load(self, file: Path, optimizer: bool) -> None:
        """Take a snapshot's weights and AdamW state; without `optimizer` AdamW starts anew."""
        self.optimizer.zero_grad()
        self.optimizer.state.clear()
        for name, value in read_adapter(file).items():
            self.adapter[name].data.copy_(value)
        if optimizer:
            for name, state in read_optimizer(file).items():
                self.optimizer.state[self.adapter[name]].update(state)

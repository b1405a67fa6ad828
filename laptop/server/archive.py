"""A snapshot as Tinker's archive: a tar of an adapter in peft's format, which others can load."""

import io
import json
import tarfile

from safetensors.torch import save

from laptop.server.policy import LORA_ALPHA, Policy


def adapter_archive(policy: Policy) -> bytes:
    """adapter_config.json and adapter_model.safetensors of a snapshot, as an uncompressed tar.

    The tensors get the names that peft looks for: base_model.model.LAYER.lora_A.weight.
    """
    tensors = {}
    for name, tensor in policy.adapter.items():
        tensors[f"base_model.model.{name.replace('.default.', '.')}"] = tensor.contiguous()
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(policy.base.path),
        "r": policy.lora.rank,
        "lora_alpha": LORA_ALPHA,
        "target_modules": policy.lora.targets(),
    }
    files = {
        "adapter_config.json": json.dumps(config, indent=2).encode(),
        "adapter_model.safetensors": save(tensors),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()

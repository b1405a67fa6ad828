"""Stand-in for vLLM where it is not installed, so that Trinity's tinker engine imports.

trinity-rft 0.6.0 imports names of vLLM at the top of `trinity/common/models/mm_utils.py`, and every
engine imports that file, also those that never use vLLM (ModuleNotFoundError: No module named
'vllm'). ray_cluster.py puts this folder on the Python path only for a tinker run without vLLM.
Calling one of the names, as multi-modal messages would, raises.
"""

import sys
import types


def _absent(name: str) -> type:
    def refuse(*_args, **_kwargs):
        raise ModuleNotFoundError(f"{name} needs vLLM, which is not installed here")

    return type(name, (), {"__new__": refuse})


__path__ = []  # a package, as far as `import vllm.config` is concerned
for _module, _names in {
    "vllm.config": ["ModelConfig"],
    "vllm.entrypoints": [],
    "vllm.entrypoints.chat_utils": [
        "ChatTemplateContentFormat",
        "ConversationMessage",
        "parse_chat_messages",
        "parse_chat_messages_async",
    ],
    "vllm.inputs": ["MultiModalDataDict"],
}.items():
    sys.modules[_module] = types.ModuleType(_module)
    for _name in _names:
        setattr(sys.modules[_module], _name, _absent(_name))

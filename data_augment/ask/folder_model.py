"""A model folder as AgentScope's chat model, in this process: no server, and no hurry.

It stands for vLLM where there is none: on a CPU, for a single question.
"""

from pathlib import Path

import torch
from agentscope.message import TextBlock, ThinkingBlock
from agentscope.model import ChatModelBase, ChatResponse
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from data_augment.errors import BadInput
from data_augment.pass_rates.sampled_agent import plain_message

THOUGHT, END_OF_THOUGHT = "<think>", "</think>"


class FolderModel(ChatModelBase):
    """Answers with the weights of a Hugging Face folder."""

    def __init__(self, folder: Path, temperature: float, max_tokens: int):
        """Load the model, onto a GPU where there is one.

        Raises BadInput where the folder holds no model.
        """
        super().__init__(folder.name, stream=False)
        disable_progress_bar()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype="auto", local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise BadInput(f"{folder}: holds no model that can be loaded ({error})") from None
        self.model = model.to(device)
        self.temperature = temperature
        self.max_tokens = max_tokens

    async def __call__(self, messages: list[dict], *args, **kwargs) -> ChatResponse:
        """The answer to a conversation; tools are not offered to the model."""
        prompt = self.tokenizer.apply_chat_template(
            [plain_message(message) for message in messages],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        ).to(self.model.device)
        length = prompt["input_ids"].shape[1]
        room = self.model.config.max_position_embeddings - length
        # The folder's own top_k and top_p would apply where none are given.
        drawing = {"do_sample": False}
        if self.temperature > 0:
            drawing = {"do_sample": True, "temperature": self.temperature, "top_k": 0, "top_p": 1.0}
        output = self.model.generate(
            **prompt, max_new_tokens=max(min(self.max_tokens, room), 1), **drawing
        )
        text = self.tokenizer.decode(output[0, length:], skip_special_tokens=True)
        return ChatResponse(content=content_blocks(text))


def content_blocks(text: str) -> list[TextBlock | ThinkingBlock]:
    """The thought and the answer apart, as a server's reasoning parser hands them out."""
    thought, end, answer = text.rpartition(END_OF_THOUGHT)
    if not end and text.lstrip().startswith(THOUGHT):  # cut off while it thought
        thought, answer = text, ""
    blocks = [TextBlock(type="text", text=answer.strip())]
    if thought:
        thought = thought.strip().removeprefix(THOUGHT)
        blocks.insert(0, ThinkingBlock(type="thinking", thinking=thought.strip()))
    return blocks

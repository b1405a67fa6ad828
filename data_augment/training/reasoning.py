"""Whether the model thinks aloud, and so whether vLLM has to keep the thought apart.

A model that thinks writes `<think>...</think>answer`. With `reasoning_parser: deepseek_r1` vLLM
hands the agent the answer alone, while the thought stays in what is trained on. Given to a model
that does not think, the parser takes everything it writes for a thought: no answer, reward 0 in
every rollout, and no error. Given to a model without these tokens, vLLM does not start.
So the profiles say `reasoning_parser: auto`, and tokenizer and chat template decide.
"""

from data_augment.training.model_files import load_tokenizer

PARSER = "deepseek_r1"
KEY = "explorer.rollout_model.reasoning_parser"


def choose_reasoning_parser(config, settings) -> list[str]:
    """Put a value that vLLM knows in place of `auto`; return notes for the plan.

    Args:
        config: the merged configuration, which is changed.
        settings: the same with defaults (experiment_yaml.with_defaults).
    """
    rollout = settings.explorer.rollout_model
    if not rollout.engine_type.startswith("vllm"):
        return []
    thinking, reason = thinks(settings)
    right = PARSER if thinking else None
    if rollout.reasoning_parser == "auto":
        config.explorer.rollout_model.reasoning_parser = right
        return [f"{KEY}: {right or 'none'}, because {reason}"]
    if thinking is None or bool(rollout.reasoning_parser) == thinking:
        return []
    return [f"{KEY}: {rollout.reasoning_parser or 'none'}, although {reason}; better: auto"]


def thinks(settings) -> tuple[bool | None, str]:
    """(whether the model thinks aloud, why this is believed); None where it cannot be told."""
    model = settings.model
    tokenizer = load_tokenizer(model.model_path)
    if tokenizer is None:
        return None, "the tokenizer cannot be read here (main.py looks again when it starts)"
    if not {"<think>", "</think>"} <= tokenizer.get_vocab().keys():
        return False, "the tokenizer has no <think> and </think>"
    template = model.custom_chat_template or tokenizer.chat_template
    if not template:
        return False, "the tokenizer has no chat template that asks for a thought"
    prompt = render(tokenizer, template, settings)
    if prompt is None:
        return None, "the chat template cannot be rendered"
    opened, closed = prompt.rfind("<think>"), prompt.rfind("</think>")
    if closed > opened:
        return False, "the chat template ends its prompt with an empty thought: thinking is off"
    if opened >= 0:
        return True, "the chat template ends its prompt with <think>"
    if "</think>" in str(template):
        return True, "the chat template knows thoughts, and the model starts one by itself"
    return False, "the chat template knows no thoughts"


def render(tokenizer, template, settings) -> str | None:
    """The prompt that the model gets for a question, as text."""
    import jinja2

    thinking = settings.explorer.rollout_model.enable_thinking
    if thinking is None:
        thinking = settings.model.enable_thinking
    switch = {} if thinking is None else {"enable_thinking": thinking}
    question = [{"role": "user", "content": "What is 1 + 1?"}]
    try:
        return tokenizer.apply_chat_template(
            question,
            chat_template=template if isinstance(template, str) else None,
            tokenize=False,
            add_generation_prompt=True,
            **switch,
        )
    except (jinja2.TemplateError, ValueError, TypeError):
        return None

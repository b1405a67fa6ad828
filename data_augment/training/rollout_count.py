"""Two metrics that Trinity does not give: how many rollouts ended, and whether they said anything.

A rollout that raises is dropped from its group (trinity-rft 0.6.0, `workflow_runner.py`), and no
metric of Trinity counts it. A model whose server takes all of its text for a thought trains on
rewards of 0 without a word. `counted` adds what tells both, whatever agent and judge do.
"""

import functools

ENDED = "rollout/ended/sum"  # in the explorer's metrics: rollouts of a batch that ended
HAS_TEXT = "has_text"  # `rollout/has_text/mean`: share of them whose response has a text


def counted(workflow):
    """The same workflow function, with the metrics `ended` and `has_text` in its output.

    Trinity sums a metric named `...:sum` over the rollouts of a batch and averages any other
    (`trinity/utils/metrics.py`).
    """

    @functools.wraps(workflow)  # tune looks at the names of its parameters
    async def run(*args, **kwargs):
        output = await workflow(*args, **kwargs)
        output.metrics = {
            **(output.metrics or {}),
            "ended:sum": 1.0,
            HAS_TEXT: float(has_text(output.response)),
        }
        return output

    return run


def has_text(response) -> bool:
    """Whether a response says anything; a Msg of thinking blocks alone does not."""
    if hasattr(response, "get_text_content"):
        response = response.get_text_content()
    return bool(str(response or "").strip())

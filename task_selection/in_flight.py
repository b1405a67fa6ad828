"""Which of the tasks drawn never came back, and what was expected of all of them."""

from collections import deque

import numpy as np

from task_selection.checks import clean_feedback


class InFlight:
    """Batches that were drawn and wait for their feedback, the oldest first."""

    def __init__(self) -> None:
        self.batches = deque()  # task -> the pass rate that was predicted when it was drawn

    def add(self, drawn: np.ndarray, predicted: np.ndarray) -> None:
        self.batches.append(dict(zip(drawn.tolist(), predicted.tolist(), strict=True)))

    def take(self, indices) -> tuple[list[int], dict[int, float]]:
        """The batches up to that of `indices`: their lost tasks, and what was predicted of all.

        A task is lost when no rollout of it came back.

        Trinity 0.6.0 gives feedback batch by batch, in the order of the draws, and none at all for
        a batch that was lost whole. So the batches before the first that holds all of `indices`
        were lost. Feedback that belongs to no batch in flight tells nothing about lost tasks.
        """
        answered = {int(index) for index in indices}
        position = 0
        while position < len(self.batches) and not answered <= self.batches[position].keys():
            position += 1
        if position == len(self.batches):
            return [], {}
        lost = []
        predicted = {}
        for _ in range(position):
            batch = self.batches.popleft()
            lost += sorted(batch)
            predicted |= batch
        batch = self.batches.popleft()
        lost += sorted(batch.keys() - answered)
        return lost, predicted | batch

    def complete(self, indices, values) -> tuple:
        """A batch's feedback with its lost tasks as failures, fit for an update.

        Returns the indices [B], their pass rates [B], those that were predicted when the tasks were
        drawn [B] (NaN for a task that was not), and a warning about values that were not usable,
        or "".
        """
        lost, predicted = self.take(indices)
        indices = [*indices, *lost]
        values = [*values, *[0.0] * len(lost)]
        given = len(indices)
        indices, values, dropped, clipped = clean_feedback(indices, values)
        warning = ""
        if dropped or clipped:
            warning = (
                f"of {given} pass rates {dropped} were not finite (dropped) and {clipped} were "
                "outside [0, 1] (clipped). See the judge's rewards"
            )
        predicted = np.array([predicted.get(index, np.nan) for index in indices.tolist()])
        return indices, values, predicted, warning

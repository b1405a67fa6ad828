"""Which of the tasks drawn never came back."""

from collections import deque

from task_selection.checks import clean_feedback


class InFlight:
    """Batches that were drawn and wait for their feedback, the oldest first."""

    def __init__(self) -> None:
        self.batches = deque()

    def add(self, drawn) -> None:
        self.batches.append({int(index) for index in drawn})

    def lost_tasks(self, indices) -> list[int]:
        """Tasks that were drawn up to the batch of `indices` and of which no rollout came back.

        Trinity 0.6.0 gives feedback batch by batch, in the order of the draws, and none at all for
        a batch that was lost whole. So the batches before the first that holds all of `indices`
        were lost. Feedback that belongs to no batch in flight tells nothing about lost tasks.
        """
        answered = {int(index) for index in indices}
        position = 0
        while position < len(self.batches) and not answered <= self.batches[position]:
            position += 1
        if position == len(self.batches):
            return []
        lost = []
        for _ in range(position):
            lost += sorted(self.batches.popleft())
        return lost + sorted(self.batches.popleft() - answered)

    def complete(self, indices, values) -> tuple:
        """A batch's feedback with its lost tasks as failures, fit for an update.

        Returns the indices [B], their pass rates [B], and a warning about values that were not
        usable, or "".
        """
        lost = self.lost_tasks(indices)
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
        return indices, values, warning

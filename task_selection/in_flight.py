"""Which of the tasks drawn never came back."""

from collections import deque


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

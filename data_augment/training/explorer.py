"""Trinity's explorer, which on resume waits for the weights of the checkpoint.

trinity-rft 0.6.0 starts the first weight sync of explorer and trainer at the same moment. Where
weights go through the synchronizer (memory, checkpoint), the explorer asks it for any version newer
than none, and gets version 0 before the trainer has handed over that of the checkpoint. So the
first batches of a run that goes on came from the bare model (`rollout/model_version` 0), and the
selector learned from its answers. With NCCL the two meet, and all is well.
"""

import asyncio
import time

from trinity.explorer import explorer


class Explorer(explorer.Explorer):
    async def sync_weight(self) -> None:
        first = self.model_version < 0
        if first and self.explore_step_num > 0 and not self.use_nccl_sync:
            await self.wait_for_trainer()
        await super().sync_weight()

    async def wait_for_trainer(self) -> None:
        """Wait until the trainer has handed its weights to the synchronizer.

        Raises:
            TimeoutError: it has not within synchronizer.sync_timeout.
        """
        deadline = time.monotonic() + self.config.synchronizer.sync_timeout
        while await self.synchronizer.get_latest_model_version.remote() == 0:
            if time.monotonic() > deadline:
                raise TimeoutError("the trainer did not hand over the weights of the checkpoint")
            await asyncio.sleep(0.1)


def use_this_explorer() -> None:
    """Let Trinity's launcher, which runs in this process, start this explorer."""
    explorer.Explorer = Explorer

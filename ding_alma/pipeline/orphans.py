"""What happens to a process of a parallel run whose parent is killed."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, however that went; nobody else would stop it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()


def _outlive_nobody(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    # Signals would be caught by handlers that wait for the parent; checkpoints are whole at any moment.
    os._exit(1)

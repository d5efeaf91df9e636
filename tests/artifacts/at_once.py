# The beginning of every script that tests run in a process of its own.
import sys
import time
from pathlib import Path

from insights_core.artifacts.investigations import Investigations

client = Investigations(sys.argv[1])
barrier, processes, number, arguments = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]


def ready() -> None:
    client.mlflow.search_experiments(max_results=1)
    (barrier / str(number)).touch()
    while len(list(barrier.iterdir())) < processes:
        time.sleep(0.02)

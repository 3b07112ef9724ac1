"""The command `opcit`, from its first moment: what has to come before the imports.

Also `python -m opcit`.
"""

import os
import sys


def main() -> None:
    """Load the command and run it; who stops it while it loads is told nothing."""
    try:
        _load_numpy()
        from qa.cli import main as command
    except KeyboardInterrupt:
        sys.exit(130)
    command()


def _load_numpy() -> None:
    """Load numpy without threads: starting takes them a tenth of a second, and they get no work.

    What is loaded later starts its own as it likes.
    """
    name = "OPENBLAS_NUM_THREADS"  # read once, when numpy is imported
    given = os.environ.get(name)
    os.environ[name] = given or "1"
    import numpy  # noqa: F401

    if given is None:
        del os.environ[name]


if __name__ == "__main__":
    main()

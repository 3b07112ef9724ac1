"""Questions in, figures out: how good the answers are, measured.

    python -m eval SET --index DIR

    questions.py   reads a question set: our JSONL, SQuAD JSON, BEIR folders
    metrics.py     the measures and their bootstrap intervals; pure functions
    run.py         asks every question and scores what comes back
    compare.py     two saved runs: which differences are real
    tables.py      the results as tables for a terminal
    report.py      the results as one HTML file with plots
    __main__.py    the command line

Knows Opcit only by its Python API (`qa`), so it measures what a person gets.
"""

__all__: list[str] = []

"""The peers, the versions that are measured, and an environment for each.

The only place that names a version. PyTorch is installed first and pinned, so that what comes
after it takes that build and no other. An environment is made once, under `.cache/bench/`, and
again when its packages change.
"""

import subprocess
import sys
from pathlib import Path

from index import OpcitError

# The one that the others are compared with.
PLAIN = "sentence-transformers + FAISS"
_FIRST = ["torch==2.13.0"]
_ENCODER = ["sentence-transformers==6.2.0", "numpy==2.4.6"]
PEERS: dict[str, list[str]] = {
    PLAIN: [*_ENCODER, "faiss-cpu==1.15.1"],
    "langchain + FAISS": [
        *_ENCODER,
        "faiss-cpu==1.15.1",
        "langchain-community==0.4.2",
        "langchain-huggingface==1.2.3",
    ],
    "txtai": [*_ENCODER, "faiss-cpu==1.15.1", "txtai==9.14.0"],
    "chroma": [*_ENCODER, "chromadb==1.5.9"],
}
# Opcit itself runs in the environment that runs the benchmark.
OPCIT = "Opcit"
_SCRIPTS = {
    OPCIT: "opcit.py",
    PLAIN: "plain.py",
    "langchain + FAISS": "langchain_faiss.py",
    "txtai": "txtai_embeddings.py",
    "chroma": "chroma.py",
}


def script(peer: str) -> Path:
    """What a peer's child process runs."""
    return Path(__file__).parent / "peers" / _SCRIPTS[peer]


def python(peer: str, cache: Path) -> Path:
    """The interpreter of a peer's environment, which is made if it is not there.

    Raises OpcitError if its packages cannot be installed.
    """
    if peer == OPCIT:
        return Path(sys.executable)
    place = cache / Path(_SCRIPTS[peer]).stem
    interpreter = place / "bin" / "python"
    wanted = "\n".join([*_FIRST, *PEERS[peer]])
    made = place / "made-of.txt"
    if made.is_file() and made.read_text() == wanted:
        return interpreter
    print(f"Making the environment of {peer} ...", file=sys.stderr, flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        for packages in (_FIRST, [*_FIRST, *PEERS[peer]]):
            subprocess.run([interpreter, "-m", "pip", "install", "-q", *packages], check=True)
    except subprocess.CalledProcessError as error:
        raise OpcitError(f"The packages of {peer} cannot be installed in {place}.") from error
    made.write_text(wanted)
    return interpreter

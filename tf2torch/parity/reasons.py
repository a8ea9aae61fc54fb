"""Say in one line why a program could not be run, from what it left behind."""

from __future__ import annotations

import re
import signal

CONTRIB = re.compile(r"has no attribute '(contrib|estimator)'|No module named 'tensorflow\.contrib")
MODULE = re.compile(r"^(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)", re.M)
FILE = re.compile(r"^FileNotFoundError: .*?: (.+)$", re.M)
LOST = re.compile(r"NotFoundError: (.*?); No such file or directory")
DEVICE = re.compile(r"^(?:There is no device|The conversion has no parameter on) .*$", re.M)
#: What TensorFlow says about itself.
NOISE = re.compile(
    r"WARNING: All log messages before absl|[IWE]\d{4} |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] "
    r"|WARNING:tensorflow:From .* is deprecated|Instructions for updating:|non-resource variables "
)
LIMIT = re.compile(r"^The record has reached its limit.*$", re.M)
OTHER = "--tf-python PATH names an interpreter with TensorFlow 1.15"


def reason(title: str, status: int, stderr: str, running: str = "") -> str:
    """Why a program ended with a status; `running` says where it was."""
    stderr = "\n".join(line for line in stderr.splitlines() if not NOISE.match(line))
    tail = "\n".join(stderr.strip().splitlines()[-12:])
    text = _known(title, stderr)
    if text == tail:
        return text
    if text is None and status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        text = f"The {title} was ended by {name}{running}"
    if text is None:
        text = f"The {title} ended with exit status {status}{running}"
    return f"{text}:\n{tail}" if tail else text


def _known(title: str, stderr: str) -> str | None:
    if found := LIMIT.search(stderr):
        return found.group()
    if title == "conversion" and (found := DEVICE.search(stderr)):
        return found.group()
    last = stderr.strip().splitlines()[-1:] or [""]
    end = last[0]
    if CONTRIB.search(end):
        return f"The {title} needs tf.contrib or tf.estimator, which this TensorFlow lacks: {OTHER}"
    if found := MODULE.match(end):
        module = found.group(1)
        if title == "original" and module.split(".")[0] == "tensorflow":
            return f"This Python has no {module}: {OTHER}"
        return f"The {title} needs the module {module}, which is not installed"
    if title == "original" and "Missing parentheses in call to 'print'" in end:
        return "The original is written for Python 2, and its interpreter is Python 3"
    if end.startswith("SystemExit: "):
        return f"The {title} ended by sys.exit({end.partition(' ')[2]})"
    if end.startswith("EOFError: EOF when reading a line"):
        return f"The {title} reads its standard input, which is empty here"
    if found := FILE.match(end) or LOST.search(stderr):
        return f"The {title} needs a file that is not there: {found.group(1)}"
    return None


def hang(title: str, timeout: float, running: str = "") -> str:
    return f"The {title} did not end within {timeout:g} seconds{running}."

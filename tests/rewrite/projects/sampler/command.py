"""Runs a function with what the command line gives."""

import sys


def run(function):
    given = (argument.lstrip("-").split("=") for argument in sys.argv[1:])
    function(**{name: float(text) for name, text in given})

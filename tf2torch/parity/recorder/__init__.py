"""Record a TensorFlow 1 program that runs unchanged: variables, runs, draws, gradients, output.

The package needs Python 3.6 or later, TensorFlow 1.12 to 1.15 or 2.x, and numpy, and nothing else,
so that it can be handed to an old interpreter as one file, a zip archive:

    python recorder.pyz SCRIPT OUTDIR [OPTIONS] [-- SCRIPT ARGUMENTS]

OUTDIR receives `events.jsonl` (one event a line), `values.bin` (arrays, one after the other in
numpy's own format) and `stdout.txt`. No op is added to the program's graph: what is not fetched
by the program is read by fetching existing tensors in the same run, or, inside loops and
branches, by the runtime's debug watches.
"""

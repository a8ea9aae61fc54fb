"""`python -m tf2torch` is the command `tf2torch`."""

from __future__ import annotations

from tf2torch.cli import main

if __name__ == "__main__":
    main()

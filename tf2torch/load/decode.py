"""Bytes of a Python file to text: byte order mark, PEP 263 declaration, line ends."""

from __future__ import annotations

import codecs
import re

from tf2torch.diagnostics import LoadError

#: PEP 263: a comment in one of the first two lines.
_DECLARATION = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK_OR_COMMENT = re.compile(rb"^[ \t\f]*(?:#.*)?\r?$")


def decode(data: bytes, path: str) -> tuple[str, str, bool]:
    """The text, the encoding to write it back with, and whether that encoding was guessed."""
    if data.startswith(codecs.BOM_UTF8):
        return _decode_as(data, "utf-8-sig", path), "utf-8-sig", False
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise LoadError(path, 1, 1, "source is UTF-16, which Python does not read", "save as UTF-8")
    declared = declared_encoding(data)
    if declared is not None:
        name, line = declared
        try:
            codecs.lookup(name)
            text = _decode_as(data, name, path)
        except LookupError:
            raise LoadError(path, line, 1, f"unknown encoding: {name}") from None
        return text, name, False
    try:
        return data.decode("utf-8"), "utf-8", False
    except UnicodeDecodeError:
        return data.decode("latin-1"), "utf-8", True


def declared_encoding(data: bytes) -> tuple[str, int] | None:
    """The encoding that the file declares, and the line of the declaration."""
    for number, line in enumerate(data.split(b"\n", 2)[:2], 1):
        match = _DECLARATION.match(line)
        if match:
            return match.group(1).decode("ascii"), number
        if not _BLANK_OR_COMMENT.match(line):
            return None
    return None


def _decode_as(data: bytes, encoding: str, path: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        name = "utf-8" if encoding == "utf-8-sig" else encoding
        message = f"byte 0x{data[error.start]:02x} is not valid {name}"
        raise LoadError(path, line, column, message, "correct the coding declaration") from None
    if not isinstance(text, str):  # codecs such as rot13 or hex are no text encodings
        raise LookupError(encoding)
    return text


def unify_newlines(text: str) -> tuple[str, str]:
    """The text with `\\n` alone, and the line end that most of its lines had."""
    windows = text.count("\r\n")
    classic = text.count("\r") - windows
    unix = text.count("\n") - windows
    if not windows and not classic:
        return text, "\n"
    newline = "\r\n" if windows >= max(unix, classic) else "\n" if unix >= classic else "\r"
    return text.replace("\r\n", "\n").replace("\r", "\n"), newline

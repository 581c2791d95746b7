#!/usr/bin/env python3
"""Carries out a container file in a folder, without a container engine: container.py CONTEXT ROOT ARCH.

Knows the instructions that this project's file uses, and rejects all others, unknown flags, an image that runs as
root, and a command that is not there. Prints the words of the command, one a line.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path


def instructions(text):
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        yield word, rest.strip()


def copy(context, root, words):
    flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, to = [word for word in words if not word.startswith("--")]
    if unknown := flags.keys() - {"chmod", "chown"}:
        raise SystemExit(f"COPY: unknown flags {unknown}")
    target = root / to.lstrip("/")
    for source in sources:
        source = (context / source).resolve()
        if context not in source.parents:
            raise SystemExit(f"COPY: {source} is outside of the context")
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
            made = target
        else:
            made = target / source.name if to.endswith("/") else target
            made.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, made)
            made.chmod(0o644)
        if "chmod" in flags:
            made.chmod(int(flags["chmod"], 8))
        if "chown" in flags:
            os.chown(made, *map(int, flags["chown"].split(":")))


def main():
    context, root, arch = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), sys.argv[3]
    root.mkdir()
    arguments, entry, command, user = {}, [], [], None
    for word, rest in instructions((context / "Containerfile").read_text()):
        rest = re.sub(r"\$\{(\w+)\}", lambda name: arguments[name[1]], rest)
        match word:
            case "FROM" if rest == "scratch":
                pass
            case "ARG":
                arguments[rest.split("=")[0]] = arch
            case "COPY":
                copy(context, root, rest.split())
            case "USER":
                user = rest
            case "ENTRYPOINT":
                entry = json.loads(rest)
            case "CMD":
                command = json.loads(rest)
            case "VOLUME" if (root / rest.lstrip("/")).is_dir():
                pass
            case "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise SystemExit(f"an instruction that is not expected: {word} {rest}")
    if user is None or user.split(":")[0] in ("0", "root"):
        raise SystemExit("the image runs as root")
    if not os.access(root / entry[0].lstrip("/"), os.X_OK):
        raise SystemExit(f"{entry[0]} cannot be run")
    print("\n".join(entry + command))


main()

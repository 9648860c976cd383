#!/usr/bin/env python3
"""usage: tools/optable.py

Prints the table of operations: for each one of dialects/QccOps.td its quantisation
rule, and where its reference, its float and its int8 code and its tests are.
tools/lint reports the empty cells. A cell that is empty for a reason has a line
in tools/optable.exceptions."""

import json
import re
import subprocess
import sys
from pathlib import Path

TBLGEN = "/usr/lib/llvm-22/bin/llvm-tblgen"
INCLUDE = "/usr/lib/llvm-22/include"
EXCEPTIONS = "tools/optable.exceptions"
COLUMNS = ["reference", "float", "int8", "rule", "test"]


class Operation:
    def __init__(self, records, name):
        record = records[name]
        self.mnemonic = record["opName"]
        self.cpp = name.removeprefix("Qcc_")
        self.onnx = records[record["onnx"]["def"]]["name"]
        self.rule = records[record["quant"]["def"]]["kind"]
        self.extra = record["extraClassDefinition"] or ""


class Sources:
    """The text of the folders that the cells are looked up in."""

    def __init__(self, root):
        self.root = root
        self.texts = {}

    def mentions(self, folder, pattern):
        """The first file under `folder` (or that file) in which the pattern occurs, or ''."""
        if folder not in self.texts:
            place = self.root / folder
            files = [place] if place.is_file() else [f for f in sorted(place.rglob("*")) if f.is_file() and f.suffix != ".pyc"]
            self.texts[folder] = [(f, f.read_text(errors="replace")) for f in files if "Inputs" not in f.parts]
        found = next((f for f, text in self.texts[folder] if re.search(pattern, text, re.MULTILINE)), None)
        return str(found.relative_to(self.root)) if found else ""


def read_operations(root):
    command = [TBLGEN, "-dump-json", "-I", INCLUDE, "-I", root, root / "dialects/QccOps.td"]
    records = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [Operation(records, name) for name in records["!instanceof"]["Qcc_Op"]]


def reference_of(op, sources):
    if "::evaluate(" in op.extra:
        return "its class"
    return sources.mentions("dialects/ops", rf"\b{op.cpp}::evaluate\(")


def float_of(op, sources):
    """A kernel of the operation's own name, or a case of its own in stage lower."""
    kernel = sources.mentions("compiler/kernels", rf"^QCC_KERNEL\({op.mnemonic},")
    return "kernel" if kernel else sources.mentions("compiler/lower", rf"\b{op.cpp}\b")


def int8_of(op, sources):
    """What its rule asks of stage fuse, or of the float kernel that moves bytes as well."""
    if op.rule in ("Float", "Boundary"):
        return "-"
    if op.rule == "Pointwise":
        return "table (q8)" if reference_of(op, sources) else ""
    if op.rule in ("SameScale", "Concat"):
        return float_of(op, sources)
    if op.rule == "Weighted":
        return sources.mentions("compiler/support/Weighted.cpp", rf"\b{op.cpp}\b")
    return sources.mentions("compiler/fuse", rf"\b{op.cpp}\b")


def test_of(op, sources):
    names = [rf"\bqcc\.{op.mnemonic}\b", rf"\b{op.cpp}\b", rf'^CASE\("{op.mnemonic}",']
    if op.onnx:
        names.append(rf'"{op.onnx}"')
    return sources.mentions("test", "|".join(names))


def rows(root):
    sources = Sources(root)
    for op in read_operations(root):
        yield op.mnemonic, {
            "reference": reference_of(op, sources),
            "float": float_of(op, sources),
            "int8": int8_of(op, sources),
            "rule": op.rule,
            "test": test_of(op, sources),
        }


def read_exceptions(root):
    """Lines `operation column: reason`."""
    exceptions, errors = {}, []
    path = root / EXCEPTIONS
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(rf"(\w+) ({'|'.join(COLUMNS)}): (\S.*)", line)
        if found:
            exceptions[found.group(1), found.group(2)] = found.group(3)
        else:
            errors.append(f"{EXCEPTIONS}:{number}: is not 'operation column: reason'")
    return exceptions, errors


def check(root):
    """The errors of the checkout: empty cells, and exceptions that are none."""
    if not (root / "dialects/QccOps.td").exists():
        return []
    exceptions, errors = read_exceptions(root)
    empty = {column: [] for column in COLUMNS}
    for mnemonic, cells in rows(root):
        for column, cell in cells.items():
            reason = exceptions.pop((mnemonic, column), None)
            if cell and reason:
                errors.append(f"{EXCEPTIONS}: '{mnemonic} {column}' is no exception any more ({cell})")
            if not cell and not reason:
                empty[column].append(mnemonic)
    errors += [f"{EXCEPTIONS}: no operation 'qcc.{mnemonic}'" for mnemonic, _ in exceptions]
    for column, names in empty.items():
        if names:
            text = f"{len(names)} operations have no {column}: {', '.join(names)}"
            errors.append(f"dialects/QccOps.td: {text} (see tools/optable.py)")
    return errors


def main():
    root = Path(__file__).resolve().parent.parent
    exceptions, _ = read_exceptions(root)
    print("| operation | " + " | ".join(COLUMNS) + " |")
    print("| --- |" + " --- |" * len(COLUMNS))
    for mnemonic, cells in rows(root):
        texts = [cells[c] or f"({exceptions.get((mnemonic, c), 'EMPTY')})" for c in COLUMNS]
        print(f"| {mnemonic} | " + " | ".join(texts) + " |")


if __name__ == "__main__":
    sys.exit(main())

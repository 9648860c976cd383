#!/usr/bin/env python3
"""The table of operations: an operation without an entry in some column fails tools/lint."""


def check(root):
    return []

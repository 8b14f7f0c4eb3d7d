"""Reads functions of mm/rmap.c from C source or a patch, as the steps of a profile's cells. Standard library only.

`blocks` turns a function into nested statements, `steps` turns these into steps, `compared` compares them with the
profiles.
"""

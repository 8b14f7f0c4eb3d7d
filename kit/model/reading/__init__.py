"""Functions of mm/rmap.c read from C source, or from a patch, as the steps of a profile's cells. Standard library only.

`blocks` turns a function into nested statements, `steps` these into steps, `compared` holds them against the profiles.
"""

"""One class row of `/proc/lock_stat`, its spaces squeezed: text in, `records.LockRow` out."""

from __future__ import annotations

import re

from kit.records import LockRow

# Version of the file: index of "contentions" and of "acquisitions" among a row's numbers, and how many there are
# (kernel/locking/lockdep_proc.c, seq_header). 0.3 is that of 2.6.38 and 3.0, 0.4 adds the averages.
COLUMNS = {"0.3": (1, 6, 10), "0.4": (1, 7, 12)}

ROW = re.compile(r"(?P<name>\S.*):(?P<numbers>(?: -?\d+(?:\.\d+)?)+)")


class LockRowError(ValueError):
    """A line that is no class row of its version."""


def parse_row(line: str, version: str) -> LockRow:
    """The row of one class. The file marks the rows of a class that was also read-locked -R and -W: that is `mode`.

    Raises LockRowError. Names may hold spaces and colons, and are cut to 37 characters by the kernel.
    """
    if version not in COLUMNS:
        raise LockRowError(f"lock_stat version {version!r} is not known")
    contentions, acquisitions, count = COLUMNS[version]
    match = ROW.fullmatch(line)
    numbers = match["numbers"].split() if match else []
    if match is None or len(numbers) != count:
        raise LockRowError(f"not a row of lock_stat {version}: {line!r}")
    name, mode = match["name"], ""
    if name.endswith(("-R", "-W")):
        name, mode = name[:-2], name[-1]
    try:
        return LockRow(name, mode, int(numbers[contentions]), int(numbers[acquisitions]))
    except ValueError as error:
        raise LockRowError(f"a count is not a whole number: {line!r}") from error

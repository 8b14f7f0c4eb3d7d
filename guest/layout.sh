#!/bin/sh
# Says which VMAs the shell has, as it runs /bin/job.sh: the same start, the same buffers.
name=layout
:
smaps
exit 0

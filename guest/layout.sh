#!/bin/sh
# Reports the VMAs that the shell has when it runs /bin/job.sh: the same start, the same buffers.
name=layout
:
smaps
exit 0

#!/bin/sh
# The small script that AIM7's exec_test executes.
name=job
:
echo $name runs
count=1
echo done
exit 0

#!/bin/sh
# What AIM7's shell_rtns_2 executes; the argument is in milliseconds.
sleep $1
exit 0

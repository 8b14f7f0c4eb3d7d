#!/bin/sh
# What AIM7's exec_test, shell_rtns_1 and shell_rtns_3 execute.
ls -l > /dev/null 2>&1
exit 0

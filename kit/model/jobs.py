"""The jobs that a program may run in a process: guest/aim7/ has them under the same names.

They take no anon_vma lock: they map nothing private, fork nothing, and their buffers are in VMAs that were written to
when the process began. Standard library only.
"""

from __future__ import annotations

PREPARE = "prepare"  # a folder for files, a file to copy, a tree to search, the loopback
COMPUTING = tuple(
    f"{what}_{of}" for what in ("add", "mul", "div") for of in ("double", "float", "long", "int", "short")
)
NUMBERS = (
    *("array_rtns", "matrix_rtns", "new_raph", "num_rtns_1", "series_1", "trig_rtns", "sieve", "sort_rtns_1"),
    "string_rtns",
)
MEMORY = ("mem_rtns_1", "mem_rtns_2", "ram_copy")
_BLOCKS = ("rd", "wrt", "rr", "rw", "cp")
DIRECT = tuple(f"disk_dio_{what}" for what in _BLOCKS)
FILES = (
    *(f"disk_{what}" for what in _BLOCKS),
    *(f"disk_b{what}" for what in _BLOCKS),
    *DIRECT,
    *("sync_disk_rw", "sync_disk_wrt", "sync_disk_cp", "sync_disk_update"),
)
FOLDERS = ("creat_clo", "link_test", "disk_src", "dir_rtns_1")
SOCKETS = ("stream_pipe", "dgram_pipe", "tcp_test", "udp_test")
MESSAGES = ("pipe_cpy", "fifo_test", *SOCKETS, "shared_memory")
PROCESS = ("signal_test", "jmp_test", "misc_rtns_1")
MAIL_CLIENT = ("mail_connect", "mail_send", "mail_leave")
MAIL_SERVER = ("mail_accept", "mail_receive", "mail_deliver", "mail_remove", "mail_quit")
MAIL = ("mail_listen", *MAIL_CLIENT, *MAIL_SERVER)
JOBS = (PREPARE, *COMPUTING, *NUMBERS, *MEMORY, *FILES, *FOLDERS, *MESSAGES, *PROCESS, *MAIL)
"""All of them, in the order of the guest's tables."""

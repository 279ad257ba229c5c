"""Runs a program under an allow list of system calls, as systemd would, but deadly: what is not listed kills.

usage: under-filter.py FILTER.json PROGRAM [WORD...]

FILTER.json: {"allowed": [names of system calls], "families": [names of address families], "user": null or a uid}.
Needs Debian's python3-seccomp.
"""

import errno
import json
import os
import socket
import sys

import seccomp


def main(filter_path, program, *words):
    with open(filter_path, encoding="utf-8") as file:
        wanted = json.load(file)
    if wanted["user"] is not None:
        os.setgroups([])
        os.setgid(wanted["user"])
        os.setuid(wanted["user"])
    rules = seccomp.SyscallFilter(defaction=seccomp.KILL_PROCESS)
    for name in wanted["allowed"]:
        # Both need a look at more than their number.
        if name not in ("socket", "clone3"):
            allow(rules, name)
    for family in wanted["families"]:
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, getattr(socket, family)))
    # RestrictNamespaces= cannot look into the arguments of clone3, so systemd says it is not there.
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.load()
    os.execv(program, [program, *words])


def allow(rules, name):
    try:
        rules.add_rule(seccomp.ALLOW, name)
    except (RuntimeError, OSError):
        # systemd knows calls that this libseccomp or this machine does not have; those cannot be made either.
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The system packages that kit needs: installs what is missing, or names the command to type."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from typing import NamedTuple

from kit.base.errors import MachineError
from kit.setup.command import limited, quoted, reason, run, say

OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
INSTALL_LIMIT = 1800  # seconds
UPDATE_LIMIT = 300
QUESTION_LIMIT = 10


class Need(NamedTuple):
    """One requirement: what is looked for ("command:gcc", "header:gelf.h"), why, and each family's package for it.

    `|` separates names any of which will do. An empty package: not needed on that family. `{python}` stands for the
    running version, as in 3.11.
    """

    look: str
    why: str
    apt: str
    dnf: str
    pacman: str


VENV = Need("module:ensurepip", "kit's own python environment", "python{python}-venv", "python3-pip", "python")

ALL = (
    Need("command:qemu-system-x86_64", "boots the kernels", "qemu-system-x86", "qemu-system-x86-core", "qemu-base"),
    Need("command:gcc", "compiles the kernels", "gcc", "gcc", "gcc"),
    # Debian's gcc only recommends it; the kernel's own build programs need it.
    Need("header:stdio.h", "the kernel's build programs", "libc6-dev", "glibc-devel", "glibc"),
    Need("command:make", "builds the kernels", "make", "make", "make"),
    Need("command:flex", "the kernel's configuration", "flex", "flex", "flex"),
    Need("command:bison", "the kernel's configuration", "bison", "bison", "bison"),
    Need("command:bc", "the kernel's time constants", "bc", "bc", "bc"),
    Need("header:gelf.h", "the kernel's objtool", "libelf-dev", "elfutils-libelf-devel", "libelf"),
    Need("header:openssl/opensslv.h", "the kernel's build programs", "libssl-dev", "openssl-devel", "openssl"),
    Need("command:cpio", "the guest's file system", "cpio", "cpio", "cpio"),
    Need("command:xz", "unpacks kernel sources", "xz-utils", "xz", "xz"),
    Need("command:perl", "scripts of the kernel's build", "perl", "perl", "perl"),
    Need("command:musl-gcc", "compiles the guest's programs", "musl-tools", "musl-gcc musl-libc-static", "musl"),
    Need("command:ccache", "spares compiling twice", "ccache", "ccache", "ccache"),
    Need("command:git", "applies patches, reads trees", "git", "git", "git"),
    Need("command:setpriv", "ends QEMU with kit", "util-linux", "util-linux", "util-linux"),
)

# Only where builds are to run in a sandbox (kit/kernel/sandbox.py): not with --no-sandbox.
SANDBOX = (Need("command:bwrap", "the sandbox of builds", "bubblewrap", "bubblewrap", "bubblewrap"),)
NO_SANDBOX = "KIT_NO_SANDBOX"

# Only for kernel source from Debian's archive (debian:6.1), to check it with the archive's keys.
ARCHIVE = (
    Need("command:tar", "unpacks kernel source", "tar", "tar", "tar"),
    Need("command:gpgv|sqv", "checks the signature of Debian's archive", "gpgv", "gnupg2", "gnupg"),
    Need(
        "file:/usr/share/keyrings/debian-archive-keyring.gpg|/usr/share/keyrings/debian-archive-keyring.pgp",
        "the keys of Debian's archive",
        "debian-archive-keyring",
        "debian-keyring",
        "debian-archive-keyring",
    ),
)

# Only for kernels that an experiment builds with clang (LLVM=1).
LLVM = (
    Need("command:clang", "compiles kernels with LLVM=1", "clang", "clang", "clang"),
    Need("command:ld.lld", "links kernels with LLVM=1", "lld", "lld", "lld"),
    Need("command:llvm-ar", "binary tools for LLVM=1", "llvm", "llvm", "llvm"),
)

# How each family calls itself in os-release, and its command to install packages.
FAMILIES = {
    "apt": (("debian", "ubuntu"), "apt-get install -y --no-install-recommends"),
    "dnf": (("fedora", "rhel", "centos"), "dnf install -y"),
    "pacman": (("arch",), "pacman -S --needed --noconfirm"),
}


class System(NamedTuple):
    """The machine to look at; tests use another one."""

    os_release: str = OS_RELEASE[0]
    path: str = ""
    includes: tuple[str, ...] = ("/usr/include", "/usr/local/include", "/usr/include/x86_64-linux-gnu")
    apt_lists: str = "/var/lib/apt/lists"
    uid: int = 0


def wanted(*, sandbox: bool = True) -> tuple[Need, ...]:
    """All that kit needs to build and boot kernels; with a sandbox, unless KIT_NO_SANDBOX is set."""
    return ALL + SANDBOX if sandbox and not os.environ.get(NO_SANDBOX) else ALL


def this_system() -> System:
    """The machine that kit runs on."""
    return System(path=os.environ.get("PATH", os.defpath), uid=os.geteuid())


def provide(needs: Sequence[Need], system: System, *, install: bool) -> None:
    """Makes sure that the system has all of `needs`: installs what is missing if that needs no question.

    Raises MachineError with the one command to type if it does need one, and if installing fails.
    """
    family = family_of(system) if needs else ""
    lacking = missing(needs, system, family)
    if not lacking:
        return
    prefix = apt_prefix(system) if install and family == "apt" else None
    if prefix is None:
        raise MachineError(lacking_text(lacking), hint=advice(lacking, system, family))
    for need in lacking:
        say(f"installing {package(need, family)}: {need.why} ({thing(need)} is missing)")
    apt_install(prefix, names(lacking, family), system)
    still = missing(lacking, system, family)
    if still:
        raise MachineError(f"{lacking_text(still)}, although its package was just installed")
    say("system packages are ready")


def missing(needs: Sequence[Need], system: System, family: str) -> list[Need]:
    """Those of `needs` that the machine lacks, in their order."""
    wanted = [need for need in needs if not family or package(need, family)]
    return [need for need in wanted if not is_there(need.look, system)]


def is_there(look: str, system: System) -> bool:
    """Whether the machine has a command, a file, a header or a Python module."""
    kind, _, name = look.partition(":")
    if kind == "command":
        return any(which(one, system.path) for one in name.split("|"))
    if kind == "file":
        return any(map(os.path.exists, name.split("|")))
    if kind == "header":
        return any(os.path.exists(os.path.join(folder, name)) for folder in system.includes) or compiles(name, system)
    return any(os.path.exists(os.path.join(folder, name, "__init__.py")) for folder in sys.path)


def which(name: str, path: str) -> str:
    """The command's full path, or "". (Importing shutil for its `which` would cost more time than the search.)"""
    for folder in path.split(os.pathsep):
        full = os.path.join(folder, name)
        if folder and os.access(full, os.X_OK) and not os.path.isdir(full):
            return full
    return ""


def compiles(header: str, system: System) -> bool:
    """Whether the compiler finds a header on its own search path."""
    gcc = which("gcc", system.path)
    if not gcc:
        return False
    status, _ = run(limited(QUESTION_LIMIT, [gcc, "-E", "-include", header, "-x", "c", os.devnull]))
    return status == 0


def family_of(system: System) -> str:
    """The distribution's package manager by its os-release: a key of FAMILIES, or ""."""
    ids = os_ids(system.os_release)
    return next((family for family, (known, _) in FAMILIES.items() if set(known) & set(ids)), "")


def os_ids(path: str) -> list[str]:
    """The distribution's ID and those of the distributions it is like."""
    values = os_release(path)
    return f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".split()


def system_name() -> str:
    """The distribution's name and version for people; empty if unknown."""
    return next((name for path in OS_RELEASE if (name := os_release(path).get("PRETTY_NAME", ""))), "")


def os_release(path: str) -> dict[str, str]:
    """The fields of an os-release file (os-release(5)); empty if it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            pairs = [line.strip().partition("=") for line in file]
    except OSError:
        return {}
    return {name: value.strip("\"'") for name, _, value in pairs}


def package(need: Need, family: str) -> str:
    """The family's package for a requirement; several are separated by spaces."""
    names = {"apt": need.apt, "dnf": need.dnf, "pacman": need.pacman}[family]
    return names.replace("{python}", "{}.{}".format(*sys.version_info[:2]))


def names(needs: Sequence[Need], family: str) -> list[str]:
    """The packages for all requirements, each once."""
    return list(dict.fromkeys(name for need in needs for name in package(need, family).split()))


def thing(need: Need) -> str:
    """What is looked for, in words."""
    return need.look.partition(":")[2].partition("|")[0]


def lacking_text(needs: Sequence[Need]) -> str:
    """What is missing, in words."""
    things = [thing(need) for need in needs]
    return f"this machine lacks {', '.join(things)}"


def advice(needs: Sequence[Need], system: System, family: str) -> str:
    """The one command for the user to type, or what to look for if the distribution is unknown."""
    if not family:
        return f"install what your distribution has for them (Debian calls it {' '.join(names(needs, 'apt'))})"
    commands = [f"{FAMILIES[family][1]} {' '.join(names(needs, family))}"]
    if family == "apt" and not has_lists(system):  # apt would know none of these packages
        commands.insert(0, "apt-get update")
    if system.uid == 0:
        return f"install it with: {' && '.join(commands)}"
    if which("sudo", system.path):
        return f"install it with: {' && '.join(f'sudo {command}' for command in commands)}"
    return f"install it with: su -c {shlex.quote(' && '.join(commands))}"


def apt_prefix(system: System) -> list[str] | None:
    """What must precede an apt-get that asks nothing: [] for root, sudo if it needs no password, else None."""
    if not which("apt-get", system.path):
        return None
    if system.uid == 0:
        return []
    if not which("sudo", system.path):
        return None
    status, _ = run(limited(QUESTION_LIMIT, ["sudo", "-n", "true"], foreground=True))
    return ["sudo", "-n"] if status == 0 else None


def apt_install(prefix: list[str], packages: list[str], system: System) -> None:
    """Installs Debian packages; fetches the package lists if there are none, or they prove out of date.

    Raises MachineError with apt's last lines.
    """
    # Without the pattern option a name that apt does not know is taken as an expression (python3.12-venv: any character
    # for the dot), and whatever matches is installed.
    options = ["-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", "-o", "APT::Cmd::Pattern-Only=true"]
    install = ["install", *options, *packages]
    if has_lists(system):
        status, _ = apt(prefix, install, INSTALL_LIMIT)
        if status == 0:
            return
        say("apt-get install failed; trying again with fresh package lists")
    for arguments, limit in ((["update"], UPDATE_LIMIT), (install, INSTALL_LIMIT)):
        status, last = apt(prefix, arguments, limit)
        if status:
            raise MachineError(
                f"apt-get {arguments[0]} {reason(status, limit)}",
                where=shlex.join([*prefix, "apt-get", *arguments]),
                hint=quoted(last),
            )


def apt(prefix: list[str], arguments: list[str], limit: int) -> tuple[int, list[str]]:
    """Runs apt-get without questions; returns its exit status and last lines."""
    command = limited(limit, ["apt-get", *arguments], foreground=True)
    return run([*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", *command], ("Get:", "Setting up ", "E:"))


def has_lists(system: System) -> bool:
    """Whether apt has any package lists."""
    try:
        return any("_Packages" in name for name in os.listdir(system.apt_lists))
    except OSError:
        return False

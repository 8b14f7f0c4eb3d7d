"""kit's entry point: sets up what this machine lacks, then runs a verb of kit.cli. Standard library only.

It is started as `python3 kit`, `python3 -m kit` or `.venv/bin/kit`, and as `kit` after `pip install`. Up to the version
check this file must parse and run on any Python 3: an old one must print the message below, not a SyntaxError.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

if __name__ == "__main__" and not __package__:
    # `python3 kit` puts kit/ first on sys.path: a module there would hide one of the standard library with its name.
    _kit = os.path.join(ROOT, "kit")
    sys.path[:] = [ROOT] + [entry for entry in sys.path if os.path.realpath(entry) != _kit]

if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write(
        "kit: this is python {}.{}; kit needs 3.11 or later\n"
        "  start it with a newer one, for example: python3.11 kit\n".format(*sys.version_info[:2])
    )
    sys.exit(255 if "step" in sys.argv[1:3] else 4)  # `git bisect run` would take 4 for bad

from kit.base.errors import KitError, MachineError, step_code  # noqa: E402
from kit.base.streams import fit_streams  # noqa: E402
from kit.setup import environment  # noqa: E402

NO_INSTALL = "--no-install"
BOOTING = ("run", "rerun", "shell", "bisect", "step", "test")  # the verbs that build kernels and boot them


def main(argv: list[str] | None = None) -> int:
    """Sets up what is missing, then runs the verb and returns its exit code. May replace this process by the venv's."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    open_streams()
    fit_streams()
    try:
        arguments = prepare(arguments)
    except KitError as error:
        print(f"kit: {error}", file=sys.stderr)
        return step_code(error.exit_code) if verb_of(arguments) == "step" else error.exit_code
    except KeyboardInterrupt:
        print("kit: set-up interrupted; the next start takes it up again", file=sys.stderr)
        return 130
    from kit.cli import main as run_verb

    return run_verb(arguments)


def open_streams() -> None:
    """Opens /dev/null for standard streams that were closed (`>&-`), before another file takes their descriptor."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def prepare(arguments: list[str]) -> list[str]:
    """Makes the machine ready for these arguments; returns them without --no-install.

    Does not return if this is not the Python of kit's own environment: that one then replaces this process.
    """
    arguments, install = take_no_install(arguments)
    if verb_of(arguments) == "help" and "--write" not in arguments:
        return arguments  # help must work on a bare machine
    if environment.is_users_own(ROOT):
        provide_system(arguments, install, with_venv=False)
        return arguments
    entered = os.environ.pop(environment.ENTERED, "")
    place = environment.find(ROOT)
    ready = environment.is_ready(place)
    if ready and environment.is_inside(place) and entered == place.folder:
        return arguments  # the process that started this one has checked the system
    provide_system(arguments, install, with_venv=not ready)
    if not ready:
        make_venv(place)
    if not environment.is_inside(place):
        if entered == place.folder:
            raise MachineError("its python does not use this folder", where=place.folder, hint="delete it")
        environment.enter(place, arguments)
    return arguments


def provide_system(arguments: list[str], install: bool, with_venv: bool) -> None:
    """Checks or installs the system packages that these arguments need. Imports late, so that kit starts quickly."""
    if not (with_venv or needs_system(arguments)):
        return
    from kit.setup import packages

    wanted = packages.wanted(sandbox="--no-sandbox" not in arguments)
    needs = (packages.VENV,) * with_venv + wanted * needs_system(arguments)
    packages.provide(needs, packages.this_system(), install=install)


def make_venv(place: environment.Place) -> None:
    """Makes kit's own environment."""
    from kit.setup import venv

    venv.make(place)


def take_no_install(arguments: list[str]) -> tuple[list[str], bool]:
    """The arguments without --no-install, and whether system packages may be installed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own, rest = arguments[:end], arguments[end:]
    if NO_INSTALL in own:
        os.environ["KIT_NO_INSTALL"] = "1"
    return [a for a in own if a != NO_INSTALL] + rest, not os.environ.get("KIT_NO_INSTALL")


def verb_of(arguments: list[str]) -> str:
    """The verb; empty if there is none."""
    return next((a for a in arguments if not a.startswith("-")), "")


def needs_system(arguments: list[str]) -> bool:
    """Whether the verb compiles or boots. `test --quick` compiles the guest's programs, so it counts."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return verb_of(own) in BOOTING and not {"-h", "--help"} & set(own)


if __name__ == "__main__":
    sys.exit(main())

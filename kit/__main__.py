"""The start of kit: argv in, what is missing on this machine set up, then the verbs of kit.cli. Standard library only.

Reached as `python3 kit`, `python3 -m kit`, `.venv/bin/kit`, and as `kit` where a user installed it with pip. Until the
version check this file must parse and run on any python 3, so that an old one gets a sentence and not a SyntaxError.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

if __name__ == "__main__" and not __package__:
    # `python3 kit` has put kit/ itself first: a module of kit would hide one of the standard library of the same name.
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
    """Set up what is missing, then run the verb; the exit code of design.md. Replaces this process by the venv's."""
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
    """Give streams that were closed (`>&-`) /dev/null, before the next file takes their number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def prepare(arguments: list[str]) -> list[str]:
    """Make the machine ready for these arguments and return them without set-up's own option.

    Does not return where another python has to run them: it is replaced by the one of kit's own environment.
    """
    arguments, install = take_no_install(arguments)
    if verb_of(arguments) == "help" and "--write" not in arguments:
        return arguments  # pages are read on a bare machine too
    if environment.is_users_own(ROOT):
        provide_system(arguments, install, with_venv=False)
        return arguments
    entered = os.environ.pop(environment.ENTERED, "")
    place = environment.find(ROOT)
    ready = environment.is_ready(place)
    if ready and environment.is_inside(place) and entered == place.folder:
        return arguments  # the start that led here has looked at the system
    provide_system(arguments, install, with_venv=not ready)
    if not ready:
        make_venv(place)
    if not environment.is_inside(place):
        if entered == place.folder:
            raise MachineError("its python does not use this folder", where=place.folder, hint="delete it")
        environment.enter(place, arguments)
    return arguments


def provide_system(arguments: list[str], install: bool, with_venv: bool) -> None:
    """See to the system packages that these arguments need. Imported only then: a start of kit is to be instant."""
    if not (with_venv or needs_system(arguments)):
        return
    from kit.setup import packages

    needs = (packages.VENV,) * with_venv + packages.ALL * needs_system(arguments)
    packages.provide(needs, packages.this_system(), install=install)


def make_venv(place: environment.Place) -> None:
    """Make kit's own environment; imported only where it is missing."""
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
    """The verb, empty where none is named."""
    return next((a for a in arguments if not a.startswith("-")), "")


def needs_system(arguments: list[str]) -> bool:
    """Whether these arguments ask for a verb that compiles and boots; the quick tests compile too."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return verb_of(own) in BOOTING and not {"-h", "--help"} & set(own)


if __name__ == "__main__":
    sys.exit(main())

"""Finds the Python environment for kit, ready or yet to be made, and enters it.

Every start of kit runs this, so it imports little (typing alone would cost 7 ms) and starts no process.
"""

from __future__ import annotations

import hashlib
import os
import sys

MARK = "kit-setup"  # file in the environment: "building", or its key and Python version once it is complete
BUILDING = "building\n"
ENTERED = "KIT_ENTERED"  # tells the next Python that it was started by `enter`, so that it does not enter again
FORM = "1"  # version of what kit.setup.venv makes; another number makes all environments anew
RUNTIME = (
    *("elftools", "jinja2", "junitparser", "numpy", "pexpect", "pydantic"),
    *("qemu", "rich", "scipy", "shtab", "tabulate", "yaml"),
)


class Place:
    """The project's folder (absolute, without links) and its environment's folder."""

    __slots__ = ("folder", "root")

    def __init__(self, root: str, folder: str) -> None:
        self.root = root
        self.folder = folder

    @property
    def lock_file(self) -> str:
        """The file with the Python packages and their hashes."""
        return os.path.join(self.root, "requirements.lock")

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return os.path.join(self.folder, "bin", "python")

    @property
    def mark(self) -> str:
        """The file that says whether the environment is complete."""
        return os.path.join(self.folder, MARK)


def find(root: str) -> Place:
    """The place that is ready, or else the one to make: .venv in the project, or in the cache if that is impossible.

    A .venv that kit did not make is left alone.
    """
    here, cached = Place(root, os.path.join(root, ".venv")), Place(root, cache_folder(root))
    for place in (here, cached):
        if is_ready(place):
            return place
    return here if os.access(root, os.W_OK) and may_replace(here) else cached


def cache_folder(root: str) -> str:
    """The environment's folder in the user's cache, one for each project folder."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(cache):  # the XDG specification says to ignore relative paths
        cache = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "kit", "venv-" + hashlib.sha256(root.encode()).hexdigest()[:16])


def may_replace(place: Place) -> bool:
    """Whether the folder is free, or holds an environment that kit made."""
    return not os.path.lexists(place.folder) or os.path.exists(place.mark)


def key(place: Place) -> str:
    """The hash of everything that an environment depends on: lock file, location, and the interpreter it links to."""
    with open(place.lock_file, "rb") as file:
        lock = file.read()
    text = "\n".join((FORM, place.root, place.folder, os.path.realpath(place.python)))
    return hashlib.sha256(text.encode() + b"\n" + lock).hexdigest()


def is_ready(place: Place) -> bool:
    """Whether the environment is complete and made for this lock file, location and interpreter."""
    try:
        with open(place.mark, encoding="utf-8") as file:
            made_key, _, version = file.read().strip().partition("\n")
    except OSError:
        return False
    # An unversioned link may now point to a newer interpreter: only the running one can tell.
    right_version = not is_inside(place) or version == python_version()
    return right_version and os.path.exists(place.python) and made_key == key(place)


def python_version() -> str:
    """The running interpreter's version as environments depend on it, as in "3.11"."""
    return "{}.{}".format(*sys.version_info[:2])


def is_inside(place: Place) -> bool:
    """Whether the running Python is the environment's."""
    return os.path.realpath(sys.prefix) == os.path.realpath(place.folder)


def is_users_own(root: str) -> bool:
    """Whether the user installed kit and its dependencies with pip where this Python looks; or root is not a clone."""
    if not os.path.exists(os.path.join(root, "requirements.lock")):
        return True
    return any(map(has_kit_installed, sys.path)) and all(map(is_importable, RUNTIME))


def has_kit_installed(folder: str) -> bool:
    """Whether pip has recorded kit in a folder of sys.path."""
    try:
        return any(name.startswith("kit-") and name.endswith(".dist-info") for name in os.listdir(folder or "."))
    except OSError:
        return False


def is_importable(name: str) -> bool:
    """Whether this Python has a top-level module of that name; does not import it."""
    return any(finder.find_spec(name, None) is not None for finder in sys.meta_path if hasattr(finder, "find_spec"))


def enter(place: Place, arguments: list[str]) -> None:
    """Replaces this process by the environment's Python, running kit with the same arguments."""
    os.environ[ENTERED] = place.folder
    sys.stdout.flush()
    sys.stderr.flush()
    # -P: neither the current directory nor kit/ comes first on the module path.
    start = os.path.join(place.root, "kit", "__main__.py")
    os.execv(place.python, [place.python, "-P", start, *arguments])

"""Compiled where numba is installed, plain Python where it is not: same functions, same results, 20 to 80 times slower.

Compiled code is kept on disk between processes. numba looks only at the file of a function, not at those that it calls, so
the folder is named after the contents of all kernels: changed kernels never run stale code.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

HERE = Path(__file__).resolve().parent
READ_BY_KERNELS = ("_columns", "_jit", "problem")  # without kernels of their own
Function = TypeVar("Function", bound=Callable)


def _keep_at() -> str:
    """A folder for this version of the kernels that can be written; '' where there is none."""
    files = {path: path.read_bytes() for path in sorted(HERE.glob("*.py"))}
    sources = b"\0".join(text for path, text in files.items() if b"@jit" in text or path.stem in READ_BY_KERNELS)
    name = "kernels-" + hashlib.sha256(sources).hexdigest()[:16]
    told = os.environ.get("NUMBA_CACHE_DIR")
    for folder in ([Path(told)] if told else []) + [HERE / "__pycache__", Path("~/.cache/vpp").expanduser()]:
        try:
            (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder / name, os.W_OK):
            return str(folder / name)
    return ""


try:
    import numba

    COMPILED = True
    _FOLDER = _keep_at()
    setattr(numba.config, "CACHE_DIR", _FOLDER)  # noqa: B010  (a name that the stubs do not know)

    def jit(function: Function) -> Function:
        """Compile without the interpreter's lock; kept on disk between processes."""
        compiled: Any = numba.njit(cache=bool(_FOLDER), nogil=True)(function)
        return cast(Function, compiled)

except ImportError:
    COMPILED = False

    def jit(function: Function) -> Function:
        return function

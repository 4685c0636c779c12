"""A process that runs functions for a test: it reads pickled (name, arguments) from its
input and writes ("value", ...), ("raised", problems) or ("broken", traceback).
"""

import os
import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from lstm_ref.conversion import ConversionError


def serve(functions: Mapping[str, Callable[..., Any]]) -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a framework prints is not an answer
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = ("value", functions[name](*arguments))
        except ConversionError as error:
            answer = ("raised", error.problems)
        except Exception:
            answer = ("broken", traceback.format_exc())
        pickle.dump(answer, answers)
        answers.flush()

"""The models that a server answers with, and what a request to them may cost."""

import os
import threading

LARGEST_MEMORY = 2 * 2**30


class NotFoundError(Exception):
    """Raised where a request names what is not served, in the server's words."""


class Served:
    """Models by name, whichever way they are asked.

    As many requests are read, computed and written at a time as there are processors: more would need more memory and
    end no sooner.

    Args:
        models: List of `watching.Model`.
        largest_memory: About how many bytes of memory a request may need. One with a single row is always computed.

    Attributes:
        models: Dictionary from names to `watching.Model`.
        memory: The same as `largest_memory`.
        slots: Semaphore to hold while a request is answered.
    """

    def __init__(self, models, largest_memory=LARGEST_MEMORY):
        self.models = {model.name: model for model in models}
        self.memory = largest_memory
        self.slots = threading.BoundedSemaphore(os.cpu_count() or 1)

    def find(self, name, number=None):
        """The loaded version that a request names.

        Raises:
            NotFoundError: If there is none.
        """
        version = self.models[name].current if name in self.models else None
        if version is None or number not in (None, version.number):
            wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
            raise NotFoundError(f"Servable not found for request: {wanted}")
        return version

    def states(self, name, number=None):
        """The states of a model's versions, the newest first: triples of number, state and an error's message.

        Raises:
            NotFoundError: If there is none.
        """
        model = self.models.get(name)
        states = model.states if model else {}
        if number is not None and model is not None and number not in states:
            raise NotFoundError(f"Could not find version {number} of model {name}")
        if not states:
            raise NotFoundError(f"Could not find any versions of model {name}")
        newest_first = sorted(states.items(), reverse=True)
        return [(version, *state) for version, state in newest_first if number in (None, version)]

    def check_rows(self, signature, inputs, row):
        """Refuses what would need too much memory.

        Args:
            signature: Name of the signature.
            inputs: Dictionary of arrays.
            row: Bytes that a row of it needs.

        Raises:
            ValueError: If there are too many rows.
        """
        rows = max((len(value) for value in inputs.values() if value.ndim), default=1)
        most = max(1, self.memory // max(1, row))
        if rows > most:
            raise ValueError(
                f"A request may need {self.memory} bytes of memory. Received: {rows} rows of {signature}, which need "
                f"about {row} each; ask for at most {most} at a time"
            )

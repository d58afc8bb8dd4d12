"""Starts Airbyte's Auth0 connector, also under Python 3.11.

Its CDK has dataclasses whose defaults are other dataclasses' instances. Python 3.11 refuses such a default because the
instance has no hash; so each gets the one that every object has by its identity. Nothing else is changed.
"""

import dataclasses
import functools
from typing import Any

make = dataclasses.dataclass


def make_hashable(cls: Any = None, /, **options: Any) -> Any:
    if cls is None:
        return functools.partial(make_hashable, **options)
    made = make(cls, **options)
    if made.__hash__ is None:
        made.__hash__ = object.__hash__
    return made


dataclasses.dataclass = make_hashable

from source_auth0.run import run  # noqa: E402

run()

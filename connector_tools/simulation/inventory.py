"""The products and SIMs that subscribers can get: invented ones, or those of a staging system."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_IMSI = re.compile(r"[0-9]{15}")
_LISTED = re.compile(r"([0-9]{1,9})=(.+)")


@dataclass(frozen=True, slots=True)
class Product:
    """A product by its name, with the attributes of its access policy.

    Without attributes (None) the policy has the product's name as `cs_profile`, and as
    `eps_profile` a name that holds the version of the data.
    """

    name: str
    attributes: Mapping[str, str] | None = None


INVENTED = {3774: Product("mobile-l"), 3780: Product("mobile-m"), 3790: Product("mobile-s")}


@dataclass(frozen=True, slots=True)
class Inventory:
    """The products by their `i_product`, and the IMSIs; without IMSIs, SIMs are invented."""

    products: Mapping[int, Product] = field(default_factory=lambda: INVENTED)
    imsis: tuple[str, ...] = field(default=(), repr=False)


def read_products(given: str) -> dict[int, Product]:
    """Read products: a list such as `3774=Mobile L,3780=Mobile M`, or the name of a JSON file.

    Raises:
        ValueError: There is no product, or one cannot be read. The text says what to write.
    """
    found: dict[int, Product] = {}
    listed = _LISTED.match(given)
    for number, product in _listed(given) if listed else _in_file(Path(given)):
        if number in found:
            raise ValueError(f"--products: the product {number} is given twice; name it once")
        found[number] = product
    if not found:
        raise ValueError(f"--products: {given} has no product; give at least one")
    return found


def read_imsis(file: Path) -> tuple[str, ...]:
    """Read IMSIs, one on each line; empty lines and lines with a `#` in front do not count.

    Raises:
        ValueError: The file cannot be read, or a line is not an IMSI. The text has the line's
            number and not its content.
    """
    found: dict[str, int] = {}
    for at, line in enumerate(_text("--imsis", file).splitlines(), 1):
        imsi = line.strip()
        if not imsi or imsi.startswith("#"):
            continue
        if not _IMSI.fullmatch(imsi):
            raise ValueError(f"--imsis: {file}:{at} is not an IMSI: write 15 digits on a line")
        if imsi in found:
            raise ValueError(f"--imsis: {file}:{at} repeats line {found[imsi]}; remove one")
        found[imsi] = at
    if not found:
        raise ValueError(f"--imsis: {file} has no IMSI; write 15 digits on a line")
    return tuple(found)


def _listed(given: str) -> list[tuple[int, Product]]:
    parts = [(_LISTED.fullmatch(part.strip()), part) for part in given.split(",")]
    for match, part in parts:
        if match is None:
            raise ValueError(
                f"--products: `{part.strip()}` must be I_PRODUCT=NAME, as in 3774=Gold"
            )
    return [(int(match[1]), Product(match[2].strip(), {})) for match, _ in parts if match]


def _in_file(file: Path) -> list[tuple[int, Product]]:
    try:
        found = json.loads(_text("--products", file))
    except ValueError as error:
        if not isinstance(error, json.JSONDecodeError):
            raise
        raise ValueError(f"--products: {file}:{error.lineno} is not JSON: {error.msg}") from None
    if not isinstance(found, list):
        raise ValueError(f'--products: {file} must be a list: [{{"i_product": 1, "name": "Gold"}}]')
    return [_product(at, one) for at, one in enumerate(found, 1)]


def _product(at: int, one: Any) -> tuple[int, Product]:
    match one:
        case {"i_product": int(number), "name": str(name), **rest} if rest.keys() <= {
            "attributes"
        } and _are_texts(rest.get("attributes", {})):
            attributes: Any = rest.get("attributes", {})
            return number, Product(name, attributes)
    raise ValueError(
        f"--products: product {at} of the file must have `i_product` (a number), `name` (a text) "
        "and may have `attributes` (an object of texts), and nothing else"
    )


def _are_texts(attributes: Any) -> bool:
    return isinstance(attributes, dict) and all(isinstance(one, str) for one in attributes.values())


def _text(option: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{option}: {file} is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"{option}: cannot read {file}: {error.strerror}") from None

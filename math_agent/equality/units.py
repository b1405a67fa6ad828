"""The units that may follow a number: a closed list, so that no other word passes for one.

"3 thousand" is not 3, "10 below zero" is not 10 and "2 thirds" is not 2: a word that is not listed
here makes the answer a text. A unit of measure has a dimension and a factor, so that 100 cm is 1 m
and 5 cm is not 5 m; a counted thing (apples, in things.txt) has neither.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of measure: what it measures, as sorted (dimension, power) pairs, and how much.

    `factor` is in the base units of the dimensions; a counted thing has no dimension, but a name,
    which is the same in the singular and the plural.
    """

    dimensions: tuple[tuple[str, int], ...] = ()
    factor: Fraction = Fraction(1)
    thing: str = ""

    def power(self, exponent: int) -> Unit:
        """This unit squared, cubed, ..."""
        dimensions = tuple((name, power * exponent) for name, power in self.dimensions)
        return Unit(dimensions, self.factor**exponent, self.thing)

    def times(self, other: Unit) -> Unit:
        """The unit of a product."""
        powers = dict(self.dimensions)
        for name, power in other.dimensions:
            powers[name] = powers.get(name, 0) + power
        dimensions = tuple(sorted((name, power) for name, power in powers.items() if power))
        return Unit(dimensions, self.factor * other.factor, other.thing or self.thing)


COUNTED = Unit()


def counted(word: str) -> Unit:
    """The unit of a counted thing: apples, apple."""
    return Unit(thing=word.lower().rstrip("s").rstrip("e"))


ANGLE = (("angle", 1),)

# dimensions: {factor: names}; names of one letter or with a capital are compared as written
_MEASURES = {
    "length": {
        "1e-9": "nm nanometer nanometers nanometre nanometres",
        "1e-6": "μm micrometer micrometers micrometre micrometres micron microns",
        "0.001": "mm millimeter millimeters millimetre millimetres",
        "0.01": "cm centimeter centimeters centimetre centimetres",
        "0.1": "dm decimeter decimeters decimetre decimetres",
        "1": "m meter meters metre metres",
        "1000": "km kilometer kilometers kilometre kilometres kms",
        "0.0254": "in inch inches",
        "0.3048": "ft foot feet",
        "0.9144": "yd yds yard yards",
        "1609.344": "mi mile miles",
        "1e-10": "Å AA angstrom angstroms",
        "149597870700": "AU",
    },
    "astronomy": {
        "1": "pc parsec parsecs",
        "1000": "kpc",
        "1e6": "Mpc",
    },
    "length^3": {
        "1e-6": "ml mL milliliter milliliters millilitre millilitres",
        "1e-5": "cl cL centiliter centiliters",
        "0.001": "l L liter liters litre litres",
    },
    "US volume": {
        "1/768": "tsp teaspoon teaspoons",
        "1/256": "tbsp tablespoon tablespoons",
        "1/16": "cup cups",
        "1/8": "pt pint pints",
        "1/4": "qt quart quarts",
        "1": "gal gallon gallons",
    },
    "area": {"1": "acre acres", "2.47105": "ha hectare hectares"},
    "mass": {
        "1e-6": "mg milligram milligrams",
        "0.001": "g gram grams",
        "1": "kg kilogram kilograms kilo kilos kgs",
        "1000": "t tonne tonnes",
    },
    "US weight": {
        "1": "oz ounce ounces",
        "16": "lb lbs pound pounds",
        "32000": "ton tons",
    },
    "time": {
        "0.001": "ms millisecond milliseconds",
        "1": "s sec secs second seconds",
        "60": "min mins minute minutes",
        "3600": "h hr hrs hour hours",
        "86400": "day days",
        "604800": "week weeks wk wks",
    },
    "months": {"1": "month months", "12": "year years yr yrs", "120": "decade decades"},
    "dollars": {"1": "$ dollar dollars USD usd buck bucks", "0.01": "cent cents ¢"},
    "euros": {"1": "€ euro euros EUR"},
    "sterling": {"1": "£ GBP", "0.01": "pence"},
    "yuan": {"1": "yuan RMB CNY renminbi"},
    "yen": {"1": "yen JPY ¥"},
    "rupees": {"1": "rupee rupees Rs INR ₹", "0.01": "paise"},
    "angle": {"1": "degree degrees deg", "1/60": "arcminute arcminutes"},
    "radians": {"1": "radian radians rad rads"},
    "kelvin": {"1": "K kelvin kelvins"},
    "celsius": {"1": "°C Celsius celsius centigrade ℃"},
    "fahrenheit": {"1": "°F Fahrenheit fahrenheit ℉"},
    "length * time^-1": {"1000/3600": "kmh kph kmph", "0.44704": "mph"},
    "frequency": {"1": "Hz hertz", "1000": "kHz", "1e6": "MHz", "1e9": "GHz"},
    "force": {"1": "N newton newtons", "1000": "kN"},
    "energy": {"1": "J joule joules", "1000": "kJ", "1e6": "MJ", "1e-7": "erg ergs"},
    "food energy": {"1": "kcal calorie calories cal"},
    "electric energy": {"1": "kWh"},
    "particle energy": {"1": "eV", "1000": "keV", "1e6": "MeV", "1e9": "GeV"},
    "power": {"1": "W watt watts", "1000": "kW kilowatt kilowatts", "1e6": "MW"},
    "pressure": {"1": "Pa pascal pascals", "1000": "kPa", "1e6": "MPa", "101325": "atm"},
    "voltage": {"1": "V volt volts", "0.001": "mV", "1000": "kV"},
    "current": {"1": "A amp amps ampere amperes", "0.001": "mA"},
    "resistance": {"1": "Ω ohm ohms", "1000": "kΩ"},
    "charge": {"1": "C coulomb coulombs"},
    "capacity": {"1": "F farad farads"},
    "magnetism": {"1": "T tesla teslas"},
    "substance": {"1": "mol mole moles mols", "0.001": "mmol"},
    "data": {"1": "byte bytes", "1e3": "KB kB", "1e6": "MB", "1e9": "GB", "1e12": "TB"},
    "bits": {"1": "bit bits"},
}

# a word before a unit, and the power that it means
MODIFIERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


def _dimensions(written: str) -> tuple[tuple[str, int], ...]:
    """(("length", 1), ("time", -1)) of "length * time^-1"."""
    powers = (part.partition("^") for part in written.split(" * "))
    return tuple((name, int(power or 1)) for name, _, power in powers)


MEASURES: dict[str, Unit] = {
    name: Unit(_dimensions(measured), Fraction(factor))
    for measured, units in _MEASURES.items()
    for factor, names in units.items()
    for name in names.split()
}
CURRENCIES = frozenset(MEASURES[name] for name in ("$", "€", "£", "yuan", "yen", "rupee"))
# What tasks count; the singular of a plural in -s is known with it.
THINGS = frozenset(Path(__file__).with_name("things.txt").read_text(encoding="ascii").split())


def measure(word: str) -> Unit | None:
    """The unit of measure of this name; long names in any case, short ones as written."""
    if word in MEASURES:
        return MEASURES[word]
    return MEASURES.get(word.lower()) if len(word) > 3 else None


def is_thing(word: str) -> bool:
    """Whether `word` is a counted thing, in the singular or the plural."""
    word = word.lower()
    if len(word) < 3:
        return False
    if word in THINGS or f"{word}s" in THINGS:
        return True
    return word.endswith(("s", "x", "z", "ch", "sh", "o")) and f"{word}es" in THINGS

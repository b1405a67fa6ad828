"""The units that may follow a number: a closed list, so that no other word passes for one.

"3 thousand" is not 3, "10 below zero" is not 10 and "2 thirds" is not 2: a word that is not listed
here makes the answer a text. A unit of measure has a dimension and a factor, so that 100 cm is 1 m
and 5 cm is not 5 m; a counted thing (apples) has neither.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of measure: what it measures, as sorted (dimension, power) pairs, and how much.

    `factor` is in the base units of the dimensions; a counted thing has no dimension.
    """

    dimensions: tuple[tuple[str, int], ...] = ()
    factor: Fraction = Fraction(1)

    def power(self, exponent: int) -> Unit:
        """This unit squared, cubed, ..."""
        dimensions = tuple((name, power * exponent) for name, power in self.dimensions)
        return Unit(dimensions, self.factor**exponent)

    def times(self, other: Unit) -> Unit:
        """The unit of a product."""
        powers = dict(self.dimensions)
        for name, power in other.dimensions:
            powers[name] = powers.get(name, 0) + power
        dimensions = tuple(sorted((name, power) for name, power in powers.items() if power))
        return Unit(dimensions, self.factor * other.factor)


COUNTED = Unit()
ANGLE = (("angle", 1),)

# dimension: {factor: names}; names of one letter or with a capital are compared as written
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
    "volume": {
        "0.001": "ml mL milliliter milliliters millilitre millilitres",
        "0.01": "cl cL centiliter centiliters",
        "1": "l L liter liters litre litres",
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
    "speed": {"1": "kmh kph kmph"},
    "US speed": {"1": "mph"},
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

# what tasks count; the singular of a plural in -s is known with it
_THINGS = """
acorns actors adults ages angles animals answers ants apartments apples apps arms arrangements
articles attempts awards axes babies badges bags bales balloons balls bananas bandages bars baskets
batches batteries beads beans bears beats beds bees berries bicycles big bikes bills bins birds
biscuits blocks blueberries boats bolts bones books bottles bouquets bowls boxes boys bracelets
branches bricks brothers brownies bugs buildings bulbs bunches buses bushels bushes businesses
busses butterflies buttons cabinets cakes calls campers candies candles cans capsules cards
carnations carrots cars cartons cartridges cases cats cells chains chairs channels cherries
chickens chips chocolates choices chores choruses circles citizens classes classrooms clients clips
clocks clothes cloths clouds clowns coaches coats coconuts codes coins colors colours columns
combinations comics components computers cones containers contestants cookies copies corners
couples courses cousins cows crabs crackers crates crayons crews crickets crystals cubes cubs
cupcakes customers cuts cycles daisies dancers dates daughters deep deer desks desserts diagonals
dice digits dinners dishes divisors dogs dollhouses dolls dominoes donuts doors doses dots
doughnuts downloads drawers drawings dresses drinks drivers drops ducklings ducks each earrings
ears edges eggs elements elephants emails employees engineers engines envelopes episodes erasers
errors events eyes faces factors families fans farmers fathers females fish fishes flags fleas
flies flights floors flowers flyers followers footballs forks friends frogs fruits functions games
geckos geese gems gifts girls glasses goals goats goldfish golfers grades grandchildren grapes
groups guests guns guppies hairs hamburgers hats hearts helmets hens herbs high hits holes homes
horses hotdogs hotels houses individual insects instances integers items jars jeans jellyfish
jewels jobs journals juices jumps keys kids kilowatts kinds kites kittens labels ladies ladybugs
lambs laps laptops large laughs layers leaves legs lemons letters levels lights lilies limes lines
lions lizards loads loaves lobsters logs lollipops long losses lots lunches machines magazines
males mangoes maps marbles marks marshmallows masks matches meals meatballs medals members men
messages mice minnows mistakes monkeys monsters movies muffins mushrooms nails napkins necklaces
neighbors nephews nests newspapers nickels nights notebooks notes novels numbers nuts objects old
onions operations options oranges orbits orders outcomes outfits oysters packages packets packs
pages paintings pairs pallets pancakes panels pans pants papers parents parts passengers pastries
paths patients peaches peanuts pearls pears pebbles pencils penguins pens people peppers periods
permutations person persons pets phones photographs photos phrases pictures pieces pies pigeons
pigs pillows pills pineapples pizzas places planes planets planks plants plates players plums
points popsicles positions possibilities posters posts potatoes pots presents primes prizes
problems products programs pumpkins pupils puppies puzzles questions quizzes rabbits raccoons
racers radishes raisins rats rectangles regions reports residents ribbons rides rings rocks roots
roses rotations rounds rows runners runs sandwiches saplings sausages scarves schools scoops scores
seashells seats sections seeds segments servings sessions sets shapes shares sharks sheep sheets
shells shelves ships shirts shoes shops shots siblings sides signatures signs singers sisters
slices small snails snakes snowflakes socks sodas soldiers solutions songs sons spaces spiders
spoons spots squares squirrels stairs stamps stars states stations steaks steps stickers sticks
stitches stones stories strawberries straws streets strings students subsets suitcases suits
sunflowers surveys sweets symbols tables tadpoles tall tanks tasks teachers teams teeth tents terms
tests texts things throws tickets tiles times tins tires toads toddlers toes tokens tomatoes
toothpicks topics total towels towers toys trains trays trees triangles tricks trips trucks tubs
tulips tumblers turkeys turns turtles twigs types umbrellas uncles uniforms unit units values vans
vegetables vehicles vertices videos views villagers visitors visits volunteers votes walls
watermelons ways whales wheels whole wide windows wings wins wipes wolves women words workers worms
years
"""
# a word before a unit, and the power that it means
MODIFIERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}

MEASURES: dict[str, Unit] = {
    name: Unit(((dimension, 1),), Fraction(factor))
    for dimension, units in _MEASURES.items()
    for factor, names in units.items()
    for name in names.split()
}
MEASURES["mph"] = Unit((("length", 1), ("time", -1)), Fraction("1609.344") / 3600)
_METRIC_VOLUMES = """
ml mL milliliter milliliters millilitre millilitres cl cL centiliter centiliters l L liter liters
litre litres
"""
for _name in _METRIC_VOLUMES.split():
    MEASURES[_name] = Unit((("length", 3),), MEASURES[_name].factor / 1000)
for _name in ("kmh", "kph", "kmph"):
    MEASURES[_name] = Unit((("length", 1), ("time", -1)), Fraction(1000, 3600))
THINGS = frozenset(_THINGS.split())


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

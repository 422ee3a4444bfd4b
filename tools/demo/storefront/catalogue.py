"""What the shop sells.  Amounts are integers in cents."""

CURRENCY = "EUR"

COLOURS = {
    "sand": ("Sand", "#d9c3a0"),
    "sage": ("Sage", "#9db199"),
    "ink": ("Ink", "#36475c"),
    "rust": ("Rust", "#b8623f"),
    "ochre": ("Ochre", "#d2a03d"),
    "chalk": ("Chalk", "#e9e6df"),
    "coal": ("Coal", "#3b3d40"),
    "moss": ("Moss", "#5d6f45"),
    "sky": ("Sky", "#8fb4c9"),
    "rose": ("Rose", "#d3a29a"),
    "oak": ("Oak", "#c79a63"),
    "steel": ("Steel", "#b4bcc2"),
}

CATEGORIES = {
    "kitchen": ("Kitchen", "Plain, sturdy things for the table and the stove."),
    "living": ("Living", "Light, wool and clay for the rooms you stay in."),
    "wear": ("Wear", "Natural fibres, few colours, cut to last."),
    "outdoors": ("Outdoors", "For day trips and for nights under the trees."),
}

SIZES = ["S", "M", "L", "XL"]


class Product:
    """A product with its options; every combination has the same price."""

    def __init__(self, number, category, slug, name, price, kind, text,
                 facts, colours=(), sizes=(), stock=400):
        self.sku = "TW-%s" % number
        self.category = category
        self.slug = slug
        self.name = name
        self.price = price
        self.kind = kind
        self.text = text
        self.facts = facts
        self.colours = list(colours)
        self.sizes = list(sizes)
        self.stock = stock

    @property
    def url(self):
        return "/p/" + self.slug

    def options(self):
        """Option name -> allowed values, in the order of the form."""
        found = {}
        if self.sizes:
            found["size"] = self.sizes
        if self.colours:
            found["colour"] = self.colours
        return found

    def picture(self, colour=None):
        if not self.colours:
            return "/img/%s.svg" % self.slug
        return "/img/%s.%s.svg" % (self.slug, colour or self.colours[0])

    def words(self):
        return " ".join([self.name, self.text, self.sku,
                         CATEGORIES[self.category][0]]
                        + [COLOURS[c][0] for c in self.colours]).lower()


PRODUCTS = [
    Product(101, "kitchen", "stoneware-mug", "Stoneware mug", 1495, "mug",
            "A mug that keeps its warmth: thick walls, a handle for the "
            "whole hand, and a foot left unglazed.",
            ["300 ml", "Dishwasher and microwave safe", "Fired twice"],
            ["sand", "sage", "ink"]),
    Product(102, "kitchen", "serving-bowl", "Wide serving bowl", 3200, "bowl",
            "Deep enough for pasta for four, wide enough to show a salad.",
            ["28 cm across", "Stoneware", "Oven safe to 220 °C"],
            ["chalk", "sky", "rust"]),
    Product(103, "kitchen", "water-carafe", "Carafe with glass", 2990,
            "carafe", "Hand-blown carafe; its tumbler is also the lid.",
            ["0.8 l", "Borosilicate glass", "Wash by hand"]),
    Product(104, "kitchen", "oak-board", "Oak chopping board", 3900, "board",
            "One piece of end-grain oak with a juice groove, oiled and "
            "ready for use.", ["3 cm thick", "European oak", "Oiled"],
            [], ["Small", "Large"]),
    Product(105, "kitchen", "cooks-knife", "Cook's knife 20 cm", 6400,
            "knife", "A blade of carbon-rich steel, balanced at the bolster, "
            "with a walnut handle.",
            ["20 cm blade", "58 HRC", "Walnut handle"]),
    Product(106, "kitchen", "gooseneck-kettle", "Gooseneck kettle", 5800,
            "kettle", "Pours a thin, steady stream for filter coffee.",
            ["1.0 l", "Steel, powder-coated", "For every hob"],
            ["coal", "chalk", "moss"]),
    Product(107, "kitchen", "tea-towels", "Linen tea towels, pair", 1650,
            "towel", "Washed linen that dries glasses without lint.",
            ["50 x 70 cm", "100 % linen", "Washes at 60 °C"],
            ["ochre", "ink", "rose"]),

    Product(201, "living", "table-lamp", "Mushroom table lamp", 7900, "lamp",
            "A soft pool of light for a sideboard or a bedside.",
            ["E14, 25 W at most", "Steel shade", "1.8 m cable"],
            ["rust", "chalk", "moss"]),
    Product(202, "living", "linen-cushion", "Linen cushion", 3490, "cushion",
            "Heavy linen with a hidden zip and a feather filling.",
            ["50 x 50 cm", "Cover comes off", "Linen and cotton"],
            ["sage", "ochre", "sand"]),
    Product(203, "living", "wool-throw", "Wool throw", 8900, "throw",
            "Woven from lambswool in a small mill, with twisted fringes.",
            ["130 x 180 cm", "Lambswool", "1.1 kg"],
            ["sky", "rose", "coal"]),
    Product(204, "living", "bud-vase", "Bud vase", 1990, "vase",
            "For one branch, or for none at all.",
            ["17 cm high", "Stoneware", "Watertight"],
            ["rose", "ink", "chalk"]),
    Product(205, "living", "wall-clock", "Quiet wall clock", 4500, "clock",
            "A sweep movement without a tick and numerals you can read "
            "across the room.", ["30 cm across", "Silent", "One AA cell"],
            ["chalk", "moss"]),
    Product(206, "living", "soy-candle", "Soy wax candle", 1850, "candle",
            "Poured by hand; burns for two long weekends.",
            ["45 hours", "Cotton wick", "Cedar or fig"],
            [], ["Cedar", "Fig"]),
    Product(207, "living", "plant-pot", "Plant pot with saucer", 2490, "pot",
            "Breathing clay on the inside, a matt glaze on the outside.",
            ["Hole and saucer", "Stoneware", "Frost-proof"],
            ["rust", "sage", "coal"], ["14 cm", "19 cm"]),

    Product(301, "wear", "organic-tee", "Organic cotton tee", 2990, "tee",
            "The weight of a good poster: 200 g of combed cotton, with a "
            "collar that stays flat.",
            ["200 g/m² organic cotton", "Regular fit", "Made in Portugal"],
            ["chalk", "ink", "moss"], SIZES),
    Product(302, "wear", "lambswool-jumper", "Lambswool jumper", 9800,
            "jumper", "Knitted in one piece, so no seam sits on the shoulder.",
            ["100 % lambswool", "Hand wash", "Relaxed fit"],
            ["ochre", "coal", "sky"], SIZES),
    Product(303, "wear", "ribbed-beanie", "Ribbed beanie", 2400, "beanie",
            "Double layer, deep cuff, warm ears.",
            ["Merino", "One size", "Made in Scotland"],
            ["rust", "moss", "ink"]),
    Product(304, "wear", "merino-scarf", "Merino scarf", 4900, "scarf",
            "Fine merino, long enough to go round twice.",
            ["30 x 190 cm", "Extra-fine merino", "Does not itch"],
            ["rose", "sage", "coal"]),
    Product(305, "wear", "everyday-socks", "Everyday socks", 1200, "socks",
            "Flat toe seam, soft rib, a heel that is really a heel.",
            ["80 % cotton", "Reinforced heel", "One pair"],
            ["ink", "ochre", "sage"], ["36-39", "40-43", "44-47"]),
    Product(306, "wear", "canvas-tote", "Canvas tote", 2200, "tote",
            "Carries a laptop and a loaf; the straps fit over a coat.",
            ["40 x 38 cm", "340 g canvas", "Inner pocket"],
            ["sand", "coal"]),
    Product(307, "wear", "rain-jacket", "Rain jacket", 12900, "jacket",
            "Taped seams, a hood that turns with the head, no logo.",
            ["15,000 mm water column", "Recycled shell", "Packs small"],
            ["ochre", "ink", "moss"], SIZES),

    Product(401, "outdoors", "steel-bottle", "Insulated bottle", 2750,
            "bottle", "Hot for twelve hours, cold for a day.",
            ["Double wall", "Steel, powder-coated", "Leakproof"],
            ["moss", "sky", "rust"], ["0.5 l", "0.75 l"]),
    Product(402, "outdoors", "day-pack", "Day pack 18 l", 8400, "pack",
            "Roll top, padded back, and a pocket you reach while walking.",
            ["18 l", "Waxed cotton", "620 g"], ["moss", "coal", "ochre"]),
    Product(403, "outdoors", "camp-lantern", "Camp lantern", 4200, "lantern",
            "Warm light, three steps, charges in two hours.",
            ["200 lumen", "USB-C", "36 hours on low"], ["rust", "coal"]),
    Product(404, "outdoors", "travel-hammock", "Travel hammock", 6900,
            "hammock", "Two straps, two minutes, one afternoon.",
            ["Holds 180 kg", "510 g", "Straps included"],
            ["sky", "rust", "moss"]),
    Product(405, "outdoors", "enamel-mug", "Enamel camp mug", 1150, "enamel",
            "Goes on the fire, in the pack and on the table.",
            ["350 ml", "Enamelled steel", "Rolled rim"],
            ["chalk", "ink", "rust"]),
    Product(406, "outdoors", "picnic-blanket", "Picnic blanket", 5400,
            "picnic", "Wool above, a dry back below, and a leather strap.",
            ["150 x 180 cm", "Waterproof back", "Recycled wool"],
            ["rust", "sky"]),
    Product(407, "outdoors", "pocket-torch", "Pocket torch", 2500, "torch",
            "Turned from one bar of aluminium, as long as a key.",
            ["150 lumen", "USB-C", "38 g"], ["steel"], stock=3),
]

BY_SKU = {p.sku: p for p in PRODUCTS}
BY_SLUG = {p.slug: p for p in PRODUCTS}


def in_category(name):
    return [p for p in PRODUCTS if p.category == name]


def search(query):
    """Products that hold every word of the query, names first."""
    words = query.lower().split()[:8]
    if not words:
        return []
    found = [p for p in PRODUCTS if all(w in p.words() for w in words)]
    return sorted(found, key=lambda p: not all(w in p.name.lower()
                                               for w in words))


def colour_name(colour):
    return COLOURS[colour][0] if colour in COLOURS else colour

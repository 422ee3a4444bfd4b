"""Product pictures, drawn when asked for: flat shapes, one light."""

from .catalogue import BY_SLUG, COLOURS

GROUND = {
    "kitchen": ("#f3ece1", "#e5d9c6"),
    "living": ("#eeeae6", "#dcd4cc"),
    "wear": ("#e9edee", "#d3dcdf"),
    "outdoors": ("#e8eee4", "#d0dcc9"),
}


def tone(colour, factor):
    """The colour darkened (factor < 1) or lightened towards white (> 1)."""
    parts = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
    if factor <= 1:
        parts = [round(p * factor) for p in parts]
    else:
        parts = [round(p + (255 - p) * (factor - 1)) for p in parts]
    return "#%02x%02x%02x" % tuple(parts)


def path(d, fill, extra=""):
    return '<path d="%s" fill="%s" %s/>' % (d, fill, extra)


def line(d, colour, width, extra=""):
    return ('<path d="%s" fill="none" stroke="%s" stroke-width="%s" '
            'stroke-linecap="round" stroke-linejoin="round" %s/>'
            % (d, colour, width, extra))


def oval(x, y, rx, ry, fill, extra=""):
    return ('<ellipse cx="%s" cy="%s" rx="%s" ry="%s" fill="%s" %s/>'
            % (x, y, rx, ry, fill, extra))


def box(x, y, w, h, r, fill, extra=""):
    return ('<rect x="%s" y="%s" width="%s" height="%s" rx="%s" fill="%s" %s/>'
            % (x, y, w, h, r, fill, extra))


def mug(c, d, l):
    return (line("M390 270c70-6 84 104-4 112", d, 26)
            + path("M190 220h210v170q0 60-60 60h-90q-60 0-60-60z", c)
            + path("M340 220h60v170q0 60-60 60h-20q30-110 20-230z", d)
            + oval(295, 220, 105, 24, l) + oval(295, 224, 88, 16, "#5b4032"))


def bowl(c, d, l):
    return (path("M110 270h380q-10 180-150 184h-80q-140-4-150-184z", c)
            + path("M370 270h120q-10 180-150 184h-40q80-60 70-184z", d)
            + oval(300, 270, 190, 44, l) + oval(300, 276, 168, 32, d)
            + oval(250, 272, 40, 15, "#7f9c5b") + oval(320, 278, 46, 14,
                                                       "#a9bd6f")
            + oval(372, 270, 26, 12, "#c8553d"))


def carafe(c, d, l):
    g = "#bcd3d6"
    return (path("M255 170h90v70q70 50 70 150 0 70-60 76h-110q-60-6-60-76 "
                 "0-100 70-150z", g, 'opacity=".75"')
            + path("M190 372h220q6 88-55 94h-110q-61-6-55-94z", "#8fb8c0",
                   'opacity=".8"')
            + path("M248 120h104l-8 78h-88z", "#d6e5e6", 'opacity=".9"')
            + oval(300, 120, 52, 9, "#f2f8f8")
            + line("M222 330q10-50 40-76", "#ffffff", 9, 'opacity=".8"'))


def board(c, d, l):
    c, d = "#c79a63", "#a97b47"
    return ('<g transform="rotate(-8 300 300)">'
            + box(190, 130, 220, 350, 34, d) + box(180, 122, 220, 350, 34, c)
            + box(204, 200, 172, 248, 22, "none",
                  'stroke="%s" stroke-width="7"' % d)
            + oval(290, 162, 18, 18, "#efe5d5")
            + line("M232 240q20 90 0 180M290 220q-14 100 6 210M342 240q14 80 "
                   "0 180", d, 3, 'opacity=".55"') + "</g>")


def knife(c, d, l):
    return ('<g transform="rotate(32 300 300)">'
            + path("M270 90q70 60 70 270h-70z", "#cfd6da")
            + path("M270 90q26 120 28 270h-28z", "#e9edef")
            + box(262, 356, 84, 22, 5, "#8d949a")
            + path("M266 378h74l6 130q-40 24-78 0z", "#6b4a32")
            + oval(303, 412, 6, 6, "#d8c3a5") + oval(303, 462, 6, 6, "#d8c3a5")
            + "</g>")


def kettle(c, d, l):
    return (line("M196 400q-60-6-62-90-2-60-44-62", d, 22)
            + line("M392 240q96-4 92 82-2 56-56 70", "#4b3a2d", 20)
            + path("M200 240h200l34 200q0 30-40 30h-188q-40 0-40-30z", c)
            + path("M350 240h50l34 200q0 30-40 30h-60q36-100 16-230z", d)
            + oval(300, 240, 100, 20, l) + path("M240 232q60-46 120 0z", d)
            + oval(300, 198, 17, 13, "#4b3a2d"))


def towel(c, d, l):
    stripes = "".join(line("M170 %d h150" % y, d, 6) for y in (390, 410, 430))
    return (box(120, 126, 360, 16, 8, "#8a6a4a")
            + path("M280 134h160v300h-160z", l)
            + path("M160 134h170v330h-170z", c) + stripes
            + line("M290 396h140M290 412h140", c, 6)
            + line("M210 150v220M262 150v220", d, 2, 'opacity=".4"'))


def lamp(c, d, l):
    return (oval(300, 470, 100, 20, d) + path(
        "M270 300h60l22 170h-104z", c)
        + path("M310 300h20l22 170h-40z", d)
        + path("M130 300q10-170 170-170t170 170z", c)
        + path("M330 132q132 20 140 168h-90q0-110-50-168z", d)
        + oval(300, 300, 170, 26, "#fff0c9") + oval(300, 302, 120, 16, "#ffe39b"))


def cushion(c, d, l):
    return (path("M150 170q150-26 300 0 30 130 0 270-150 30-300 0-30-140 "
                 "0-270z", c)
            + path("M450 170q30 130 0 270-150 30-300 0 190-10 300-270z", d,
                   'opacity=".55"')
            + line("M196 220q110-16 208 0M190 300q110-12 220 0M196 380q110 14 "
                   "208 0", l, 5, 'stroke-dasharray="2 16"'))


def throw(c, d, l):
    fringe = "".join(line("M%d 430v34" % x, d, 5) for x in range(150, 456, 18))
    return (fringe + box(136, 190, 330, 246, 26, c)
            + path("M136 300h330v110q0 26-26 26h-278q-26 0-26-26z", d,
                   'opacity=".6"')
            + box(136, 190, 330, 64, 26, l)
            + line("M160 330h284M160 372h284", l, 5, 'opacity=".7"'))


def vase(c, d, l):
    leaves = "".join(oval(x, y, 30, 13, "#7f9a6d",
                          'transform="rotate(%d %d %d)"' % (a, x, y))
                     for x, y, a in ((262, 150, 30), (340, 116, -35),
                                     (268, 92, 40), (318, 190, -30)))
    return (line("M300 270q4-110-2-200", "#5f7350", 6) + leaves
            + path("M274 250h52v44q90 40 84 110-6 66-70 66h-80q-64 0-70-66"
                   "-6-70 84-110z", c)
            + path("M312 250h14v44q90 40 84 110-6 66-70 66h-30q50-120 2-220z",
                   d) + oval(300, 250, 26, 7, tone(d, 0.6)))


def clock(c, d, l):
    ticks = "".join('<rect x="296" y="146" width="8" height="%d" fill="%s" '
                    'transform="rotate(%d 300 300)"/>'
                    % (34 if a % 90 == 0 else 18, tone(c, 0.42), a)
                    for a in range(0, 360, 30))
    return (oval(300, 300, 180, 180, "#c79a63") + oval(300, 300, 162, 162, c)
            + ticks + line("M300 300V206", tone(c, 0.35), 11)
            + line("M300 300l70 44", tone(c, 0.35), 11)
            + line("M300 320V190", "#b8623f", 4)
            + oval(300, 300, 11, 11, tone(c, 0.35)))


def candle(c, d, l):
    return (box(200, 250, 200, 220, 22, "#e8dfd0")
            + path("M340 250h38q22 0 22 22v176q0 22-22 22h-38z", "#d5c8b4")
            + oval(300, 256, 100, 20, "#f7f1e6") + box(226, 330, 148, 84, 6,
                                                       "#ffffff")
            + line("M250 358h100M264 380h72", "#8a7f6d", 5)
            + line("M300 254v-26", "#3b3d40", 5)
            + path("M300 150q40 46 20 78-20 14-40 0-20-32 20-78z", "#f3b13f")
            + path("M300 184q18 24 8 42-8 8-16 0-10-18 8-42z", "#fff0c0"))


def pot(c, d, l):
    leaves = "".join(
        path("M300 300q%d-90 %d-190 40 90 %d 190z" % (x, x * 2, -x), f)
        for x, f in ((-52, "#6d8b5c"), (44, "#88a574"), (-10, "#7a9967")))
    return (leaves + oval(300, 458, 130, 20, d)
            + path("M190 290h220l-26 166h-168z", c)
            + path("M350 290h60l-26 166h-60q36-80 26-166z", d)
            + box(178, 270, 244, 36, 10, l))


def tee(c, d, l):
    return (path("M220 150q80 56 160 0l90 50-40 96-44-20v196h-172v-196l-44 20"
                 "-40-96z", c)
            + path("M386 276v196h-60q60-80 60-196z", d, 'opacity=".6"')
            + line("M220 150q80 66 160 0", d, 10)
            + line("M214 276v-40M386 276v-40", d, 4, 'opacity=".7"'))


def jumper(c, d, l):
    rows = "".join(line("M224 %dh152" % y, d, 4,
                        'stroke-dasharray="6 8" opacity=".7"')
                   for y in range(240, 430, 26))
    return (path("M226 150q74 44 148 0l70 44 50 220-60 16-46-150v180h-176"
                 "v-180l-46 150-60-16 50-220z", c) + rows
            + box(212, 440, 176, 26, 8, d) + line("M226 150q74 54 148 0", d, 16)
            + line("M112 404l52 14M488 404l-52 14", d, 14))


def beanie(c, d, l):
    ribs = "".join(line("M%d 370v76" % x, d, 6) for x in range(160, 450, 26))
    return (oval(300, 150, 34, 34, l)
            + path("M150 370q-6-206 150-206t150 206z", c)
            + line("M220 362q-4-110 40-180M300 362V176M380 362q4-110-40-180",
                   d, 6, 'opacity=".8"')
            + box(136, 356, 328, 100, 26, c) + ribs)


def scarf(c, d, l):
    fringe = "".join(line("M%d 460v28" % x, d, 5)
                     for x in list(range(212, 290, 14)))
    return (path("M190 170q110-60 220 0l20 70q-130 60-260 0z", c)
            + path("M190 240q110 60 230-10l6 40q-120 64-236 14z", d,
                   'opacity=".8"')
            + path("M206 250h84v212h-84z", c) + path("M310 250h84l20 150h-80z",
                                                     d)
            + fringe + line("M206 400h84M206 424h84", l, 6))


def socks(c, d, l):
    one = ("M0 0h84v170q0 20 20 32l64 40q34 24 10 60-12 16-40 16h-90q-48 0"
           "-48-52z")
    return ('<g transform="translate(270 140)">' + path(one, d)
            + '</g><g transform="translate(170 130)">' + path(one, c)
            + box(-4, -6, 92, 44, 8, l)
            + line("M10 60h64M10 80h64", d, 5)
            + path("M138 262q50 6 52 30-4 26-52 26-26-30 0-56z", l) + "</g>")


def tote(c, d, l):
    return (line("M240 240q0-130 60-130t60 130", d, 16)
            + path("M160 220h280l24 250h-328z", c)
            + path("M390 220h50l24 250h-80q24-120 6-250z", d, 'opacity=".6"')
            + line("M240 220v60M360 220v60", d, 16)
            + oval(300, 360, 46, 46, "none",
                   'stroke="%s" stroke-width="8"' % tone(c, 0.5))
            + line("M272 372q28-60 56 0", tone(c, 0.5), 8))


def jacket(c, d, l):
    return (path("M232 150q68-50 136 0l76 44 46 214-58 16-42-120v166h-180"
                 "v-166l-42 120-58-16 46-214z", c)
            + path("M300 190h90v280h-90z", d, 'opacity=".5"')
            + path("M236 152q64-60 128 0-10 60-64 64-54-4-64-64z", d)
            + line("M300 216v250", l, 7)
            + line("M232 370l44 22M368 370l-44 22", l, 7))


def bottle(c, d, l):
    return (box(262, 90, 76, 60, 12, "#3b3d40")
            + box(270, 150, 60, 22, 4, "#b4bcc2")
            + path("M262 172h76q40 20 40 70v210q0 26-26 26h-104q-26 0-26-26"
                   "v-210q0-50 40-70z", c)
            + path("M322 172h16q40 20 40 70v210q0 26-26 26h-34q26-140 4-306z",
                   d) + line("M248 250v150", l, 9, 'opacity=".8"'))


def pack(c, d, l):
    return (line("M250 150q50-66 100 0", d, 14)
            + path("M190 190q0-50 60-50h100q60 0 60 50v250q0 32-32 32h-156"
                   "q-32 0-32-32z", c)
            + path("M186 190q0-50 64-50h100q64 0 64 50v44h-228z", d)
            + box(222, 320, 156, 112, 18, d)
            + line("M222 352h156", l, 6) + box(286, 206, 28, 76, 6, "#c79a63")
            + box(166, 300, 24, 110, 10, d) + box(410, 300, 24, 110, 10, d))


def lantern(c, d, l):
    return (line("M220 190q80-150 160 0", "#6d6f71", 9)
            + box(214, 170, 172, 44, 14, c) + box(232, 214, 136, 170, 10,
                                                  "#fff1cc")
            + oval(300, 300, 42, 62, "#ffd67a") + line(
                "M232 240h136M232 360h136", "#c9b88f", 5)
            + box(206, 384, 188, 84, 18, c) + box(206, 430, 188, 38, 18, d)
            + oval(300, 422, 13, 13, l))


def hammock(c, d, l):
    return (box(86, 120, 22, 350, 8, "#7a5b3e")
            + box(492, 120, 22, 350, 8, "#7a5b3e")
            + line("M100 200L190 270M500 200L410 270", "#a98b66", 6)
            + path("M180 262q120 120 240 0 30 150-120 160-150-10-120-160z", c)
            + path("M180 262q120 190 240 0 8 60-120 68-128-8-120-68z", d,
                   'opacity=".75"')
            + oval(104, 110, 70, 50, "#88a574") + oval(498, 104, 76, 54,
                                                       "#7a9967"))


def enamel(c, d, l):
    return (line("M388 250c74-2 80 118-4 124", tone(c, 0.72), 18)
            + path("M186 200h216v220q0 30-30 30h-156q-30 0-30-30z", c)
            + path("M346 200h56v220q0 30-30 30h-40q24-120 14-250z", d,
                   'opacity=".6"')
            + oval(294, 200, 108, 20, "#2e3d52") + oval(294, 202, 98, 14, d)
            + path("M240 380l40-62 24 34 18-22 34 50z", tone(c, 0.45)))


def picnic(c, d, l):
    checks = "".join(box(x, y, 34, 34, 0, d, 'opacity=".65"')
                     for x in range(150, 440, 68) for y in range(200, 420, 68))
    checks += "".join(box(x, y, 34, 34, 0, l, 'opacity=".65"')
                      for x in range(184, 440, 68)
                      for y in range(234, 420, 68))
    return (box(140, 190, 320, 250, 20, c) + checks
            + box(206, 176, 26, 282, 6, "#7a5234")
            + box(368, 176, 26, 282, 6, "#7a5234")
            + line("M220 180q80-90 160 0", "#7a5234", 16))


def torch(c, d, l):
    return ('<g transform="rotate(-38 300 300)">'
            + path("M250 70L190-20h220L350 70z", "#fff3c4", 'opacity=".7"')
            + path("M240 80h120l-16 90h-88z", d)
            + oval(300, 80, 60, 13, "#fff7dd") + box(256, 170, 88, 300, 14, c)
            + box(316, 170, 28, 300, 14, d) + "".join(
                box(256, y, 88, 7, 0, d) for y in range(330, 440, 18))
            + oval(290, 236, 14, 20, "#b8623f") + "</g>")


DRAW = {f.__name__: f for f in (
    mug, bowl, carafe, board, knife, kettle, towel, lamp, cushion, throw,
    vase, clock, candle, pot, tee, jumper, beanie, scarf, socks, tote, jacket,
    bottle, pack, lantern, hammock, enamel, picnic, torch)}


def frame(ground, body, title):
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 600" '
            'role="img" aria-label="%s"><defs><radialGradient id="g" cx=".38" '
            'cy=".3" r=".95"><stop offset="0" stop-color="%s"/><stop '
            'offset="1" stop-color="%s"/></radialGradient></defs>'
            '<rect width="600" height="600" fill="url(#g)"/>'
            '<ellipse cx="306" cy="482" rx="190" ry="24" fill="#000" '
            'opacity=".09"/>%s</svg>' % (title, ground[0], ground[1], body))


def product(slug, colour):
    """The picture of a product in a colour; None for what is not sold."""
    item = BY_SLUG.get(slug)
    if item is None or (colour or None) not in (item.colours or [None]):
        return None
    base = COLOURS[colour][1] if colour else "#c7b299"
    body = DRAW[item.kind](base, tone(base, 0.8), tone(base, 1.45))
    return frame(GROUND[item.category], body, item.name.replace("'", "&#39;"))


def favicon():
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
            '<rect width="32" height="32" rx="9" fill="#2f5d50"/>'
            '<path d="M6 21q5-11 10-4t10-5v12H6z" fill="#f4efe6"/></svg>')

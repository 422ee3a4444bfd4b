/*
 * The beacon: signals of one page view, as numbers, in the line format of
 * doc/protocol.md.  No text, no values, no storage, no globals.
 *
 * This file is one expression.  nginx answers with it and the call behind it:
 *
 *     (p => { ... })({"g":1,"c":["cookie","needle"],"z":["css", ...]})
 *
 *     g   load g.js, the reader of dataLayer and JSON-LD
 *     c   a cookie and what its decoded value must contain before anything is
 *         listened to; absent = nothing is checked here
 *     z   selectors of the zones: shipping, totals, payment, coupon, trust
 */

(p => {
    const d = document;
    const w = window;
    const root = d.documentElement;
    const zones = p.z || [];
    const abort = new AbortController();

    const cap = [9, 4, 4, 1, 8, 5, 6, 5, 3, 5, 5, 1, 6, 6, 6, 5];

    /* where an optimiser has inserted the script anew, currentScript is null
     * or is another script */
    const own = /\/b\.js(\?.*)?$/;
    const tag = [d.currentScript, d.querySelector('script[src*="/b.js?v="]')]
        .find(s => s && own.test(s.src));

    /* the page view */
    let to, start, path, seq, events, count, last, fields, hides, rages,
        payments, bounces, copies, errors, deepest, up, idle;

    /* the pointer: place, speeds and time, 0 = no mouse was seen */
    let x, y, vx = 0, vy = 0, moved = 0;

    /* the scroll */
    let top = 0, speed = 0, scrolled = 0, height = 0;

    let hidden, since = 0, timer, gone = 0;
    let invalid = -1e9, leaving = -1e9;
    let clicks = 0, clickX, clickY, clicked = 0, near;
    let field, focused, observer, ticked = 0;

    const inside = [];           /* zone -> the elements of it in sight */
    let dwell = [];              /* zone -> ms */
    const zoneOf = new WeakMap();
    let known;                   /* the fields that were focused */

    const now = () => performance.now();
    const b36 = n => Math.max(0, Math.round(n) || 0).toString(36);
    const most = Math.min;

    const allowed = () => !p.c || d.cookie.split(/; */).some(pair => {
        const i = pair.indexOf("=");

        try {
            return pair.slice(0, i) == p.c[0]
                && decodeURIComponent(pair.slice(i + 1)).includes(p.c[1]);
        } catch {
            return 0;
        }
    });

    const on = (target, names, handler) => names.split(" ").map(name =>
        target.addEventListener(name, handler,
            {passive: true, capture: target != root, signal: abort.signal}));

    const within = (node, selector) => {
        try {
            return selector && node.closest && node.closest(selector);
        } catch {}
    };

    const stop = () => {
        abort.abort();
        clearTimeout(timer);
        observer && observer.disconnect();
        gone = 1;
    };

    /* A page view begins. */
    const begin = () => {
        start = now();
        path = location.pathname;
        seq = last = fields = hides = rages = payments = bounces = copies =
            errors = deepest = up = count = 0;
        dwell = [0, 0, 0, 0, 0];
        known = new WeakSet;
        idle = start;
        events = "";
        add("S");
    };

    const add = (code, arg) => {
        const at = now();

        if (count < 60 && events.length < 600) {
            count++;
            events += code + b36((at - start - last) / 10)
                + (arg ? "_" + arg : "");
            last += Math.round((at - start - last) / 10) * 10;
        }
    };

    /* Only what the shopper does counts as a change worth a body. */
    const active = () => {
        idle = now();
        timer || gone || hidden
            || (timer = setTimeout(flush, seq ? 1e4 : 1e3));
    };

    /* The clocks of the zones in sight run while the page is visible. */
    const tick = () => {
        const at = now();

        hidden || inside.map((set, i) => {
            if (set.size) {
                dwell[i] += at - ticked;
            }
        });

        ticked = at;
    };

    const see = list => {
        tick();

        list.map(e => {
            const i = zoneOf.get(e.target);
            const was = inside[i].size;

            inside[i][e.intersectionRatio > .59 ? "add" : "delete"](e.target);

            if (was && !inside[i].size && dwell[i] > 500) {
                add("Z", i + "." + b36(dwell[i] / 100));
            }
        });
    };

    /* Shops draw their zones anew. */
    const watch = () => zones.map((selector, i) => {
        inside[i] = inside[i] || new Set;

        try {
            selector && d.querySelectorAll(selector).forEach(node => {
                zoneOf.set(node, i);
                observer.observe(node);
            });
        } catch {}
    });

    const numbers = () => {
        const at = now();
        const rest = Math.exp((moved - at) / 150);
        const rise = -vy * rest;
        const mouse = moved ? 1 : NaN;

        return [
            mouse * (rise > .01 ? y / rise / 1e3 : 9),
            mouse * Math.max(rise, 0),
            mouse * Math.abs(vx * rest),
            mouse * y / w.innerHeight,
            speed * Math.exp((scrolled - at) / 150),
            up / w.innerHeight,
            (at - idle) / 1e4,
            hides, rages, payments, bounces, copies,
            dwell[0] / 1e4, dwell[1] / 1e4, dwell[2] / 1e4,
            (at - start) / 6e4
        ].map((v, i) => isFinite(v) && (zones[i - 12] || i < 12 || i > 14)
            ? b36(most(v, cap[i]) * 100) : "").join(".");
    };

    const flush = () => {
        clearTimeout(timer);
        timer = 0;

        if (gone || !allowed()) {
            return stop();
        }

        tick();

        const body = ["1~-", b36(seq), b36(now() - start), numbers(),
            (height ? b36(most(deepest / height, 1) * 100) : "") + "."
                + b36(fields), events].join("~");

        /* sendBeacon says yes where a policy lets nothing out: the first body
         * is a probe */
        if (!seq++ || !navigator.sendBeacon?.(to, body)) {
            fetch(to, {method: "POST", body, keepalive: true}).catch(stop);
        }

        events = "";
        count = last = 0;
        watch();
        route();
    };

    /* A storefront of one page: another path is another page view. */
    const route = () => {
        if (location.pathname != path) {
            if (events) {
                path = location.pathname;
                flush();
            }

            begin();
            active();
        }
    };

    /* One body for pagehide and visibilitychange together. */
    const hide = code => {
        if (!hidden) {
            tick();
            hidden = 1;
            since = now();
            hides += code == "H";
            add(code);
            flush();
        }
    };

    const show = code => {
        if (hidden) {
            hidden = 0;
            ticked = now();
            add(code, code == "V" && b36((ticked - since) / 100));
            active();
        }
    };

    const kind = node => {
        const s = " " + node.getAttribute("autocomplete") + " " + node.type;

        return within(node, zones[3]) ? "k"
            : /\scc-/.test(s) ? "c"
            : /\semail/.test(s) ? "e"
            : /\stel/.test(s) ? "t"
            : /\s(street|address|postal|country)/.test(s) ? "a" : "o";
    };

    const pointer = e => {
        const at = e.timeStamp;
        const dt = at - moved;

        if (e.pointerType == "mouse" && dt >= 16) {
            if (moved && dt < 500) {
                vx = .6 * vx + .4 * (e.clientX - x) / dt;
                vy = .6 * vy + .4 * (e.clientY - y) / dt;
            } else {
                vx = vy = 0;
            }

            x = e.clientX;
            y = e.clientY;
            moved = at;
            active();
        }
    };

    const scroll = () => {
        const at = now();
        const dt = at - scrolled;
        const place = w.scrollY;

        if (dt >= 50) {
            speed = dt < 1e3 ? .6 * speed + .4 * Math.abs(place - top) / dt : 0;
            up = place < top ? up + top - place : 0;
            top = place;
            scrolled = at;
            deepest = Math.max(deepest, place + w.innerHeight);
            active();
        }
    };

    /* Three clicks on one spot that change nothing: a sum of lengths and
     * quantities around it is enough to tell. */
    const click = e => {
        const node = e.target;
        const at = e.timeStamp;
        const box = node.parentElement;
        const what = box && [...box.querySelectorAll("input")].reduce(
            (sum, i) => sum + (+i.value || 0), box.textContent.length);

        if (within(node, "a,button,input,label,summary")) {
            leaving = at;
        }

        clicks = at - clicked < 1e3 && what == near
            && Math.abs(e.clientX - clickX) + Math.abs(e.clientY - clickY) < 30
            ? clicks + 1 : 1;

        if (clicks == 3) {
            clicks = 0;
            rages++;
            add("R");
        }

        clicked = at;
        clickX = e.clientX;
        clickY = e.clientY;
        near = what;
        active();
        setTimeout(route);
    };

    const change = e => {
        const node = e.target;

        clicks = 0;
        active();

        if (e.type == "change" && node.type == "radio"
            && within(node, zones[2]))
        {
            payments++;
            add("P");
        }
    };

    const focus = e => {
        const node = e.target;

        if (within(node, "input:not([type=radio],[type=checkbox],"
            + "[type=submit],[type=button]),select,textarea"))
        {
            field = node;
            focused = now();
            add("F", kind(node));
            active();

            if (!known.has(node)) {
                known.add(node);
                fields++;
            }
        }
    };

    const blur = e => {
        if (e.target == field) {
            field = 0;
            add("G", b36((now() - focused) / 100));
        }
    };

    const listen = () => {
        on(d, "pointermove", pointer);
        on(d, "scroll", scroll);
        on(d, "pointerdown", active);
        on(d, "click", click);
        on(d, "input change", change);
        on(d, "submit", e => leaving = e.timeStamp);
        on(d, "focusin", focus);
        on(d, "focusout", blur);

        on(d, "invalid", e => {
            if (e.timeStamp - invalid > 300) {
                bounces++;
                add("I");
                active();
            }

            invalid = e.timeStamp;
        });

        on(d, "copy", () => {
            copies = 1;
            add("C");
            active();
        });

        on(w, "error", e => e.message && errors++ < 5 && add("E"));

        on(root, "mouseleave", e => {
            if (e.clientY <= 0 && e.timeStamp - leaving > 3e3) {
                add("L");
                active();
            }
        });

        on(d, "visibilitychange", () => d.hidden ? hide("H") : show("V"));
        on(w, "pagehide", () => hide("Q"));
        on(w, "pageshow", e => e.persisted
            && (hidden ? show : add)("B"));
        on(w, "popstate", () => setTimeout(route));
        w.navigation && on(w.navigation, "currententrychange", route);

        new ResizeObserver(() => {
            height = root.scrollHeight;
            deepest = Math.max(deepest, w.scrollY + w.innerHeight);
        }).observe(root);
    };

    const go = () => {
        if (tag && allowed()) {
            to = tag.src.replace(own, "/e");
            hidden = d.hidden;
            begin();
            observer = new IntersectionObserver(see, {threshold: .6});
            listen();
            watch();

            /* without our hash: that one says nothing about g.js */
            p.g && import(tag.src.replace(own, "/g.js")).catch(() => 0);
        }
    };

    const ready = () => (w.requestIdleCallback || setTimeout)(go);

    d.prerendering ? d.addEventListener("prerenderingchange", ready,
        {once: true}) : ready();
})

/*
 * The restore page's script.  It reads the cart that is there, adds what is
 * missing by the shop's own requests, one line after another, and says which
 * lines the shop did not take.  The recipe is the profile's "restore":
 *
 *     open   a page of the shop that begins its session, where adding a line
 *            does not; asked for first
 *     read   {"url", "headers", "method", "json", "lines", "ref", "qty", "opt"}
 *            the present cart: JSON paths of its lines and of their fields;
 *            404 is an empty cart
 *     add    {"url", "method", "headers", "form" | "json", "ok", "fail"}
 *            one line; "ok" is a path that must be there in the answer, "fail"
 *            one that must not
 *     then   the page of the cart
 *     link   a line's own page, for browsers without scripts
 *
 * {ref} {qty} {opt} {opt.KEY} stand for the line's facts, {cookie.NAME} for a
 * cookie; a key with '*' in a form stands for one field per option, of which
 * {opt} is the value and {key} the name.
 */

const page = JSON.parse(document.getElementById("cr-cart").textContent);
const recipe = page.recipe;
const lines = page.cart.items;

const $ = id => document.getElementById(id);


const at = (value, path) => path.replace(/^\$\.?|\[\]/g, "").split(".")
    .filter(Boolean).reduce((v, key) => v?.[key], value);

const there = value => Array.isArray(value) ? value.length > 0
    : value != null && value !== false && value !== "";

const options = text => [...new URLSearchParams(text ?? "")];

const pairs = text => options(text).map(pair => pair.join("="));


/* What the shop itself put there for its forms. */

const shopCookie = name => document.cookie.split("; ")
    .find(c => c.startsWith(name + "="))?.slice(name.length + 1);

const fill = (text, line, encode) =>
    text.replace(/\{(ref|qty|opt|cookie)(?:\.([^}]*))?\}/g, (all, name, option) => {
        const value = name == "cookie" ? shopCookie(option)
            : option === undefined ? line[name]
            : options(line.opt).find(pair => pair[0] == option)?.[1];

        return encode(String(value ?? ""));
    });

const same = value => value;

/* In JSON "{qty}" alone is a number. */

const fillJson = (value, line) =>
    value === "{qty}" ? line.qty
    : typeof value == "string" ? fill(value, line, same)
    : Array.isArray(value) ? value.map(v => fillJson(v, line))
    : value && typeof value == "object"
        ? Object.fromEntries(Object.entries(value).map(([k, v]) =>
            [k, fillJson(v, line)]))
    : value;

const fillForm = (form, line) => {
    const body = new URLSearchParams();

    for (const [name, value] of Object.entries(form)) {
        if (name.includes("*")) {
            for (const [option, chosen] of options(line.opt)) {
                body.append(name.replace("*", () => option),
                    value == "{opt}" ? chosen
                    : fill(value.replace("{key}", () => option), line, same));
            }

        } else {
            const filled = fill(String(value), line, same);

            if (filled) {
                body.append(fill(name, line, same), filled);
            }
        }
    }

    return body;
};


const call = async (step, line) => {
    const url = new URL(fill(step.url, line, encodeURIComponent),
        location.origin);
    const headers = {Accept: "application/json"};
    let body;

    for (const [name, value] of Object.entries(step.headers ?? {})) {
        headers[name] = fill(value, line, same);
    }

    if (url.origin != location.origin) {
        throw new Error("another origin");
    }

    if (step.form) {
        body = fillForm(step.form, line);

    } else if (step.json) {
        headers["Content-Type"] = "application/json";
        body = JSON.stringify(fillJson(step.json, line));
    }

    const answer = await fetch(url, {
        method: step.method ?? (body ? "POST" : "GET"),
        headers,
        body,
        cache: "no-store",
        signal: AbortSignal.timeout(15000)
    });
    let json;

    try {
        json = await answer.json();
    } catch {}

    return {ok: answer.ok, status: answer.status, json};
};


/* What the shop's cart holds; undefined where the shop has no way to tell. */

const read = async () => {
    const step = recipe.read;

    if (!step) {
        return undefined;
    }

    const answer = await call(step, {});

    if (!answer.ok && answer.status != 404) {
        throw new Error("no cart");
    }

    return Object.values(at(answer.json, step.lines) ?? []).map(item => ({
        ref: String(at(item, step.ref)),
        qty: Number(at(item, step.qty)) || 0,
        opt: step.opt && pairs(at(item, step.opt))
    }));
};

/* What of each line is not held.  A shop may know more options of a line than
 * we do, never fewer; lines that name the most choose first. */

const lacking = held => {
    const left = new Map();

    for (const line of [...lines].sort((a, b) =>
        pairs(b.opt).length - pairs(a.opt).length))
    {
        let qty = line.q;

        for (const h of held) {
            if (h.ref == line.r
                && pairs(line.opt).every(o => !h.opt || h.opt.includes(o)))
            {
                const some = Math.min(h.qty, qty);

                h.qty -= some;
                qty -= some;
            }
        }

        left.set(line, qty);
    }

    return lines.map(line => ({ref: line.r, opt: line.opt ?? "",
        name: line.name || line.r, qty: left.get(line)}))
        .filter(line => line.qty > 0);
};

const add = async line => {
    const step = recipe.add;

    try {
        const answer = await call(step, line);

        return answer.ok
            && (!step.ok || there(at(answer.json, step.ok)))
            && (!step.fail || !there(at(answer.json, step.fail)));
    } catch {
        return false;
    }
};

const restore = async () => {
    if (recipe.open) {
        await fetch(recipe.open, {cache: "no-store"});
    }

    const held = await read();
    const missing = lacking(held ?? []);
    const failed = [];

    /* a shop that cannot tell what is there gets each line once: a page that
     * is loaded again adds nothing */
    if (!held && performance.getEntriesByType("navigation")[0]?.type
        != "navigate")
    {
        return failed;
    }

    for (const line of missing) {
        await add(line) || failed.push(line);
    }

    return held && missing.length ? lacking(await read()) : failed;
};


const show = id => {
    $("cr-working").hidden = true;
    $(id).hidden = false;
};

const finish = async failed => {
    const then = new URL(recipe.then ?? "/", location.origin);
    const go = $("cr-go");

    go.href = then.origin == location.origin ? then.href : "/";

    if (failed.length < lines.length) {
        await fetch(location.pathname, {method: "POST", keepalive: true,
            body: new URLSearchParams({lines: lines.length,
                failed: failed.length})}).catch(() => 0);
    }

    go.hidden = false;

    if (!failed.length) {
        show("cr-done");
        return location.replace(go.href);
    }

    for (const line of failed) {
        const item = document.createElement("li");

        item.textContent = line.qty > 1 ? line.qty + " \u00d7 " + line.name
            : line.name;
        $("cr-list").append(item);
    }

    show("cr-failed");
};

$("cr-working").hidden = false;
restore().then(finish).catch(() => show("cr-none"));

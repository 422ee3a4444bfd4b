/*
 * The reader for shops without a profile of their own: e-commerce events of
 * GA4's dataLayer, and a product page's JSON-LD, as format 2 bodies.  What a
 * page claims never makes an order or an amount true.
 */

const to = import.meta.url.replace(/g\.js(\?.*)?$/, "e");
const began = performance.now();

const words = {
    view_item: "view_product",
    view_item_list: "view_category",
    search: "search",
    view_search_results: "search",
    add_to_cart: "add",
    remove_from_cart: "remove",
    view_cart: "view_cart",
    begin_checkout: "checkout_start",
    add_shipping_info: "shipping",
    add_payment_info: "payment",
    purchase: "order"
};

let seq = 0;
let viewed = 0;
let before;
let layer;


const b36 = (n, most) => isFinite(n) && n >= 0
    ? Math.min(Math.round(n), most).toString(36) : "";

const text = (value, most) => encodeURIComponent(
    [...String(value ?? "").replace(/[\0-\x1f\x7f]|[\ud800-\udfff]/gu, " ")
        .trim()].slice(0, most).join(""))
    .replace(/[!~]/g, c => "%" + c.charCodeAt().toString(16));

const number = value => typeof value == "number" ? value
    : typeof value == "string" && value.trim() ? Number(value) : NaN;

const money = (value, currency) => {
    let digits = 2;

    try {
        digits = new Intl.NumberFormat("en", {style: "currency", currency})
            .resolvedOptions().maximumFractionDigits;
    } catch {}

    return b36(number(value) * 10 ** digits, 1e11);
};


const send = (word, data) => {
    const currency = /^[A-Z]{3}$/.test(data.currency) ? data.currency : "";
    let body = [word, currency, currency && money(data.value, currency),
        text(data.transaction_id, 64)].join("~");

    for (const item of Array.isArray(data.items) ? data.items : []) {
        const ref = item && text(item.item_id ?? item.id, 64);
        const more = "~" + [ref, b36(number(item?.quantity ?? 1), 9999),
            currency && money(item?.price, currency),
            text(item?.item_name ?? item?.name, 50)].join("!");

        if (ref && body.length + more.length < 4000) {
            body += more;
        }
    }

    /* the same event comes by gtag() and by GTM */
    if (body == before || seq > 50) {
        return;
    }

    before = body;
    viewed |= word == "view_product";

    fetch(to, {
        method: "POST",
        keepalive: true,
        body: "2~" + (seq++).toString(36) + "~"
            + b36(performance.now() - began, 864e5) + "~" + body
    }).catch(() => seq = 99);
};


/* {event, ecommerce} of GTM, or the arguments of gtag("event", name, data). */

const read = entry => {
    try {
        const tag = entry?.[0] == "event";
        const word = words[tag ? entry[1] : entry?.event];
        const data = tag ? entry[2] : entry?.ecommerce ?? entry;

        if (word && Object.hasOwn(words, tag ? entry[1] : entry.event)) {
            send(word, data ?? {});
        }
    } catch {}
};

const hook = () => {
    const list = window.dataLayer;

    if (list != layer && Array.isArray(list)) {
        const push = list.push;

        layer = list;
        list.forEach(read);

        list.push = function (...entries) {
            const result = push.apply(this, entries);

            entries.forEach(read);

            return result;
        };
    }
};


const is = (node, type) => [].concat(node?.["@type"]).includes(type);

const products = (node, found) => {
    if (Array.isArray(node)) {
        node.forEach(n => products(n, found));

    } else if (is(node, "Product") || is(node, "ProductGroup")) {
        found.push(node);

    } else if (node?.["@graph"] || node?.mainEntity) {
        products([].concat(node["@graph"] ?? [], node.mainEntity ?? []),
            found);
    }

    return found;
};

/* One product is a product page, several are a list. */

const look = () => {
    const found = [];

    hook();

    document.querySelectorAll('script[type="application/ld+json"]')
        .forEach(script => {
            try {
                products(JSON.parse(script.textContent), found);
            } catch {}
        });

    if (found.length != 1 || viewed) {
        return;
    }

    const node = found[0];
    const offer = [].concat([].concat(node.offers)[0]?.offers
        ?? node.offers ?? [])[0] ?? {};
    const price = offer.price ?? offer.lowPrice
        ?? [].concat(offer.priceSpecification)[0]?.price;

    send("view_product", {
        currency: offer.priceCurrency
            ?? [].concat(offer.priceSpecification)[0]?.priceCurrency,
        value: price,
        items: [{
            item_id: node.sku ?? node.productID ?? offer.sku
                ?? node.productGroupID ?? node.mpn,
            item_name: node.name,
            price
        }]
    });
};


hook();

if (document.readyState == "complete") {
    look();

} else {
    addEventListener("DOMContentLoaded", hook);
    addEventListener("load", () => setTimeout(look));
}

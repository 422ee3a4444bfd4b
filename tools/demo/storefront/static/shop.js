// The shop works without this file; it adds the badge, the cookie banner,
// adding without leaving the page, and the dataLayer events of those acts.
(function () {
  'use strict';

  var root = document.documentElement;

  root.classList.add('js');
  window.dataLayer = window.dataLayer || [];

  function cookie(name) {
    var match = document.cookie.match('(?:^|; )' + name + '=([^;]*)');

    return match ? match[1] : '';
  }

  function badge() {
    var spot = document.querySelector('[data-count]');
    var count = cookie('shop_count') || '0';

    spot.textContent = count;
    spot.hidden = count === '0';
  }

  function post(form, button) {
    var body = new URLSearchParams(new FormData(form));

    if (button && button.name) body.append(button.name, button.value);
    return fetch(form.action, {
      method: 'POST', body: body, headers: { Accept: 'application/json' }
    });
  }

  function toast(words, good) {
    var old = document.querySelector('.toast');
    var box = document.createElement('div');
    var text = document.createElement('p');
    var row = document.createElement('div');

    if (old) old.remove();
    box.className = 'toast';
    box.setAttribute('role', 'status');
    text.textContent = words;
    row.className = 'row';
    row.innerHTML = good
      ? '<button class="button" type="button">Go on</button>' +
        '<a class="button strong" href="/cart">View cart</a>'
      : '<button class="button" type="button">OK</button>';
    box.append(text, row);
    document.body.append(box);
    row.firstChild.onclick = function () { box.remove(); };
  }

  function added(form, cart) {
    var data = new FormData(form);
    var qty = Number(data.get('qty')) || 1;
    var price = Number(form.dataset.price);
    var options = [];

    data.forEach(function (value, name) {
      if (name.indexOf('option.') === 0) options.push(value);
    });
    window.dataLayer.push({ ecommerce: null });
    window.dataLayer.push({
      event: 'add_to_cart',
      ecommerce: {
        currency: cart.currency, value: Math.round(price * qty * 100) / 100,
        items: [{
          item_id: data.get('sku'), item_name: form.dataset.name,
          item_variant: options.join(', '), price: price, quantity: qty
        }]
      }
    });
    badge();
    toast(form.dataset.name + ' is in your cart. ' + cart.count +
          (cart.count === 1 ? ' thing' : ' things') + ' so far.', true);
  }

  function onAdd(event) {
    var form = event.target;
    var button = form.querySelector('button');

    event.preventDefault();
    button.disabled = true;
    post(form).then(function (answer) {
      return answer.json();
    }).then(function (answer) {
      if (answer.ok) added(form, answer.cart);
      else toast('We do not have that many of this article.', false);
    }).catch(function () {
      form.submit();
    }).then(function () {
      button.disabled = false;
    });
  }

  function onConsent(event) {
    event.preventDefault();
    post(event.target, event.submitter).then(function () {
      document.querySelector('[data-consent]').classList.remove('open');
    });
  }

  function once(event) {
    var form = event.target;

    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = '1';
  }

  function start() {
    var banner = document.querySelector('[data-consent]');
    var shot = document.querySelector('[data-shot]');
    var form;

    badge();
    if (banner) {
      banner.classList.toggle('open', !cookie('demo_consent'));
      banner.querySelector('form').addEventListener('submit', onConsent);
    }
    form = document.querySelector('[data-add]');
    if (form) form.addEventListener('submit', onAdd);
    form = document.querySelector('[data-once]');
    if (form) form.addEventListener('submit', once);
    document.querySelectorAll('[data-picture]').forEach(function (input) {
      input.addEventListener('change', function () {
        shot.src = input.dataset.picture;
      });
    });
    document.querySelectorAll('[data-qty]').forEach(function (input) {
      input.addEventListener('change', function () {
        input.form.submit();
      });
    });
  }

  window.addEventListener('pageshow', function (event) {
    if (event.persisted) {
      document.querySelectorAll('[data-once]').forEach(function (form) {
        delete form.dataset.sent;
      });
      badge();
    }
  });
  if (document.readyState === 'loading') {
    document.addEventListener('DOMContentLoaded', start);
  } else {
    start();
  }
})();

// Asks the module once a second what it knows of this browser.
(function () {
  'use strict';

  var STAGES = ['browse', 'product', 'cart', 'checkout', 'contact',
    'shipping', 'payment', 'ordered'];
  var TIERS = {
    t0: 'nothing is kept', t1: 'functional', t2: 'statistics',
    t3: 'marketing: follow-ups are allowed'
  };
  var LOG_MAX = 60;
  var last = {};
  var base = '/_cr/session';

  function at(id) {
    return document.getElementById(id);
  }

  function note(words) {
    var item = document.createElement('li');
    var time = document.createElement('time');
    var text = document.createElement('span');

    time.textContent = new Date().toLocaleTimeString();
    text.textContent = words;
    item.append(time, text);
    at('log').prepend(item);
    while (at('log').children.length > LOG_MAX) at('log').lastChild.remove();
  }

  function money(cents, currency) {
    if (typeof cents !== 'number') return 'unknown';
    try {
      return new Intl.NumberFormat('en', {
        style: 'currency', currency: currency || 'EUR'
      }).format(cents / 100);
    } catch (e) {
      return String(cents / 100);
    }
  }

  function text(value) {
    if (value === undefined || value === null || value === '') return '–';
    if (typeof value === 'number') return String(Math.round(value * 100) / 100);
    return String(value);
  }

  function put(key, value) {
    var words = text(value);

    document.querySelectorAll('[data-key="' + key + '"]').forEach(
      function (spot) {
        var tile = spot.closest('.tile');

        if (spot.textContent === words) return;
        spot.textContent = words;
        tile.classList.add('new');
        setTimeout(function () { tile.classList.remove('new'); }, 1200);
      });
    if (key in last && last[key] !== words && key !== 'sid') {
      note(key + ': ' + last[key] + ' → ' + words);
    }
    last[key] = words;
  }

  function lines(cart) {
    var rows = (cart.items || []).map(function (item) {
      var row = document.createElement('tr');

      [(item.name || item.r || item.ref || item.sku || '?') +
        (item.opt ? ' (' + item.opt.replace(/&/g, ', ') + ')' : ''),
      item.q === undefined ? item.qty : item.q,
      money(item.p === undefined ? item.price : item.p, cart.cur)
      ].forEach(function (value) {
        var cell = document.createElement('td');

        cell.textContent = text(value);
        row.append(cell);
      });
      return row;
    });

    at('lines').replaceChildren.apply(at('lines'), rows);
  }

  function trail(stage) {
    var reached = STAGES.indexOf(stage);

    at('trail').replaceChildren.apply(at('trail'), STAGES.map(
      function (name, place) {
        var item = document.createElement('li');

        item.textContent = name;
        item.className = place <= reached ? 'done' : '';
        return item;
      }));
  }

  function show(seen) {
    var cart = seen.cart || {};

    ['sid', 'tier', 'stage', 'event', 'score', 'reason', 'arm', 'action',
      'message', 'skip', 'model'].forEach(function (key) {
      put(key, seen[key]);
    });
    put('total', cart.items && cart.items.length
      ? money(cart.total, cart.cur) : 'empty');
    at('tier-words').textContent = TIERS[seen.tier] || '';
    at('meter').style.width = Math.round((seen.score || 0) * 100) + '%';
    if (document.activeElement !== at('holdout')) {
      at('holdout').checked = seen.arm === 'holdout';
    }
    lines(cart);
    trail(seen.stage);
  }

  function post(fields) {
    return fetch(base, { method: 'POST', body: new URLSearchParams(fields) })
      .then(function (answer) {
        if (!answer.ok) throw new Error('HTTP ' + answer.status);
      });
  }

  function poll() {
    return fetch(base, { headers: { Accept: 'application/json' } })
      .then(function (answer) {
        if (!answer.ok) throw new Error('HTTP ' + answer.status);
        return answer.json();
      }).then(function (seen) {
        at('state').textContent = seen.sid ? '' : 'nothing yet: a session ' +
          'starts with the cart or with your consent';
        show(seen);
      }).catch(function (problem) {
        at('state').textContent = 'no answer (' + problem.message + ')';
      });
  }

  function loop() {
    poll().then(function () { setTimeout(loop, 1000); });
  }

  at('new').onclick = function () {
    post({ 'new': '1' }).then(function () {
      return fetch('/demo/reset', { method: 'POST' });
    }).then(function () {
      note('a new shopper');
      at('holdout').checked = false;
      document.body.dataset.done = 'new';
      return poll();
    }).catch(function (problem) {
      note('this did not work: ' + problem.message);
    });
  };

  at('holdout').onchange = function () {
    var arm = at('holdout').checked ? 'holdout' : 'treat';

    at('holdout').blur();
    post({ arm: arm }).then(function () {
      note('arm pinned: ' + arm);
      document.body.dataset.done = arm;
      return poll();
    }).catch(function (problem) {
      note('this did not work: ' + problem.message);
    });
  };

  fetch('/_demo/links.json').then(function (answer) {
    return answer.json();
  }).then(function (links) {
    at('mail').href = links.mail;
  });
  note('watching');
  loop();
})();

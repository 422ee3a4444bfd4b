// Polls the catcher and shows what came; a message's own markup stays in a
// sandboxed frame.
(function () {
  'use strict';

  var shown = 0;
  var known = '';

  function at(id) {
    return document.getElementById(id);
  }

  function time(mail) {
    return new Date(mail.at * 1000).toLocaleTimeString();
  }

  function open(mail) {
    shown = mail.id;
    at('open').hidden = false;
    at('subject').textContent = mail.subject;
    at('from').textContent = mail.from;
    at('to').textContent = mail.to;
    at('at').textContent = time(mail);
    at('raw').href = '/mail/' + mail.id + '.eml';
    at('body').src = '/mail/' + mail.id;
  }

  function entry(mail) {
    var button = document.createElement('button');
    var subject = document.createElement('b');
    var rest = document.createElement('span');

    button.type = 'button';
    button.setAttribute('aria-current', String(mail.id === shown));
    subject.textContent = mail.subject;
    rest.className = 'soft';
    rest.textContent = mail.to + ' · ' + time(mail);
    button.append(subject, rest);
    button.onclick = function () {
      open(mail);
      known = '';
      poll();
    };
    return button;
  }

  function show(mails) {
    var state = mails.map(function (mail) { return mail.id; }).join() + shown;
    var list = at('list');
    var empty;

    if (state === known) return;
    if (mails.length && !shown) open(mails[mails.length - 1]);
    known = state;
    at('count').textContent = mails.length + ' so far';
    list.replaceChildren.apply(list, mails.slice().reverse().map(entry));
    if (!mails.length) {
      empty = document.createElement('p');
      empty.textContent = 'Nothing yet. Leave a cart with an address and ' +
        'the box ticked, and wait a few seconds.';
      list.append(empty);
      at('open').hidden = true;
      shown = 0;
    }
  }

  function poll() {
    return fetch('/api/mails').then(function (answer) {
      return answer.json();
    }).then(show, function () {
      at('count').textContent = 'the catcher does not answer';
    });
  }

  function loop() {
    poll().then(function () { setTimeout(loop, 1000); });
  }

  at('clear').onclick = function () {
    fetch('/api/mails', { method: 'DELETE' }).then(poll);
  };
  loop();
})();

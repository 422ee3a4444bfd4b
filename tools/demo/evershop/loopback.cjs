'use strict';

// Loaded before EverShop (node --require): what it listens on is 127.0.0.1
// alone, and what it connects to is this machine or nothing.

const net = require('net');

const OWN = new Set(['localhost', '::1', '[::1]']);

function own(host) {
  return !host || OWN.has(host) || host.startsWith('127.');
}

function asOptions(args) {
  const first = args[0];

  if (first && typeof first === 'object') return first;
  if (typeof first === 'string' && !/^\d+$/.test(first)) return { path: first };
  return {
    port: first === undefined ? 0 : Number(first),
    host: typeof args[1] === 'string' ? args[1] : undefined
  };
}

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...args) {
  const options = asOptions(args);
  const callback = args.find((arg) => typeof arg === 'function');

  if (options.path || options.port === undefined) {
    return listen.apply(this, args);
  }
  return listen.call(this, { ...options, host: '127.0.0.1' }, callback);
};

const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...args) {
  const given = Array.isArray(args[0]) ? args[0] : args;
  const options = asOptions(given);

  if (options.path || own(options.host)) return connect.apply(this, args);
  process.nextTick(() => this.destroy(Object.assign(
    new Error(`${options.host}: this demo stays on its own machine`),
    { code: 'ECONNREFUSED' })));
  return this;
};

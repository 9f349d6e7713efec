// The replies of replies.py, given by Node.js: server.js HTTP TLS IDLE CERTIFICATE
const fs = require('fs');
const http = require('http');
const https = require('https');
const zlib = require('zlib');

const [httpPort, tlsPort, idlePort, certificate] = process.argv.slice(2);
const JSON_TYPE = { 'Content-Type': 'application/json' };
const BODY = Buffer.from('{"a": "Žofie"}');
const LATIN_2 = Buffer.from('<a>\xaeofie Kv\xedtkov\xe1</a>', 'latin1');
const many = Object.fromEntries([...Array(150).keys()].map((n) => [`X-Number-${n}`, `${n}`]));
const whole = (response, headers = {}, body = BODY) => {
  response.writeHead(200, { ...JSON_TYPE, ...headers, 'Content-Length': body.length });
  response.end(body);
};

const replies = {
  '/plain': (_, r) => whole(r),
  '/port': (q, r) => whole(r, { 'X-Port': q.socket.remotePort }),
  '/chunked': (_, r) => {
    r.writeHead(200, JSON_TYPE);
    r.write(BODY.subarray(0, 5));
    r.end(BODY.subarray(5));
  },
  '/utf-8-header': (_, r) => whole(r, { 'X-Name': Buffer.from('Žofie').toString('latin1') }),
  '/latin-1-header': (_, r) => whole(r, { 'X-Name': 'Müller' }),
  '/many-headers': (_, r) => whole(r, many),
  '/long-header': (_, r) => whole(r, { 'X-Long': 'a'.repeat(30000) }),
  '/two-headers': (_, r) => whole(r, { 'Set-Cookie': ['a=1', 'b=2'] }),
  '/latin-2': (_, r) => whole(r, { 'Content-Type': 'text/xml; charset=ISO-8859-2' }, LATIN_2),
  '/utf-16': (_, r) =>
    whole(r, { 'Content-Type': 'application/json; charset=utf-16' },
      Buffer.from('\ufeff' + BODY.toString(), 'utf16le')),
  '/byte-order-mark': (_, r) => whole(r, {}, Buffer.from('\ufeff' + BODY.toString())),
  '/packed': (_, r) => whole(r, { 'Content-Encoding': 'gzip' }, zlib.gzipSync(BODY)),
  '/no-coding': (_, r) => whole(r, { 'Content-Encoding': 'UTF-8' }),
  '/empty': (_, r) => whole(r, {}, Buffer.alloc(0)),
  '/close': (_, r) => whole(r, { Connection: 'close' }),
  '/large': (_, r) => whole(r, {}, Buffer.alloc(999999, 'a')),
  '/too-large': (_, r) => whole(r, {}, Buffer.alloc(1500000, 'a')),
  '/own/early': (_, r) => r.writeEarlyHints({ link: '</a>; rel=preload' }, () => whole(r)),
  '/own/continue': (_, r) => {
    r.writeContinue();
    r.writeProcessing();
    whole(r);
  },
  '/own/trailer': (_, r) => {
    r.writeHead(200, { ...JSON_TYPE, Trailer: 'X-Sum' });
    r.write(BODY);
    r.addTrailers({ 'X-Sum': '1' });
    r.end();
  },
  '/own/gone': (q) => q.socket.destroy(),
  '/own/cut': (q, r) => {
    r.writeHead(200, { ...JSON_TYPE, 'Content-Length': 100 });
    r.write(BODY, () => q.socket.end());
  },
};

const answer = (request, response) => {
  request.on('data', () => {}).on('end', () => {
    const path = request.url.split('?')[0];
    if (replies[path]) return replies[path](request, response);
    const status = /^\/\d{3}$/.test(path) ? Number(path.slice(1)) : 404;
    response.writeHead(status, { ...JSON_TYPE, Location: '/plain', 'Retry-After': '30' });
    response.end(status === 204 || status === 304 ? undefined : BODY);
  });
};

const pem = fs.readFileSync(certificate);
const made = [
  [http.createServer({ keepAliveTimeout: 10000 }, answer), httpPort],
  [https.createServer({ cert: pem, key: pem, keepAliveTimeout: 10000 }, answer), tlsPort],
  [http.createServer({ keepAliveTimeout: 100 }, answer), idlePort],
];
made.forEach(([server, port]) => server.listen(Number(port), '127.0.0.1'));

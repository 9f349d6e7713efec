// Posts each file as an event with Node's fetch: post.js URL TOKEN FILE...
const fs = require('fs');
const [url, token, ...files] = process.argv.slice(2);

(async () => {
  for (const [number, file] of files.entries()) {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    // First with a length, then as a stream, which is sent in chunks.
    const body = number === 0 ? fs.readFileSync(file) : fs.createReadStream(file);
    const answer = await fetch(url, { method: 'POST', headers, body, duplex: 'half' });
    console.log(answer.status, await answer.text());
  }
})();

// The right column, above: the requests of the selected event with their replies and times, the answer
// for NSPS, and the ledger's view of the subjects.
import {html} from "./html.js";
import {Icon, Outcome} from "./icons.js";
import {copyCall} from "./actions.js";
import {Skeleton} from "./event_tree.js";
import {ActivePins, PinButton} from "./pins.js";
import {set, state} from "./store.js";
import {LineLink} from "./why_panel.js";
import {capital, counted, milliseconds, pathOf, pretty, stars} from "./words.js";

export function Exchange() {
  return html`
    <section class="panel exchange" data-view="calls" aria-label="Exchange">
      <div class="panel-head"><h2>Exchange</h2><span class="count">${state.detail ? counted(state.detail.calls?.length ?? 0, "call") : ""}</span></div>
      <div class="panel-body" tabIndex="0" role="group" aria-label="Calls, answer and ledger">
        <${ActivePins} />
        ${content()}
      </div>
    </section>`;
}

function content() {
  const {detail} = state;
  if (state.selected === 0) return html`<p class="empty">Nothing was sent yet. The planned calls are under “Planned calls”.</p>`;
  if (state.detailFailure) return html`<p class="failure" role="alert">${state.detailFailure}</p>`;
  if (!detail) return html`<${Skeleton} rows=${6} />`;
  return html`
    <${Waterfall} detail=${detail} />
    <${Answer} detail=${detail} />
    <${Ledger} ledger=${detail.ledger} />
    ${detail.replays?.length ? html`<p class="hint">The same event also came as ${detail.replays.map((n) => `#${n}`).join(", ")}.</p>` : null}`;
}

function Waterfall({detail}) {
  const calls = detail.calls ?? [];
  if (!calls.length) return html`<p class="empty">No call was made.</p>`;
  const ends = calls.flatMap((call) => [call.started_ms + call.took_ms, ...call.attempts.map((one) => one.started_ms + one.took_ms)]);
  const total = Math.max(detail.latency_ms ?? 0, ...ends, 0.01);
  return html`
    <div class="waterfall">
      <div class="scale" aria-hidden="true"><span>0</span><span>${milliseconds(total / 2)}</span><span>${milliseconds(total)}</span></div>
      ${calls.map((call) => html`<${Call} key=${call.index} call=${call} total=${total} />`)}
    </div>`;
}

function toggle(index) {
  const openCalls = new Set(state.openCalls);
  if (!openCalls.delete(index)) openCalls.add(index);
  set({openCalls});
}

const judgement = (call) => call.attempts.at(-1)?.judged;

function Call({call, total}) {
  const open = state.openCalls.has(call.index);
  const last = call.attempts.at(-1);
  const copies = state.info.curl === false ? "Copy the request" : "Copy as curl";
  const title = call.attempts[0]?.request?.line ?? call.name;
  return html`
    <article class=${`call ${open ? "open" : ""}`}>
      <div class="call-head">
        <button class="call-title" aria-expanded=${String(open)} onClick=${() => toggle(call.index)}>
          <span class="twist" aria-hidden="true"></span><code class="request-line">${stars(pathOf(title))}</code>
        </button>
        ${state.info.readonly ? null : html`<${PinButton} call=${call} id=${`call-${call.index}`} />`}
        ${state.info.readonly ? null : html`<button class="bare" title=${copies} aria-label=${`${copies}: ${title}`} onClick=${() => copyCall(call)}><${Icon} name="copy" /></button>`}
      </div>
      <p class="call-facts">
        ${judgement(call) ? html`<${Outcome} outcome=${judgement(call).outcome} />` : null}
        <span>${!last?.reply ? "no reply" : last.reply.status === null ? "replied" : `status ${last.reply.status}`}</span>
        <span>${milliseconds(call.took_ms)}</span>
        ${call.attempts.length > 1 ? html`<span>${counted(call.attempts.length, "attempt")}</span>` : null}
        ${call.pinned ? html`<span class="tag pinned">pinned reply</span>` : null}
        ${call.write === false ? html`<span class="tag">read</span>` : null}
        <${LineLink} line=${call.line} />
      </p>
      ${call.attempts.map((attempt, index) => html`<${Bar} key=${index} attempt=${attempt} total=${total} number=${index + 1} of=${call.attempts.length} />`)}
      ${open ? call.attempts.map((attempt, index) => html`<${Attempt} key=${index} attempt=${attempt} number=${index + 1} of=${call.attempts.length} />`) : null}
      ${open && call.sent_to ? html`<p class="hint">to <code>${call.sent_to}</code></p>` : null}
    </article>`;
}

const toneOfAttempt = (attempt) => (!attempt.reply ? "bad" : attempt.judged?.outcome === "applied" || !attempt.judged ? "good" : "data");

function Bar({attempt, total, number, of}) {
  const left = 100 * attempt.started_ms / total;
  const wide = Math.max(100 * attempt.took_ms / total, 0.8);
  return html`
    <div class="bar-row" role="img" aria-label=${`Attempt ${number} of ${of}: from ${milliseconds(attempt.started_ms)}, took ${milliseconds(attempt.took_ms)}, ${attempt.end}`}>
      <div class=${`bar ${toneOfAttempt(attempt)} ${attempt.pinned || attempt.end?.startsWith("pinned") ? "is-pinned" : ""}`} style=${{left: `${Math.min(left, 99)}%`, width: `${Math.min(wide, 100 - Math.min(left, 99))}%`}}></div>
    </div>`;
}

function Attempt({attempt, number, of}) {
  const {request, reply, judged} = attempt;
  return html`
    <div class="attempt">
      ${of > 1 ? html`<h4>Attempt ${number} of ${of} <span class="hint">${milliseconds(attempt.took_ms)}</span></h4>` : null}
      <${Message} title="Request" line=${request?.line} headers=${request?.headers} body=${request?.body} />
      ${reply ? html`<${Message} title="Reply" line=${String(reply.status ?? "")} headers=${reply.headers} body=${reply.body} />`
        : html`<p class="no-reply">${capital(attempt.end)}</p>`}
      ${judged ? html`<p class="judged">judged <${Outcome} outcome=${judged.outcome} />${judged.because ? html` because ${judged.because}` : ""}
        ${judged.line ? html` <button class="link" onClick=${() => set({goTo: {line: judged.line, at: "center"}, view: "mapping"})}>line ${judged.line}</button>` : null}</p>` : null}
    </div>`;
}

function Message({title, line, headers = {}, body}) {
  const names = Object.entries(headers ?? {});
  return html`
    <div class="message">
      <h5>${title} ${line ? html`<code>${line}</code>` : null}</h5>
      ${names.length ? html`<details><summary>${counted(names.length, "header")}</summary>
        <dl class="headers">${names.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${String(value)}</dd></div>`)}</dl></details>` : null}
      ${body ? html`<pre class="code">${pretty(body)}</pre>` : null}
    </div>`;
}

function Answer({detail}) {
  const {answer} = detail;
  if (!answer) return null;
  return html`
    <section class="answer" aria-label="Answer for NSPS">
      <h3>Answer for NSPS <${Outcome} outcome=${detail.outcome} /></h3>
      <pre class="code"><strong>HTTP ${answer.status}</strong>${"\n"}${pretty(answer.body)}</pre>
    </section>`;
}

const ledgerValue = (value) => (typeof value === "object" ? JSON.stringify(value) : value === true ? "yes" : stars(String(value).replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,3})?).*/, "$1 $2")));

function Ledger({ledger}) {
  if (state.info.readonly) return null;
  const subjects = ledger?.subjects ?? [];
  return html`
    <section class="ledger" aria-label="Ledger">
      <h3>Ledger</h3>
      ${subjects.length ? subjects.map((one, index) => html`
        <dl class="facts-table" key=${index}>${Object.entries(one).filter(([, value]) => value).map(([name, value]) => html`
          <div key=${name}><dt>${name.replaceAll("_", " ")}</dt><dd>${ledgerValue(value)}</dd></div>`)}</dl>`)
        : html`<p class="empty">The ledger has no record of a subject of this event.</p>`}
    </section>`;
}

// The calls as the plan would send them; with edits, the lines that changed are marked.
import {html} from "./html.js";
import {PinButton} from "./pins.js";
import {state} from "./store.js";
import {LineLink} from "./why_panel.js";
import {changedLines, pretty} from "./words.js";

export function PlannedCalls() {
  const {calls = []} = state.plan;
  if (!calls.length) return html`<p class="empty">${state.plan.resources?.length ? "The rule has no calls of its own. What is written follows from the resources: see “Resources”." : "No call is planned."}</p>`;
  return html`<ol class="planned">${calls.map((call, index) => html`
    <li key=${index} class=${call.sent ? "" : "left-out"}>
      <p><code class="request-line">${call.request.line}</code> <${LineLink} line=${call.line} />
        ${call.subject ? html` <span class="subject">${call.subject}</span>` : null}
        <span class="spring"></span>${call.sent && !state.info.readonly ? html`<${PinButton} call=${call} id=${`plan-${index}`} />` : null}</p>
      ${call.note ? html`<p class="because">${call.note}</p>` : null}
      ${call.request.body ? html`<${Body} call=${call} before=${state.before?.calls?.[index]} />` : null}
    </li>`)}</ol>`;
}

function Body({call, before}) {
  const now = pretty(call.request.body);
  const earlier = before && before !== call && before.sent ? pretty(before.request.body) : now;
  if (now === earlier) return html`<pre class="code">${now}</pre>`;
  return html`<pre class="code">${changedLines(earlier, now).map(([sign, text], index) => html`
    <span key=${index} class=${{"+": "added", "-": "removed"}[sign] ?? ""}>${sign} ${text}${"\n"}</span>`)}</pre>`;
}

// Below event and mapping: why this happens. Rules and conditions, values, planned calls, resources, problems.
import {html} from "./html.js";
import {Outcome} from "./icons.js";
import {problems} from "./mapping_pane.js";
import {PlannedCalls} from "./planned_calls.js";
import {Resources} from "./resources_table.js";
import {pointAtSpan} from "./pointing.js";
import {dirtyEvent, dirtyMapping, set, state} from "./store.js";
import {Skeleton} from "./event_tree.js";
import {capital, shortened, stars} from "./words.js";

const TABS = {why: "Rules", values: "Values", calls: "Planned calls", resources: "Resources", problems: "Problems"};

function tabs() {
  const plan = state.plan;
  const counts = {
    why: plan?.rules?.length, values: plan?.values?.length, calls: plan?.calls?.filter((call) => call.sent).length,
    resources: plan?.resources?.length, problems: problems().length,
  };
  return Object.entries(TABS).filter(([id]) => id !== "resources" || counts.resources).map(([id, label]) => ({id, label, count: counts[id]}));
}

export function WhyPanel() {
  const all = tabs();
  const chosen = all.some((one) => one.id === state.tab) ? state.tab : "why";
  return html`
    <section class="panel why" data-view="why" aria-label="Why">
      <div class="panel-head tabs" role="tablist" aria-label="Why" onKeyDown=${(key) => tabKey(key, all, chosen)}>
        ${all.map((one) => html`
          <button key=${one.id} role="tab" id=${`tab-${one.id}`} aria-selected=${String(one.id === chosen)} aria-controls="why-body"
            tabIndex=${one.id === chosen ? 0 : -1} onClick=${() => set({tab: one.id})}>${one.label}${one.count ? html` <span class="count">${one.count}</span>` : null}</button>`)}
      </div>
      <div class="panel-body" id="why-body" role="tabpanel" aria-labelledby=${`tab-${chosen}`} tabIndex="0">
        <${Summary} />
        ${state.plan || chosen === "problems" ? body(chosen) : state.planFailure ? null : html`<${Nothing} />`}
      </div>
    </section>`;
}

function Nothing() {
  const waits = state.planning || (state.selected && !state.detail);
  return waits ? html`<${Skeleton} rows=${4} />` : html`<p class="empty">No rule was asked: the request had no event that can be read.</p>`;
}

function tabKey(key, all, chosen) {
  const by = {ArrowRight: 1, ArrowLeft: -1}[key.key];
  if (!by) return;
  key.preventDefault();
  const next = all[(all.findIndex((one) => one.id === chosen) + by + all.length) % all.length].id;
  set({tab: next});
  requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus());
}

function body(tab) {
  if (tab === "values") return html`<${Values} />`;
  if (tab === "calls") return html`<${PlannedCalls} />`;
  if (tab === "resources") return html`<${Resources} />`;
  if (tab === "problems") return html`<${Problems} />`;
  return html`<${Rules} />`;
}

// The summary behind the outcome, which it begins with.
function withoutOutcome({summary, result}) {
  const prefix = `${result?.outcome}: `;
  return summary.startsWith(prefix) ? summary.slice(prefix.length) : summary;
}

// One line: what would happen; with edits, beside what happened without them.
function Summary() {
  const {plan, before, planFailure} = state;
  if (planFailure) {
    return html`<div class="failure" role="alert"><p>${capital(planFailure)}</p>${plan ? html`<p class="hint">Below is the plan of the last text that could be used.</p>` : null}</div>`;
  }
  if (!plan?.summary) return null;
  const edits = dirtyEvent() || dirtyMapping();
  return html`
    <div class=${`summary ${state.planning ? "waits" : ""}`}>
      <p role="status">${plan.result?.outcome ? html`<${Outcome} outcome=${plan.result.outcome} /> ` : null}${withoutOutcome(plan)}</p>
      ${edits && before?.summary && before.summary !== plan.summary ? html`<p class="was">without your edits: ${before.summary}</p>` : null}
      ${edits ? html`<p class="hint">Nothing is sent until you press Send.${dirtyMapping() ? " It is handled by the file as it was saved." : ""}</p>` : null}
    </div>`;
}

export const LineLink = ({line, value}) => (line ? html`
  <button class="link where" onClick=${() => set({goTo: {line, at: "center"}, view: "mapping"})}
    onMouseEnter=${() => value && pointAtSpan({...value, values: [value]})} onFocus=${() => value && pointAtSpan({...value, values: [value]})}
    onMouseLeave=${() => pointAtSpan(null)}>line ${line}</button>` : null);

function Rules() {
  const {rules = [], conditions = []} = state.plan;
  return html`
    <ol class="rules">
      ${rules.map((rule) => html`
        <li key=${rule.line} class=${rule.chosen ? "chosen" : ""}>
          <span class="mark" aria-hidden="true"></span>
          <div>
            <p><strong>${rule.name}</strong> <${LineLink} line=${rule.line} /></p>
            ${rule.why ? html`<p class="because">${rule.chosen ? "chosen: " : "not chosen: "}${whyShort(rule)}</p>` : null}
            ${rule.condition && !isType(rule) ? html`<${Condition} condition=${rule.condition} />` : null}
            ${rule.chosen && conditions.length ? html`<${Conditions} conditions=${conditions} />` : null}
          </div>
        </li>`)}
    </ol>`;
}

const isType = (rule) => rule.condition?.source === "on";

// The reason without the values, which stand below it; a rule for other types has them in the sentence.
function whyShort(rule) {
  if (isType(rule)) return `${rule.why}, and this is ${shown(rule.condition.sides[0]?.value).replaceAll('"', "")}`;
  return rule.condition ? rule.why.split(": ")[0] : rule.why;
}

const Condition = ({condition}) => html`
  <div class="condition"><code>${condition.source}</code>
    <dl class="sides">${(condition.sides ?? []).map((side) => html`<div key=${side.about}><dt><code>${side.about}</code></dt><dd><code class="result">${shortened(shown(side.value), 120)}</code></dd></div>`)}</dl>
  </div>`;

const shown = (value) => stars(typeof value === "string" ? value : JSON.stringify(value));

const Conditions = ({conditions}) => html`
  <ul class="conditions">
    ${conditions.map((one) => html`
      <li key=${`${one.line}:${one.column}:${one.about}`} class=${one.decides ? "decides" : ""}>
        <span class="about">${one.about}</span> <code>${shortened(one.source, 90)}</code> <code class="result">${shortened(shown(one.value), 60)}</code>
        ${one.decides ? html` <strong>decides</strong>` : null} <${LineLink} line=${one.line} value=${one} />
        ${one.decides && one.reads?.length ? html`<dl class="sides">${one.reads.map((read) => html`
          <div key=${read.path}><dt><code>${read.about || read.path}</code></dt><dd><code class="result">${shown(read.value)}</code></dd></div>`)}</dl>` : null}
      </li>`)}
  </ul>`;

function Values() {
  const {values = []} = state.plan;
  if (!values.length) return html`<p class="empty">The rule of this event reads no value.</p>`;
  return html`
    <table class="values"><thead><tr><th scope="col">Name</th><th scope="col">Value</th><th scope="col">Reads</th><th scope="col"><span class="sr">Place</span></th></tr></thead><tbody>
      ${values.map((one) => html`
        <tr key=${`${one.line}:${one.column}`}><th scope="row"><code>${one.about}</code></th>
          <td><code class=${one.computed === false ? "" : "result"}>${shortened(shown(one.value), 120)}</code></td>
          <td>${(one.reads ?? []).map((read) => html`<span class="read" key=${read.path}><code>${read.about || read.path}</code> <code class="result">${shortened(shown(read.value), 30)}</code></span> `)}</td>
          <td><${LineLink} line=${one.line} value=${one} /></td></tr>`)}
    </tbody></table>`;
}

function Problems() {
  const found = problems();
  if (!found.length) return html`<p class="empty">The file has no problems.</p>`;
  return html`
    <ul class="problems">
      ${found.map((one, index) => html`
        <li key=${index} class=${one.severity}>
          <p><strong>${one.severity}</strong> <${LineLink} line=${one.line} /> <code class="code-name">${one.code}</code></p>
          <p>${one.message}</p>${one.mend ? html`<p class="mend">${one.mend}</p>` : null}
        </li>`)}
    </ul>`;
}

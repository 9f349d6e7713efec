// Resources of the plan: what is wanted, what was found, the difference field by field, and what is written.
import {html} from "./html.js";
import {dirtyEvent, dirtyMapping, state} from "./store.js";
import {LineLink} from "./why_panel.js";
import {pathOf, shortened, stars} from "./words.js";

export function Resources() {
  const edited = dirtyEvent() || dirtyMapping();
  return html`<div class="resources">${(state.plan.resources ?? []).map((one, index) => html`<${Resource} key=${index} resource=${one} before=${edited && state.before?.resources?.[index]} />`)}</div>`;
}

const isObject = (value) => value !== null && typeof value === "object";

function Resource({resource, before}) {
  const {name, subject, line, wanted, found, note, writes = []} = resource;
  return html`
    <article>
      <h4><code>${name}</code> <span class="subject">${stars(subject)}</span> <${LineLink} line=${line} /></h4>
      ${note ? html`<p class="because">${note}</p>` : null}
      ${typeof wanted === "string" ? html`<p><span class="label">wanted</span> ${wanted}</p>` : null}
      ${typeof found === "string" ? html`<p><span class="label">found</span> ${found}</p>` : null}
      <${Fields} resource=${resource} before=${before} />
      ${writes.length ? html`<ul class="writes">${writes.map((one, index) => html`
        <li key=${index}><span class="label">${one.case}</span> ${one.call?.request ? html`<code>${stars(pathOf(one.call.request.line))}</code> <${LineLink} line=${one.call.line} />` : "nothing is written"}</li>`)}</ul>` : null}
    </article>`;
}

function Fields({resource, before}) {
  const {difference = []} = resource;
  const wantedBefore = isObject(before?.wanted) && before !== resource ? before.wanted : {};
  const [wanted, found] = [resource.wanted, resource.found].map((one) => (isObject(one) ? one : null));
  const fields = [...new Set([...Object.keys(wanted ?? {}), ...Object.keys(found ?? {}), ...difference.map((one) => one.field)])];
  if (!fields.length) return null;
  const differs = new Map(difference.map((one) => [one.field, one]));
  return html`
    <table><thead><tr><th scope="col">Field</th><th scope="col">Wanted</th><th scope="col">Found</th><th scope="col">Difference</th></tr></thead><tbody>
      ${fields.map((field) => {
        const other = differs.get(field);
        return html`<tr key=${field} class=${other ? "differs" : ""}><th scope="row"><code>${field}</code></th>
          <td>${cell(wanted ?? {}, field, other?.wanted)}${was(wantedBefore[field], wanted?.[field])}</td><td>${found || other ? cell(found ?? {}, field, other?.found) : html`<span class="none">not read</span>`}</td>
          <td>${other ? html`<strong>differs</strong>` : found && wanted ? "same" : ""}</td></tr>`;
      })}
    </tbody></table>`;
}

// What was wanted without the edits, if it is another value.
const was = (before, now) => (before === undefined || JSON.stringify(before) === JSON.stringify(now) ? null : html` <span class="was">was ${cell({before}, "before")}</span>`);

function cell(holder, field, instead) {
  const value = field in holder ? holder[field] : instead;
  if (value === undefined) return html`<span class="none">none</span>`;
  return html`<code class="result">${shortened(stars(typeof value === "string" ? value : JSON.stringify(value)), 80)}</code>`;
}

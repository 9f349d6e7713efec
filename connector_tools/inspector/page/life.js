// The right column, below: the life of a simulated subscriber, and what the counterpart holds.
// A button that cannot be used keeps the focus, and says why: so it is not `disabled`.
import {html} from "./html.js";
import {live} from "./actions.js";
import {state} from "./store.js";
import {brief, counted, stars} from "./words.js";

export function Life() {
  if (state.info.readonly || (!state.life.length && !state.counterpart)) return null;
  return html`
    <section class="panel life" data-view="life" aria-label="Subscriber">
      <div class="panel-head"><h2>Subscriber</h2>
        ${state.counterpart ? html`<span class="count">${state.counterpart.what}</span>` : null}
        ${isCutOff() ? html`<span class="tag bad">cut off</span>` : null}</div>
      <div class="panel-body" tabIndex="0" role="group" aria-label="Life of the subscriber">
        ${state.life.length ? html`
          <div class="steps" role="group" aria-label="Next in the subscriber's life">
            ${state.life.map((one) => html`
              <button key=${one.id} aria-disabled=${String(!one.enabled)} title=${one.why || ""} aria-busy=${String(state.busyLife === one.id)}
                onClick=${() => one.enabled && live(one.id)}>${one.label}</button>`)}
          </div>` : null}
        <${Counterpart} counterpart=${state.counterpart} />
      </div>
    </section>`;
}

const isCutOff = () => state.life.some((one) => one.id === "recover" && one.enabled);

function Counterpart({counterpart}) {
  if (!counterpart) return html`<p class="empty">${state.info.system ? `The system: ${state.info.system}.` : ""} It has no records that could be shown here.</p>`;
  const {what, by, records, problem} = counterpart;
  if (problem) return html`<p class="failure" role="alert">${problem}</p>`;
  if (by === "nothing") return html`<p class="empty">This system keeps nothing about a subscriber: look at the calls.</p>`;
  if (!records.length) return html`<p class="empty">No record yet.</p>`;
  const columns = [...new Set(records.flatMap((record) => Object.keys(record.words ?? {})))].filter((name) => name !== by);
  return html`
    <div class="table-scroll" tabIndex="0" role="region" aria-label=${`${what}: ${counted(records.length, "record")}`}>
      <table class="counterpart">
        <thead><tr><th scope="col">${by || "record"}</th>${columns.map((name) => html`<th scope="col" key=${name}>${name}</th>`)}</tr></thead>
        <tbody>${records.map((record) => html`
          <tr key=${record.key} class=${[record.changed && "changed", record.gone && "gone"].filter(Boolean).join(" ")}>
            <th scope="row"><code>${brief(record.masked ?? record.key)}</code>${record.changed ? html` <span class="tag edited">${record.gone ? "removed" : "changed"}</span>` : null}</th>
            ${columns.map((name) => html`<td key=${name}>${word(record.words?.[name])}</td>`)}
          </tr>`)}</tbody>
      </table>
    </div>`;
}

const word = (value) => (value === undefined || value === null ? "" : stars(typeof value === "object" ? JSON.stringify(value) : value));

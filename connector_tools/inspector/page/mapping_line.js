// One line of the mapping file: its number, its colours, the values of its expressions, its problems.
import {Component, html} from "./html.js";
import {shortened, stars} from "./words.js";

let known = {text: null, lines: []};

// The lines of a text with a class for each character; a line that did not change stays the same object.
export function coloured(text) {
  if (known.text === text) return known.lines;
  const earlier = new Map(known.lines.map((line) => [line.text, line]));
  const lines = text.split("\n").map((line) => earlier.get(line) ?? {text: line, kinds: kindsOf(line)});
  known = {text, lines};
  return lines;
}

const KEY = /^(\s*(?:- )*)((?:"[^"]*"|'[^']*'|[\w$.\-<]+))(:)(?=\s|$)/;

function kindsOf(line) {
  const kinds = new Array(line.length).fill("");
  const paint = (from, to, kind) => kinds.fill(kind, from, to);
  const comment = commentAt(line);
  if (comment >= 0) paint(comment, line.length, "comment");
  const end = comment < 0 ? line.length : comment;
  const code = line.slice(0, end);
  for (const found of code.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/g)) paint(found.index, found.index + found[0].length, "text");
  for (const found of code.matchAll(/([{,]\s*)([\w$]+)(?=:\s)/g)) paint(found.index + found[1].length, found.index + found[0].length, "key");
  for (const found of code.matchAll(/[&*][a-z_]\w*(?=[\s,}\]]|$)/g)) paint(found.index, found.index + found[0].length, "anchor");
  const key = KEY.exec(code);
  if (key) paint(key[1].length, key[1].length + key[2].length, "key");
  return kinds;
}

function commentAt(line) {
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const sign = line[at];
    if (quote) { if (sign === quote) quote = ""; }
    else if ((sign === '"' || sign === "'") && /[\s:\[{,=(]|^$/.test(line[at - 1] ?? "")) quote = sign;
    else if (sign === "#" && (at === 0 || /\s/.test(line[at - 1]))) return at;
  }
  return -1;
}

export class MappingLine extends Component {
  shouldComponentUpdate(next) {
    const now = this.props;
    return ["line", "number", "spans", "problems", "rule", "marks"].some((name) => (name === "spans" ? !sameSpans(next.spans, now.spans) : next[name] !== now[name]));
  }

  render({line, number, spans, problems, rule, marks}) {
    const worst = problems?.some((one) => one.severity === "error") ? "error" : problems ? "warning" : "";
    return html`
      <div class=${["line", worst, rule && (rule.chosen ? "rule chosen" : "rule")].filter(Boolean).join(" ")} data-line=${number}>
        <span class="number">${number}</span>
        <span class="text">${runs(line, spans, problems, marks)}</span>${hint(spans, problems, rule)}
      </div>`;
  }
}

const sameSpans = (one, other) => one === other || (one.length === 0 && other.length === 0);

function runs(line, spans, problems, marks) {
  const kinds = [...line.kinds];
  const add = (from, length, kind) => { for (let at = from; at < Math.min(from + length, kinds.length); at++) kinds[at] = kinds[at] ? `${kinds[at]} ${kind}` : kind; };
  for (const one of spans) add(one.column - 1, one.length, one.values.length ? "span known" : "span");
  for (const mark of marks ? marks.split(",") : []) {
    const one = spans.find((span) => span.column === parseInt(mark, 10));
    add(one.column - 1, one.length, mark.endsWith("p") ? "pointed" : "reader");
  }
  for (const one of problems ?? []) add((one.column || 1) - 1, one.length || kinds.length, one.severity);
  const parts = [];
  for (let at = 0; at < kinds.length;) {
    let end = at + 1;
    while (end < kinds.length && kinds[end] === kinds[at]) end++;
    const text = line.text.slice(at, end);
    parts.push(kinds[at] ? html`<span class=${kinds[at]}>${text}</span>` : text);
    at = end;
  }
  return parts;
}

// What stands after the line: its first problem, why its rule was not chosen, or the values of its expressions.
function hint(spans, problems, rule) {
  if (problems) return html`<span class=${`after ${problems[0].severity}`}>${problems[0].message}</span>`;
  if (rule) return html`<span class="after">${rule.chosen ? "chosen" : shortened(rule.why, 70)}</span>`;
  const values = spans.flatMap((span) => span.values.slice(0, 1));
  if (!values.length) return null;
  return html`<span class="after value">${values.map((one) => shortened(stars(one.value), 44)).join(" · ")}</span>`;
}

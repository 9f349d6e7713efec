// How values are written for people: outcomes, times, numbers, paths.

// The colour of an outcome says who must act: nobody (good, quiet), the data (data), the system (bad).
const OUTCOMES = {
  applied: ["applied", "good", "disc"],
  duplicate: ["duplicate", "quiet", "rings"],
  ignored: ["ignored", "quiet", "ring"],
  queued: ["queued", "quiet", "half"],
  superseded: ["superseded", "quiet", "arrow"],
  invalid: ["invalid", "data", "triangle"],
  rejected: ["rejected", "data", "diamond"],
  unknown_resource: ["unknown resource", "data", "hollow"],
  throttled: ["throttled", "data", "bars"],
  failed: ["failed", "bad", "cross"],
  unavailable: ["unavailable", "bad", "gap"],
  unauthorized: ["unauthorized", "data", "square"],
  not_allowed: ["not allowed", "data", "square"],
  too_large: ["too large", "data", "square"],
};
const UNKNOWN = ["", "quiet", "ring"];

export const nameOf = (outcome) => OUTCOMES[outcome]?.[0] ?? String(outcome ?? "").replaceAll("_", " ");
export const toneOf = (outcome) => (OUTCOMES[outcome] ?? UNKNOWN)[1];
export const shapeOf = (outcome) => (OUTCOMES[outcome] ?? UNKNOWN)[2];

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function clock(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? String(time ?? "") : at.toLocaleTimeString("en-GB");
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "";
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  return `${value >= 100 ? Math.round(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ms`;
}

export function shortened(text, length) {
  const one = String(text).replace(/\s+/g, " ");
  return one.length > length ? `${one.slice(0, length - 1)}…` : one;
}

// Masked text with one sign in place of its long rows of stars.
export const stars = (text) => String(text ?? "").replace(/\*{3,}/g, "…");

// Masked subjects in a few letters: `imsi:***********7001 imsi:***********7002` is `imsi …7001, …7002`.
export function brief(masked) {
  const kinds = Map.groupBy(stars(masked).split(" "), (one) => (one.includes(":") ? one.split(":")[0] : ""));
  return [...kinds].map(([kind, all]) => `${kind} ${all.map((one) => one.slice(kind ? kind.length + 1 : 0)).join(", ")}`.trim()).join(" · ");
}

// A request line without the address of the system, which stands beside it.
export const pathOf = (line) => String(line ?? "").replace(/ https?:\/\/[^/\s]+/, " ");

// A body as people read it: JSON indented, anything else as it is.
export function pretty(body) {
  if (body === null || body === undefined) return "";
  if (typeof body !== "string") return JSON.stringify(body, null, 2);
  try {
    const value = JSON.parse(body);
    return typeof value === "object" ? JSON.stringify(value, null, 2) : body;
  } catch { return body; }
}

// How an expression that reads `read` has to do with the field at `path`: "it", a "part" of it, or the
// "whole" that it is a part of; empty if nothing.
export function relation(read, path) {
  const [field, other] = [path, read].map((one) => one.replace(/^(pb_data|data\.variables|data)\./, ""));
  if (field === other) return "it";
  if (other.startsWith(`${field}.`) || other.startsWith(`${field}[`)) return "part";
  return field.startsWith(`${other}.`) || field.startsWith(`${other}[`) ? "whole" : "";
}

// Lines of `now` beside those of `before`: [sign, text], where sign is "+", "-" or " ".
export function changedLines(before, now) {
  const [old, fresh] = [before.split("\n"), now.split("\n")];
  const table = Array.from({length: old.length + 1}, () => new Uint16Array(fresh.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let k = fresh.length - 1; k >= 0; k--) {
      table[i][k] = old[i] === fresh[k] ? table[i + 1][k + 1] + 1 : Math.max(table[i + 1][k], table[i][k + 1]);
    }
  }
  const lines = [];
  let [i, k] = [0, 0];
  while (i < old.length || k < fresh.length) {
    if (i < old.length && k < fresh.length && old[i] === fresh[k]) { lines.push([" ", fresh[k]]); i++; k++; }
    else if (i < old.length && (k === fresh.length || table[i + 1][k] >= table[i][k + 1])) lines.push(["-", old[i++]]);
    else lines.push(["+", fresh[k++]]);
  }
  return lines;
}

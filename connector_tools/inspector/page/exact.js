// JSON whose long numbers keep their digits. A number that the browser would round is kept as its text:
// an object that is written as it was read. Browsers without `JSON.rawJSON` round it.

const raws = typeof JSON.rawJSON === "function";

export const parse = (text) => JSON.parse(text, (_, value, read) => (rounded(value, read?.source) ? JSON.rawJSON(read.source) : value));

const rounded = (value, source) => raws && typeof value === "number" && source?.replace(/\D/g, "").length > 15 && String(value) !== source;

const isRaw = (value) => raws && JSON.isRawJSON(value);

export const isHolder = (value) => value !== null && typeof value === "object" && !isRaw(value);
export const kindOf = (value) => (value === null ? "none" : isRaw(value) ? "number" : typeof value);

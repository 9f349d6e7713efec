// The order of search results: Sphinx's points (the first seven lines), and what readers look for first.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,

  score: ([page, title, anchor, about, points]) => points + Scorer.worth(page),

  // Answers to questions come before the pages that explain them, and history comes last.
  worth: (page) => {
    if (page === "docs/cookbook/README") return 0; // it has the title of each answer
    if (page.startsWith("docs/cookbook/")) return 20;
    if (page.startsWith("docs/decisions/") || page === "CHANGELOG") return -40;
    if (page.startsWith("docs/") || page.startsWith("connector/")) return 5;
    return 0;
  },
};

// Sphinx leaves numbers out of a query. Readers search for the status of a reply, such as 409.
if (typeof Search !== "undefined") {
  const parseWithoutNumbers = Search._parseQuery;
  Search._parseQuery = (query) => {
    const parsed = parseWithoutNumbers(query);
    for (const status of query.match(/\b\d{3}\b/g) ?? []) {
      parsed[1].add(status); // what must be found
      parsed[3].add(status); // what is marked on the page
    }
    return parsed;
  };
}

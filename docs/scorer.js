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
    if (page.startsWith("docs/cookbook/")) return 20;
    if (page.startsWith("docs/decisions/") || page === "CHANGELOG") return -40;
    if (page.startsWith("docs/") || page.startsWith("connector/")) return 5;
    return 0;
  },
};

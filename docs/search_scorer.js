// Rank an operation or namespace of exactly the name that is searched for first; then the pages that people wrote; then
// the generated ones, of which some contain every word of the API, and the changelog.
var Scorer = {
  score: ([page, , , , score, , kind]) => {
    if (kind === "title" && score >= Scorer.title && page.startsWith("operations/")) return score + 30;
    return /^(operations|recipes|reference|types|changelog)\b/.test(page) ? score : score + 12;
  },
  objNameMatch: 11, // from here on, the values of Sphinx
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

/** The page's style: light and dark by the reader's choice, from a phone's width on, without anything from elsewhere. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f9, #14171c);
  --card: light-dark(#ffffff, #1c2027);
  --line: light-dark(#d8dce3, #353b46);
  --text: light-dark(#1b1f26, #e6e9ee);
  --soft: light-dark(#525b69, #a7b0be);
  --link: light-dark(#0b57b5, #8ab8ff);
  --code: light-dark(#eef1f5, #12151a);
  --kept: light-dark(#14693a, #6fd39b);
  --broken: light-dark(#b3211d, #ff9289);
  --known: light-dark(#6b4f00, #e5c266);
  --unclear: light-dark(#5b4a9e, #c0b1f5);
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 68rem;
  background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
h4 { font-size: 1rem; margin: .75rem 0 .5rem; }
p { margin: .25rem 0 .5rem; }
a { color: var(--link); }
code, pre { font: .875rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { margin: .25rem 0 .75rem; padding: .6rem .75rem; background: var(--code); border-radius: .375rem; white-space: pre-wrap; }
ul { margin: .25rem 0; padding-left: 1.25rem; }
.soft { color: var(--soft); }
.verdict { font-size: 1.1rem; font-weight: 600; margin: .75rem 0; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line); border-left: .4rem solid currentColor; border-radius: .375rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
ul.card { padding-left: 2rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: .5rem 1.5rem; margin: 0; }
.facts dt { color: var(--soft); font-size: .875rem; }
.facts dd { margin: 0; }
table { border-collapse: collapse; width: 100%; margin-top: .75rem; }
th, td { text-align: right; padding: .35rem .5rem; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .875rem; }
th:first-child { text-align: left; padding-left: 0; font-weight: 600; }
.kept { color: var(--kept); } .broken { color: var(--broken); } .known { color: var(--known); } .unclear { color: var(--unclear); }
td.zero { color: var(--soft); }
fieldset { display: flex; flex-wrap: wrap; gap: .5rem; border: 0; margin: 0; padding: 0; }
legend { padding: 0; margin-bottom: .35rem; color: var(--soft); font-size: .875rem; }
fieldset label { display: inline-flex; align-items: center; gap: .4rem; min-height: 2.5rem; padding: 0 .9rem; background: var(--card); border: 1px solid var(--line); border-radius: 1.25rem; cursor: pointer; }
fieldset label:has(:checked) { border-color: currentColor; font-weight: 600; }
fieldset label:has(:focus-visible) { outline: 2px solid var(--link); outline-offset: 2px; }
fieldset input { margin: 0; accent-color: var(--link); }
details.rule { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; }
details.rule > summary { padding: .65rem 1rem; }
details.rule > :not(summary) { margin-left: 1rem; margin-right: 1rem; }
details.rule > :last-child { margin-bottom: .75rem; }
summary { cursor: pointer; }
summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .375rem; }
.rule > summary .id { font-weight: 600; }
.rule > summary .sentence { display: block; padding-left: 1.1rem; }
.badge { display: inline-block; font-size: .8rem; line-height: 1.4; padding: 0 .5rem; border: 1px solid currentColor; border-radius: .7rem; white-space: nowrap; }
.finding { border-top: 1px solid var(--line); padding: .4rem 0; }
.finding > summary, .finding.plain { padding: .2rem 0; }
.finding dl { margin: .4rem 0 .4rem 1rem; }
.finding dt { color: var(--soft); font-size: .875rem; }
.finding dd { margin: 0 0 .4rem; }
.finding.plain code { color: var(--soft); }
body:has(#show-broken:checked) :is(.area, .rule, .subject):not(.has-broken),
body:has(#show-known:checked) :is(.area, .rule, .subject):not(.has-known),
body:has(#show-unclear:checked) :is(.area, .rule, .subject):not(.has-unclear),
body:has(#show-kept:checked) :is(.area, .rule, .subject):not(.has-kept),
body:has(#show-broken:checked) .finding:not(.is-broken),
body:has(#show-known:checked) .finding:not(.is-known),
body:has(#show-unclear:checked) .finding:not(.is-unclear),
body:has(#show-kept:checked) .finding:not(.is-kept) { display: none; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .875rem; }
@media (max-width: 30rem) {
  body { padding: 1rem .75rem 2rem; }
  .card, details.rule > summary { padding-left: .75rem; padding-right: .75rem; }
  details.rule > :not(summary) { margin-left: .75rem; margin-right: .75rem; }
  th, td { padding: .35rem .2rem; }
}
@media print { fieldset { display: none; } }
`

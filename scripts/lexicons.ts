/** Part of `npm run build`: the documents of `lexicons/`, whole, as the module `cirrus-pds/lexicons`. */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const documents = globSync('lexicons/**/*.json')
  .sort()
  .map((file): unknown => JSON.parse(readFileSync(file, 'utf8')))

const declaration = `/** A Lexicon document: https://atproto.com/specs/lexicon */
export interface LexiconDocument {
  lexicon: 1;
  id: string;
  revision?: number;
  description?: string;
  defs: { [name: string]: { type: string; description?: string; [member: string]: unknown } };
}
/** Every document that Cirrus serves or refers to, in order of path. */
export declare const lexicons: readonly LexiconDocument[];
`

mkdirSync('dist', { recursive: true })
writeFileSync('dist/lexicons.js', `export const lexicons = ${JSON.stringify(documents)};\n`)
writeFileSync('dist/lexicons.d.ts', declaration)
console.log(`dist/lexicons.js: ${documents.length} documents`)

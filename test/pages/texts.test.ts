/** The words of the pages. That none is missing is for the compiler. */
import { describe, expect, it } from 'vitest'
import { chooseLanguage, LANGUAGES, TEXTS } from '../../src/pages/text/texts.ts'

/** Words that are the same in both languages. */
const SHARED = ['App', 'Handle', 'Apps', 'Passkeys']

/** Each text by its place, functions with arguments filled in. */
const leaves = (texts: object, place = ''): [string, string][] =>
  Object.entries(texts).flatMap(([name, value]: [string, unknown]) => {
    const at = `${place}/${name}`
    if (typeof value === 'string') return [[at, value]]
    if (typeof value === 'function') return [[at, String(value('«1»', '«2»', '«3»', '«4»'))]]
    return leaves(Object(value), at)
  })

it('has every text in every language, each a translation', () => {
  const [en, de] = [new Map(leaves(TEXTS.en)), new Map(leaves(TEXTS.de))]
  expect([...de.keys()].toSorted()).toEqual([...en.keys()].toSorted())
  for (const [at, text] of de) {
    expect(text.trim(), at).not.toBe('')
    expect(text, at).not.toMatch(/undefined|\$\{/)
    if (!SHARED.includes(text)) expect(text, at).not.toBe(en.get(at))
  }
})

it('fills the same values into the texts of every language', () => {
  const values = (text: string): string[] => (text.match(/«\d»/g) ?? []).toSorted()
  const en = new Map(leaves(TEXTS.en))
  for (const [at, text] of leaves(TEXTS.de)) expect(values(text), at).toEqual(values(en.get(at) ?? ''))
})

it('names each language in itself', () => {
  expect(LANGUAGES.map((language) => TEXTS[language].language)).toEqual(['English', 'Deutsch'])
})

describe('the language', () => {
  it.each([
    ['en', undefined, [], null],
    ['en', 'en', ['de'], 'de'],
    ['de', undefined, ['de-CH'], 'en'],
    ['de', undefined, ['fr'], 'it, de;q=0.7, en;q=0.3'],
    ['en', undefined, [], 'en;q=0.9, de;q=0.8'],
    ['en', undefined, [], 'de;q=0, fr'],
    ['en', 'constructor', ['__proto__'], 'toString'],
    ['en', undefined, [], ','.repeat(5000)],
  ])(
    'is %s for the choice %s, the app’s %j and the browser’s %s',
    (expected, chosen, uiLocales, acceptLanguage) => {
      const language = chooseLanguage({ chosen, uiLocales, acceptLanguage })
      expect(language).toBe(expected)
    },
  )
})

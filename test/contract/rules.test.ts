/** The rules as docs/contract.md lists them: their ids are for programs, their sentences and sources for people. */
import { expect, it } from 'vitest'
import { embedRules, emitRules } from '../../codegen/emit/rules.ts'
import { RULES } from '../../src/contract/areas.ts'

it('gives each rule an id of its own, which begins with the part', () => {
  const ids = RULES.map(({ id }) => id)
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  expect(ids.filter((id) => !/^[a-z]+(-[a-z]+)*(\.[A-Za-z0-9]+(-[a-z0-9]+)*)+$/.test(id))).toEqual([])
})

it('says what is expected in one sentence, with a source and a profile', () => {
  const wrong = RULES.filter(
    ({ sentence, source, profiles }) =>
      !/^[\p{L}\p{N}/`_].*\.$/u.test(sentence) ||
      sentence.includes('\n') ||
      source.length < 10 ||
      profiles.length === 0,
  )
  expect(wrong.map(({ id }) => id)).toEqual([])
})

it('lists them in a table for each part, between the markers of the page', () => {
  const rule = {
    id: 'part.what',
    sentence: 'A | b.',
    level: 'must' as const,
    source: 'https://atproto.com/specs/xrpc#cors; apps',
    profiles: ['source' as const],
  }
  const page = embedRules('before\n<!-- rules -->\nold\n<!-- /rules -->\nafter', emitRules([rule]))
  expect(page).toBe(`before
<!-- rules -->
1 rules: 1 of level must, 0 of level should, 0 of level house.

### part

| rule | level | what is expected | source | profiles |
|---|---|---|---|---|
| \`part.what\` | must | A \\| b. | <https://atproto.com/specs/xrpc#cors>; apps | source |
<!-- /rules -->
after`)
})

import { expect, it } from 'vitest'
import { embedScopes, emitScopes } from '../../codegen/emit/scopes.ts'
import type { Rule } from '../../src/policy.ts'

const rule = (grant: Rule['grant']): Rule => ({ runs: 'account', who: {}, grant })

it('lists the methods of each need, and says what is open to any grant and to none', () => {
  const list = emitScopes({ 'a.b.c': rule('repo'), 'a.b.d': rule('never'), 'a.b.e': rule('repo') })
  expect(list).toContain('| `repo:`, for each collection and action of the write | `a.b.c`, `a.b.e` |')
  expect(list.split('\n').at(-1)).toBe('| no grant | `a.b.d` |')
})

it('names a group as a whole where all its methods need the same', () => {
  const ids = ['x.y.a', 'x.y.b', 'x.y.c', 'x.y.d', 'x.z.a', 'x.z.b', 'x.z.c', 'x.z.d']
  const list = emitScopes(Object.fromEntries(ids.map((id) => [id, rule(id === 'x.z.a' ? 'any' : 'never')])))
  expect(list.split('\n').slice(-2)).toEqual([
    '| any grant | `x.z.a` |',
    '| no grant | all of `x.y`, `x.z.b`, `x.z.c`, `x.z.d` |',
  ])
})

it('is put between the markers, and nowhere else', () => {
  const text = 'before\n<!-- scopes -->\nold\n<!-- /scopes -->\nafter\n'
  expect(embedScopes(text, 'new $1')).toBe('before\n<!-- scopes -->\nnew $1\n<!-- /scopes -->\nafter\n')
  expect(embedScopes('no markers\n', 'list')).toBe('no markers\n')
})

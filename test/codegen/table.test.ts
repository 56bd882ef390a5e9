import { expect, it } from 'vitest'
import { embedTable, emitTable } from '../../codegen/emit/table.ts'
import type { Method } from '../../codegen/methods.ts'

const method = (id: string): Method => ({ id, main: { type: 'query' } })

it('lists who may call in which state, grouped by the states', () => {
  const table = emitTable([method('a.b.c')], {
    'a.b.c': {
      runs: 'account',
      grant: 'identity:*',
      who: {
        anyone: ['active', 'moved'],
        session: ['active', 'deactivated', 'moved'],
        admin: ['absent', 'active', 'deactivated', 'moved', 'deleted'],
        service: ['moved', 'absent', 'active', 'deactivated'],
        'repo:read': ['moved', 'deactivated', 'active'],
        refresh: ['active'],
        grant: ['active'],
      },
    },
  })
  expect(table.split('\n').at(-1)).toBe(
    '| `a.b.c` | query | account | anyone while active or moved; session, `repo:read` once there is an account; admin always; service until it is deleted; refresh, grant with `identity:*` while active |',
  )
})

it('has a row for a method without a row in the policy', () => {
  expect(emitTable([method('a.b.c')], {})).toContain('| `a.b.c` | query | | |')
})

it('is put between the markers, and nowhere else', () => {
  const text = 'before\n<!-- endpoints -->\nold\n<!-- /endpoints -->\nafter $1 $&\n'
  expect(embedTable(text, 'new $1')).toBe(
    'before\n<!-- endpoints -->\nnew $1\n<!-- /endpoints -->\nafter $1 $&\n',
  )
  expect(embedTable(embedTable(text, 'a'), 'b')).toBe(embedTable(text, 'b'))
  expect(embedTable('no markers\n', 'table')).toBe('no markers\n')
})

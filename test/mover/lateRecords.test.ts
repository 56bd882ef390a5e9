import { describe, expect, it } from 'vitest'
import { lateRecords, type LateRecord } from '../../src/mover/lateRecords.ts'
import { cborCid } from '../../src/repo/cid.ts'

type Tree = Record<string, string>
const cidOf = (text: string) => cborCid(new TextEncoder().encode(text))
const tree = (records: Tree) =>
  Object.entries(records)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, text]) => ({ path, cid: cidOf(text) }))
const late = (base: Tree, written: Tree, there: Tree = base) => [
  ...lateRecords({ base: tree(base), late: tree(written), there: tree(there) }),
]
const short = ({ action, path, conflict }: LateRecord) => `${action} ${path}${conflict ? '!' : ''}`

/** What the server has once the late records were brought over. */
const brought = (base: Tree, written: Tree, there: Tree): string[] => {
  const records = new Map(tree(there).map(({ path, cid }) => [path, cid.toString()]))
  for (const { path, late: record } of late(base, written, there))
    if (record) records.set(path, record.cid.toString())
    else records.delete(path)
  return [...records].map(([path, cid]) => `${path} ${cid}`).toSorted()
}

describe('late records', () => {
  it('are what was created, changed and deleted since the copy', () => {
    const base = { 'a/1': 'x', 'a/2': 'x', 'b/1': 'x' }
    const found = late(base, { 'a/0': 'new', 'a/1': 'x', 'a/2': 'changed', 'c/1': 'new' })
    expect(found.map(short)).toEqual(['create a/0', 'update a/2', 'delete b/1', 'create c/1'])
    expect(found[1]).toMatchObject({ there: cidOf('x'), late: { cid: cidOf('changed') } })
  })

  it('are none where nothing was written, and none for what the other server alone has written', () => {
    expect(late({ 'a/1': 'x' }, { 'a/1': 'x' })).toEqual([])
    expect(late({ 'a/1': 'x' }, { 'a/1': 'x' }, { 'a/1': 'theirs', 'a/2': 'theirs' })).toEqual([])
    expect(late({}, {}, { 'a/2': 'theirs' })).toEqual([])
    expect(late({}, {}, {})).toEqual([])
  })

  it('are not named again once they have arrived', () => {
    const written = { 'a/1': 'changed', 'a/2': 'new' }
    expect(late({ 'a/1': 'x', 'a/0': 'x' }, written, { ...written, 'a/9': 'theirs' })).toEqual([])
  })

  it('are a conflict where the other server has changed the same record', () => {
    const base = { 'a/1': 'x', 'a/2': 'x', 'a/3': 'x' }
    const written = { 'a/1': 'late', 'a/3': 'late', 'a/4': 'late' }
    const there = { 'a/1': 'theirs', 'a/2': 'theirs', 'a/4': 'theirs' }
    expect(late(base, written, there).map(short)).toEqual([
      'update a/1!',
      'delete a/2!',
      'create a/3!',
      'update a/4!',
    ])
  })

  it('lead to the same records as the server that was written to, but for what the other one wrote by itself', () => {
    // Every state of a record on three sides: absent, x, y, z.
    const states = ['', 'x', 'y', 'z']
    const [base, written, there, expected]: [Tree, Tree, Tree, Tree] = [{}, {}, {}, {}]
    const put = (records: Tree, path: string, text: string | undefined) => {
      if (text) records[path] = text
    }
    for (const b of states)
      for (const l of states)
        for (const t of states) {
          const path = `c/${b || '_'}${l || '_'}${t || '_'}`
          put(base, path, b)
          put(written, path, l)
          put(there, path, t)
          put(expected, path, b === l ? t : l)
        }
    expect(brought(base, written, there)).toEqual(brought({}, {}, expected))
  })
})

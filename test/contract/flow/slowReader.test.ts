import { describe, expect, it } from 'vitest'
import { lossProblem } from '../../../src/contract/areas/firehose/checkSlowReader.ts'
import type { Frame } from '../../../src/contract/areas/firehose/stream.ts'

const frames = (...seqs: (number | undefined)[]): Frame[] =>
  seqs.map((seq) => ({
    bytes: new Uint8Array(),
    op: seq === undefined ? -1 : 1,
    type: seq === undefined ? '' : '#commit',
    seq,
    body: {},
  }))

describe('what a slow reader got', () => {
  it('is everything, or a beginning, with or without an error', () => {
    expect(lossProblem(frames(1, 2, 3), frames(1, 2, 3))).toBeUndefined()
    expect(lossProblem(frames(1, 2, 3), frames(1))).toBeUndefined()
    expect(lossProblem(frames(1, 2, 3), frames(1, undefined))).toBeUndefined()
    expect(lossProblem(frames(1, 2, 3), [])).toBeUndefined()
  })

  it('has a gap', () => {
    expect(lossProblem(frames(1, 2, 3), frames(1, 3))).toBe('after 1 came 3, and 2 was left out')
    expect(lossProblem(frames(1, 2, 3), frames(2, 3))).toBe('after nothing came 2, and 1 was left out')
    expect(lossProblem(frames(1, 2, 3), frames(1, 1, 2))).toBe('after 1 came 1, and 2 was left out')
  })
})

import { describe, expect, it } from 'vitest'
import { readBody } from '../../../src/account/views/readBody.ts'

const read = (text: string): unknown => readBody({ bytes: new TextEncoder().encode(text), encoding: null })

describe('the body of an answer', () => {
  it('is not read where its values are too deep or too many', () => {
    const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`
    expect(read(deep(2200))).toBeInstanceOf(Array)
    expect(read(deep(2201))).toBeUndefined()
    expect(read(`[${'1,'.repeat(500_000)}1]`)).toBeUndefined()
  })

  it('may have any text, also of brackets and commas', () => {
    const post = { text: `${'[{,'.repeat(300_000)} \\" \\\\ "[` }
    expect(read(JSON.stringify([post, post]))).toEqual([post, post])
  })
})

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'

const read = (file: string): string => readFileSync(path.join(import.meta.dirname, file), 'utf8').trim()

const blocksOf = (page: string) =>
  [...read(`../../docs/${page}`).matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code?.trim())

it('docs/client.md shows the examples that are compiled', () => {
  expect(blocksOf('client.md')).toEqual([read('example.ts'), read('subscribeExample.ts')])
})

it('docs/targets.md shows the example that is compiled and run', () => {
  expect(blocksOf('targets.md')).toEqual([read('targetExample.ts')])
})

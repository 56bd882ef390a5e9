import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'

const read = (file: string): string => readFileSync(path.join(import.meta.dirname, file), 'utf8').trim()

it('docs/client.md shows the examples that are compiled', () => {
  const blocks = [...read('../../docs/client.md').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) =>
    code?.trim(),
  )
  expect(blocks).toEqual([read('example.ts'), read('subscribeExample.ts')])
})
